"""What is implausible is said, and what is usual is not."""

import numpy as np
import pytest
from support import ArrayPlane, smooth

from cellseg.segmentation import doubts as module
from cellseg.segmentation.doubts import doubts

RNG = np.random.RandomState(0)
NOISE = RNG.normal(300, 20, (256, 256)).round().astype(np.uint16)
CELLS = NOISE + smooth(256, 256)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_cells_are_no_doubt(dtype):
    assert doubts(ArrayPlane(CELLS.astype(dtype)), 0.3) == []


def test_a_cover_of_nearly_all_is_one():
    (said,) = doubts(ArrayPlane(CELLS), 0.98)
    assert "covers 98% of the image" in said


@pytest.mark.parametrize("sample", [1 << 22, 1 << 12])
def test_noise_alone_is_one(sample, monkeypatch):
    monkeypatch.setattr(module, "_SAMPLE", sample)
    (said,) = doubts(ArrayPlane(NOISE), 0.1)
    assert "contrast near the noise" in said
    one = NOISE.copy()
    one[100:105, 100:105] = 3000  # too small for the percentiles that set the scale
    assert "contrast near the noise" in doubts(ArrayPlane(one), 0.1)[0]


def test_hot_pixels_are_one():
    hot = CELLS.copy()
    hot[77] = 65535
    (said,) = doubts(ArrayPlane(hot), 0)
    assert "hot pixels" in said


def test_what_is_no_number_is_left_out():
    image = CELLS.astype(np.float32)
    image[:40] = np.nan
    assert doubts(ArrayPlane(image), 0.3) == []
    assert doubts(ArrayPlane(image * np.nan), 0.3) == []
