"""Measurements of cells beside those of scikit-image."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import regionprops

from cellseg.segmentation.measurement import CELL, measure


def random_cells(seed, shape=(60, 70), density=0.55):
    rng = np.random.RandomState(seed)
    mask = ndimage.uniform_filter(rng.uniform(size=shape), 3) > density
    return ndimage.label(mask, np.ones((3, 3)))[0]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_the_numbers_are_those_of_scikit_image(seed, dtype):
    labels = random_cells(seed)
    grey = (np.random.RandomState(seed + 100).uniform(0, 250, labels.shape)).astype(dtype)
    cells = measure(labels, grey, top=1000, left=2000)
    theirs = regionprops(labels, grey)
    assert len(cells) == len(theirs) > 20
    for cell, region in zip(cells, theirs):
        box = region.bbox
        assert cell["label"] == region.label and cell["area"] == region.area
        assert (cell["top"], cell["left"]) == (box[0] + 1000, box[1] + 2000)
        assert (cell["bottom"], cell["right"]) == (box[2] + 1000, box[3] + 2000)
        place = (cell["centroid_row"] - 1000, cell["centroid_column"] - 2000)
        np.testing.assert_allclose(place, region.centroid, rtol=1e-9)
        values = grey[labels == region.label].astype(np.float64)
        np.testing.assert_allclose(cell["mean_intensity"], values.mean(), rtol=1e-9)
        assert cell["max_intensity"] == values.max()
        np.testing.assert_allclose(cell["eccentricity"], region.eccentricity, atol=1e-7)
        first = np.argwhere(labels == region.label)[0]
        assert (cell["first_row"] - 1000, cell["first_column"] - 2000) == tuple(first)


def test_solidity_is_that_of_the_pixels_squares():
    from scipy.spatial import ConvexHull

    labels = random_cells(9)
    for cell in measure(labels, labels):
        pixels = np.argwhere(labels == cell["label"])
        corners = np.concatenate([pixels + [row, column] for row in (0, 1) for column in (0, 1)])
        np.testing.assert_allclose(cell["solidity"], len(pixels) / ConvexHull(corners).volume, rtol=1e-9)
    rectangle = np.zeros((9, 9), int)
    rectangle[2:5, 1:8] = 1
    assert measure(rectangle, rectangle)["solidity"] == 1


def test_a_plane_without_cells_has_none():
    cells = measure(np.zeros((4, 5), np.int32), np.zeros((4, 5)))
    assert cells.shape == (0,) and cells.dtype == CELL


def test_pixels_that_are_no_numbers_have_no_part_in_the_brightness():
    labels = np.zeros((5, 9), int)
    labels[1:4, 1:4], labels[1:4, 5:8] = 1, 2
    grey = np.arange(45, dtype=np.float32).reshape(5, 9)
    grey[2, 2], grey[2, 6] = np.nan, np.inf
    cells = measure(labels, grey)
    assert cells["area"].tolist() == [9, 9]
    assert cells["mean_intensity"].tolist() == [20, 24] and cells["max_intensity"].tolist() == [30, 34]
