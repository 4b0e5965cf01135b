"""The diameter of a user's cells, and what follows from it."""

import pytest

from cellseg.errors import CellsegError
from cellseg.models.settings import ModelSettings
from cellseg.segmentation.size import Diameter, at_size, read_diameter, rescaling

SETTINGS = ModelSettings("d.prototxt", "root", 0.5, smallest_object=20, largest_hole=5, split=0.5, diameter=18.0)


@pytest.mark.parametrize(
    ("text", "value", "in_micrometres"),
    [("30", 30, False), ("7.5px", 7.5, False), ("12um", 12, True), (" .5 µm", 0.5, True), ("0.012 mm", 12, True)],
)
def test_a_diameter_has_a_unit_or_is_in_pixels(text, value, in_micrometres):
    found = read_diameter(text)
    assert found.value == pytest.approx(value) and found.in_micrometres is in_micrometres
    assert read_diameter(str(found)) == found


@pytest.mark.parametrize("text", ["0", "-3", "nan", "large", "12 parsec", "1e9999", "inf", ""])
def test_what_is_no_diameter_is_refused(text):
    with pytest.raises(CellsegError, match=f"^diameter {text}: give a number of pixels"):
        read_diameter(text)


def test_the_factor_brings_the_cells_to_the_models_size():
    assert rescaling(None, SETTINGS) == 1
    assert rescaling(Diameter(36), SETTINGS) == 0.5
    assert rescaling(Diameter(9, in_micrometres=True), SETTINGS, (0.5, 0.5)) == 1
    assert rescaling(Diameter(9, in_micrometres=True), SETTINGS, (1.0, 0.25)) == 1  # as many pixels a cell


@pytest.mark.parametrize(
    ("diameter", "change", "words"),
    [
        (Diameter(9, in_micrometres=True), {}, "does not say how large its pixels are; give it in pixels"),
        (Diameter(9), {"diameter": None}, "do not say how large its cells are"),
        (Diameter(2.2), {}, "at most 8 times"),
        (Diameter(150), {}, "at most 8 times"),
    ],
)
def test_what_cannot_be_rescaled_is_refused(diameter, change, words):
    with pytest.raises(CellsegError, match=words):
        rescaling(diameter, ModelSettings("d.prototxt", "root", 0.5, **{"diameter": 18.0, **change}))


def test_settings_in_pixels_follow_the_size():
    used = at_size(SETTINGS, 0.5, maps=1)
    assert (used.smallest_object, used.largest_hole, used.split, used.diameter) == (80, 20, 1.0, 36.0)
    assert at_size(SETTINGS, 0.5, maps=2).split == SETTINGS.split  # a part of a distance, no pixels
    whole = at_size(ModelSettings("d.prototxt", "root", 0.5, split=None), 0.5, maps=1)
    assert whole.split is whole.diameter is None
