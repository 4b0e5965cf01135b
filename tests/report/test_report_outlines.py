import numpy as np
import pytest

from cellseg.evaluation.predictions import Prediction
from cellseg.evaluation.record import ImageScores
from cellseg.report.outlines import choose, classified, draw, outlines


def row(name, mcc, cell_pixels=10):
    return ImageScores(name=name, tp=cell_pixels, fp=1, tn=50, fn=0, mcc=mcc, cells=1, found=1)


def square(rows, columns, shape=(20, 30)):
    mask = np.zeros(shape, bool)
    mask[rows, columns] = True
    return mask


def test_best_and_worst_by_mcc_with_ties_by_name_and_no_image_without_cells():
    rows = [row("e", 0.9), row("b", 0.5), row("empty", 0.0, cell_pixels=0), row("d", 0.9), row("a", 0.5), row("c", 0.7)]
    assert choose(rows, 2) == (["d", "e"], ["a", "b"])


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_no_image_is_among_the_best_and_the_worst(count):
    rows = [row(name, mcc) for name, mcc in zip("abc", (0.1, 0.2, 0.3))][:count]
    best, worst = choose(rows, 4)
    assert sorted(best + worst) == sorted(one.name for one in rows)
    assert 0 <= len(best) - len(worst) <= 1


@pytest.mark.parametrize(
    "rows, columns", [((0, 20), (0, 30)), ((0, 4), (0, 3)), ((15, 20), (25, 30)), ((5, 9), (7, 9))]
)
def test_outlines_are_closed_at_the_border_too_and_follow_the_pixels_edges(rows, columns):
    (line,) = outlines(square(slice(*rows), slice(*columns)))
    assert np.array_equal(line[0], line[-1])
    assert list(line.min(axis=0)) == [rows[0] - 0.5, columns[0] - 0.5]
    assert list(line.max(axis=0)) == [rows[1] - 0.5, columns[1] - 0.5]


def test_outlines_join_pixels_at_corners_and_go_around_holes():
    assert len(outlines(np.eye(5, dtype=bool))) == 1
    ring = square(slice(2, 12), slice(2, 12))
    ring[5:8, 5:8] = False
    assert len(outlines(ring)) == 2
    assert outlines(square(slice(0), slice(0))) == []


def test_each_class_of_pixel_has_its_own_colour():
    truth, found = np.array([[0, 0, 1, 1]], bool), np.array([[0, 1, 0, 1]], bool)
    colours = classified(found, truth)
    assert colours.shape == (1, 4, 3)
    assert len({tuple(colour) for colour in colours[0]}) == 4
    assert np.array_equal(classified(truth, found)[0, [0, 2, 1, 3]], colours[0])


def test_figure_shows_outlines_classes_at_the_threshold_and_scores():
    truth = square(slice(5, 12), slice(5, 12))
    probability = np.where(square(slice(5, 12), slice(0, 12)), np.float32(0.5), 0).astype(np.float32)
    image = truth * np.float32(0.3)
    figure = draw([Prediction("cell $1$", image, truth, probability)], {"cell $1$": 0.123456}, 0.5)
    left, right = figure.axes
    first, second = left.lines
    assert (first.get_xdata().min(), second.get_xdata().min()) == (4.5, -0.5)
    assert first.get_color() != second.get_color() and first.get_linestyle() != second.get_linestyle()
    assert np.array_equal(right.images[0].get_array(), classified(probability > 0, truth))
    assert [text.get_text() for text in left.texts] == ["cell $1$: MCC 0.123"]
    assert "0.50" in figure.texts[0].get_text()
    assert [len(legend.get_texts()) for legend in figure.legends] == [2, 3]
    assert not draw([Prediction("a", image, truth, probability)], {"a": 0}, 0.51).axes[0].lines[1:]
