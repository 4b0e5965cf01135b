import io

import numpy as np
import pytest

from cellseg.errors import CellsegError
from cellseg.evaluation.predictions import Prediction
from cellseg.report.triptychs import choose, draw


def prediction(name, shape=(16, 16), seed=0):
    rng = np.random.RandomState(seed)
    image = rng.uniform(size=shape).astype(np.float32)
    background = "noise" if "n@" in name else "plain"
    return Prediction(name, image, image > 0.7, rng.uniform(size=shape).astype(np.float32), background)


def chosen(names, count):
    return [one.name for one in choose([prediction(name) for name in names], count)]


def test_half_of_the_chosen_patches_have_noise_and_all_are_evenly_spaced():
    names = [f"simulated_{n:04d}{'n' * (n % 2)}@{n},0" for n in range(16)]
    assert chosen(names, 4) == [names[n] for n in (4, 5, 12, 13)]
    assert sum("n@" in name for name in chosen(names, 5)) == 2


def test_patches_of_different_images_are_preferred():
    names = [f"simulated_{n:04d}{'n' * (n % 2)}@{where}" for where in ("0,0", "5,5", "9,9") for n in range(4)]
    assert chosen(names, 4) == names[:4]
    assert len(set(chosen(names, 6))) == 6


@pytest.mark.parametrize(
    "names", [["brain@0,0", "train", "c"], ["s_0001n@1,1", "s_0003n@1,1", "s_0005n"], ["s_0@1", "s_2@1", "s_3n"]]
)
def test_where_one_kind_is_short_the_other_takes_its_places(names):
    assert len(chosen(names, 2)) == 2
    assert chosen(names, 9) == names
    assert chosen([], 2) == []


def test_a_row_shows_patch_truth_and_output_from_left_to_right():
    predictions = [prediction("simulated_0001n@0,0", seed=1), prediction("simulated_0002@3,4", seed=2)]
    figure = draw(predictions)
    pictures = [axes for axes in figure.axes if axes.images]
    assert len(pictures) == 6
    lefts, tops = zip(*[(axes.get_position().x0, axes.get_position().y1) for axes in pictures])
    assert sorted(lefts[:3]) == list(lefts[:3]) and len(set(lefts[:3])) == 3 and tops[0] > tops[3]
    for number, one in enumerate(predictions):
        shown = [axes.images[0].get_array() for axes in pictures[3 * number : 3 * number + 3]]
        for plane, picture in zip(one[1:4], shown):
            assert np.array_equal(picture, plane)
    words = {text.get_text() for axes in pictures for text in axes.texts}
    assert words == {"simulated_0001n@0,0, with noise background", "simulated_0002@3,4"}
    assert pictures[2].images[0].get_clim() == (0, 1)


@pytest.mark.filterwarnings("error")
def test_odd_names_sizes_and_grey_values_are_drawn_too():
    flat = prediction("$x^{$ & <b>", (40, 10))._replace(image=np.zeros((40, 10), np.float32))
    figure = draw([flat, prediction("0123456789abcdef" * 6, (10, 64))])
    stream = io.BytesIO()
    figure.savefig(stream, format="svg")
    figure.canvas.draw()
    for text in (text for axes in figure.axes for text in axes.texts):
        extent = text.get_window_extent()
        assert extent.x0 >= 0 and extent.x1 <= figure.bbox.width, text.get_text()


def test_nothing_to_draw_is_said_in_a_line():
    with pytest.raises(CellsegError, match="evaluate"):
        draw([])
