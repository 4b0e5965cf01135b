"""What every figure gets on being saved."""

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from cellseg.report import style


def draw():
    figure = Figure(figsize=(3, 2))
    figure.subplots().set_title("written")
    return figure


def test_files_of_a_figure(tmp_path):
    picture = style.save(draw, tmp_path, "plot")
    assert picture == ("plot", tmp_path / "plot.png", tmp_path / "plot.svg", tmp_path / "plot-dark.svg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plot-dark.svg", "plot.png", "plot.svg"]
    drawn = np.asarray(Image.open(str(picture.png)).convert("RGBA"))
    assert (drawn[..., 3] == 255).all() and (drawn[0, 0, :3] == 255).all()
    assert Image.open(str(picture.png)).info["dpi"] == pytest.approx((200, 200), abs=0.1)


def test_text_stays_text_without_a_page_colour_or_a_date(tmp_path):
    picture = style.save(draw, tmp_path, "plot")
    for path in (picture.svg, picture.dark_svg):
        text = path.read_text()
        assert ">written</text>" in text and "sans-serif" in text
        assert "<dc:date>" not in text and "fill: #ffffff" not in text


def test_a_photograph_is_drawn_once(tmp_path):
    calls = []
    picture = style.save(lambda: calls.append(1) or draw(), tmp_path, "photo", dark=False)
    assert picture.dark_svg is None and len(calls) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.png", "photo.svg"]


def test_settings_of_the_user_neither_matter_nor_change(tmp_path):
    one = style.save(draw, tmp_path, "one").svg.read_bytes()
    with matplotlib.rc_context({"font.size": 40, "axes.titlepad": 20}):
        assert style.save(draw, tmp_path, "two").svg.read_bytes() == one
        assert matplotlib.rcParams["font.size"] == 40
