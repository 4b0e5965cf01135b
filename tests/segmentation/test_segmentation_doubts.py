"""What is implausible is said, and what is usual is not."""

import numpy as np
import pytest
from support import ArrayPlane, smooth

from cellseg.data import noise
from cellseg.data.normalisation import Scale
from cellseg.segmentation.doubts import doubts as doubts_of
from cellseg.segmentation.find_cells import Cells
from cellseg.segmentation.measurement import CELL

RNG = np.random.RandomState(0)
NOISE = RNG.normal(300, 20, (256, 256)).round().astype(np.uint16)
CELLS = NOISE + smooth(256, 256)


def doubts(plane, covered, missing=0, span=1.0):
    table = np.zeros(1, CELL)
    table["area"] = round(covered * plane.shape[0] * plane.shape[1])
    return doubts_of(plane, Scale(0.0, span), Cells(table, np.arange(2), missing))


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_cells_are_no_doubt(dtype):
    assert doubts(ArrayPlane(CELLS.astype(dtype)), 0.3) == []


def test_a_cover_of_nearly_all_is_one():
    (said,) = doubts(ArrayPlane(CELLS), 0.98)
    assert "covers 98% of the image" in said


@pytest.mark.parametrize("sample", [1 << 22, 1 << 12])
def test_noise_alone_is_one(sample, monkeypatch):
    monkeypatch.setattr(noise, "_SAMPLE", sample)
    (said,) = doubts(ArrayPlane(NOISE), 0.1)
    assert "contrast near the noise" in said
    one = NOISE.copy()
    one[100:105, 100:105] = 3000  # too small for the percentiles that set the scale
    assert "contrast near the noise" in doubts(ArrayPlane(one), 0.1)[0]


@pytest.mark.parametrize(("areas", "given"), [([1600] * 5, "45"), ([50] * 3 + [9999] * 2, "8")])
def test_cells_of_another_size_than_the_models_are_one(areas, given):
    """A disc of 1600 pixels has a diameter of 45."""
    table = np.zeros(len(areas), CELL)
    table["area"] = areas
    cells = Cells(table, np.arange(len(areas) + 1))
    plane, scale = ArrayPlane(CELLS), Scale(0.0, 1.0)
    (said,) = doubts_of(plane, scale, cells, 18.0)
    assert f"median diameter is {given} pixels, the model's 18" in said and f"give --diameter {given}" in said
    assert doubts_of(plane, scale, cells, float(given)) == doubts_of(plane, scale, cells, None) == []
    few = Cells(table[:4], np.arange(5))
    assert doubts_of(plane, scale, few, 18.0) == []


def test_hot_pixels_are_one():
    hot = CELLS.copy()
    hot[77] = 65535
    (said,) = doubts(ArrayPlane(hot), 0)
    assert "hot pixels" in said


def test_what_is_no_number_is_left_out():
    image = CELLS.astype(np.float32)
    image[:40] = np.nan
    (said,) = doubts(ArrayPlane(image), 0.3, missing=40 * 256)
    assert said == "15.62% of the pixels are NaN or infinite and count as background"
    assert doubts(ArrayPlane(image * np.nan), 0.3) == []


def test_no_contrast_is_one():
    (said,) = doubts(ArrayPlane(np.full((9, 9), 7)), 0, span=0.0)
    assert "no contrast" in said
