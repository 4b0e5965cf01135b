import numpy as np
import pytest

from cellseg.evaluation.indicators import indicators
from cellseg.evaluation.record import Scored, SweepRow
from cellseg.evaluation.sweep import Sweep
from cellseg.report import roc


def sweep(noise, seed=0):
    rng = np.random.RandomState(seed)
    truth = rng.uniform(size=2000) < 0.2
    result = Sweep()
    result.add(np.clip(0.3 * truth + rng.uniform(0, noise, truth.shape), 0, 1), truth)
    return result


def rows(result):
    return [SweepRow(**row) for row in result.table()]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def line(axes, label):
    (found,) = [one for one in axes.lines if one.get_label().startswith(label)]
    return found.get_xydata()


def rings(axes):
    return [tuple(one.get_xydata()[0]) for one in axes.lines if one.get_markerfacecolor() == "none"]


@pytest.fixture(scope="module")
def series():
    before, after = sweep(0.8), sweep(0.5)
    return [roc.Series("before", rows(before), before.best_threshold), roc.Series("after", rows(after), 0.48)]


@pytest.fixture(scope="module")
def otsu():
    return roc.point("Otsu", Scored(**indicators(300, 40, 1560, 100)))


def test_every_threshold_is_a_point_and_the_chosen_one_has_a_ring_and_its_value(series, otsu):
    (axes,) = roc.draw_roc(series, [otsu]).axes
    (inset,) = axes.child_axes
    row = series[1].rows[48]
    for place in (axes, inset):
        expected = [(1 - one.specificity, one.recall) for one in series[1].rows]
        assert np.allclose(line(place, "after"), expected)
        assert rings(place)[1] == pytest.approx((1 - row.specificity, row.recall))
    assert inset.get_xlim() == (0, 0.1)
    assert "0.48" in texts(inset) and "0.48" not in texts(axes)
    assert inset.get_ylim()[0] <= min(otsu.tpr, row.recall)


def test_a_choice_outside_the_inset_is_labelled_in_the_large_axes(series):
    (axes,) = roc.draw_roc([series[1]._replace(chosen=0.01)]).axes
    assert texts(axes) == ["0.01"] and texts(axes.child_axes[0]) == []


def test_mcc_of_the_networks_and_of_what_needs_no_threshold(series, otsu):
    (axes,) = roc.draw_mcc(series, [otsu]).axes
    assert np.allclose(line(axes, "before"), [(one.threshold, one.mcc) for one in series[0].rows])
    assert rings(axes)[1] == (0.48, series[1].rows[48].mcc) and "0.48" in texts(axes)
    assert set(line(axes, "Otsu")[:, 1]) == {otsu.mcc}


def test_precision_is_drawn_against_recall_where_both_are_defined(series, otsu):
    (axes,) = roc.draw_precision_recall(series, [otsu]).axes
    rows = [row for row in series[1].rows if row.precision is not None]
    assert len(rows) < 101
    assert np.allclose(line(axes, "after"), [(row.recall, row.precision) for row in rows])
    assert line(axes, "Otsu").tolist() == [[0.75, 300 / 340]]
    first = series[0].rows[0]
    assert set(line(axes, "chance")[:, 1]) == {(first.tp + first.fn) / 2000}


@pytest.mark.parametrize("draw", [roc.draw_roc, roc.draw_mcc, roc.draw_precision_recall])
def test_the_legend_has_the_scores_and_room(draw, series, otsu):
    figure = draw(series, [otsu])
    (legend,) = figure.legends
    words = [text.get_text() for text in legend.get_texts()]
    assert {f"after: MCC {series[1].rows[48].mcc:.3f} at 0.48", f"Otsu: MCC {otsu.mcc:.3f}"} < set(words)
    figure.canvas.draw()
    assert legend.get_window_extent().x0 >= 0 and legend.get_window_extent().x1 <= figure.bbox.width


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("truth", [np.zeros(9, bool), np.ones(9, bool)])
def test_images_of_one_class_are_drawn_as_far_as_they_have_indicators(truth):
    result = Sweep()
    result.add(np.linspace(0, 1, 9), truth)
    nothing = roc.point("Otsu", Scored(**indicators(0, 0, 9, 0)))
    for draw in (roc.draw_roc, roc.draw_mcc, roc.draw_precision_recall):
        draw([roc.Series("network", rows(result), 0.5), roc.Series("none", [])], [nothing]).canvas.draw()


def test_without_a_choice_there_is_no_ring(series):
    (axes,) = roc.draw_mcc([series[0]._replace(chosen=None)]).axes
    assert rings(axes) == [] and texts(axes) == []
