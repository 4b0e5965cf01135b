"""Figure 7: what is drawn are the rows of the history."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from cellseg.report import curves, style


def rows(count, rate=lambda epoch: 0.1 if epoch <= 2 else 0.01, score=0.5):
    names = ("epoch", "iteration", "lr", "train_loss", "test_loss", "test_mcc")
    values = ((n, 10 * n, rate(n), 1 / n, 2 / n, score + n / 100) for n in range(1, count + 1))
    return [dict(zip(names, map(str, row))) for row in values]


def test_one_run_is_drawn_as_it_was():
    left, right = curves.draw({"pretrain": [rows(4)]}).axes
    losses = {line.get_label(): line.get_xydata() for line in left.lines}
    np.testing.assert_allclose(losses["training loss"], [(n, 1 / n) for n in range(1, 5)])
    np.testing.assert_allclose(losses["test loss"], [(n, 2 / n) for n in range(1, 5)])
    np.testing.assert_allclose(right.lines[0].get_ydata(), [0.51, 0.52, 0.53, 0.54])
    assert "simulated" in left.get_title(loc="left") and not left.collections
    assert [text.get_text() for text in right.texts] == ["0.01"] and right.texts[0].xy[0] == 2


def test_several_seeds_are_a_mean_and_a_band_over_the_epochs_of_all():
    left, right = curves.draw({"finetune": [rows(4), rows(3, score=0.7)]}).axes
    np.testing.assert_allclose(right.lines[0].get_xydata(), [(n, 0.6 + n / 100) for n in (1, 2, 3)])
    heights = right.collections[0].get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx(0.51) and heights.max() == pytest.approx(0.73)
    assert "2 seeds" in left.get_title(loc="left")


def test_a_rate_that_falls_all_the_time_and_rows_of_a_foreign_log():
    history = [{**row, "test_mcc": None} for row in rows(6, rate=lambda epoch: 0.1 / epoch)]
    left, right = curves.draw({"finetune": [history]}).axes
    assert not right.lines and len(left.lines) == 2
    assert [text.get_text() for text in right.texts] == ["not recorded"] and right.get_xlim() == left.get_xlim()


def test_saved_files_are_the_same_each_time_and_differ_by_theme(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        picture = style.save(lambda: curves.draw({"pretrain": [rows(3)]}), tmp_path / folder, "curves")
    for path in picture[1:]:
        assert path.read_bytes() == (tmp_path / "a" / path.name).read_bytes()
    light, dark = picture.svg.read_text(), picture.dark_svg.read_text()
    assert style.THEMES["light"]["text.color"] in light and style.THEMES["dark"]["text.color"] in dark
    assert style.THEMES["light"]["text.color"] not in dark
