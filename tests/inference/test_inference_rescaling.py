"""A plane at another size: what a pixel is made of, that windows change nothing, and the way back."""

import numpy as np
import pytest
from skimage.transform import resize
from support import ArrayPlane, smooth

from cellseg.inference import rescaling
from cellseg.inference.rescaling import RescaledPlane

IMAGE = smooth(61, 83).astype(np.float32)


def whole(plane):
    return plane.read(0, plane.shape[0], 0, plane.shape[1])


@pytest.mark.parametrize("factor", [1, 1.3, 2, 7.9])
def test_enlarging_interpolates_linearly_between_centres(factor):
    found = whole(RescaledPlane(ArrayPlane(IMAGE), factor))
    np.testing.assert_allclose(found, resize(IMAGE, found.shape, order=1, mode="edge"), rtol=1e-5)
    assert found.dtype == np.float32 and found.shape == (round(61 * factor), round(83 * factor))


@pytest.mark.parametrize("factor", [0.9, 0.5, 0.13])
def test_shrinking_takes_the_mean_over_the_area(factor):
    found = whole(RescaledPlane(ArrayPlane(IMAGE), factor))
    height, width = found.shape
    fine = IMAGE.repeat(height, axis=0).repeat(width, axis=1)  # 61 * height by 83 * width
    np.testing.assert_allclose(found, fine.reshape(height, 61, width, 83).mean(axis=(1, 3)), rtol=1e-4)


@pytest.mark.parametrize("factor", [0.125, 0.37, 1 / 3, 0.99, 1.01, 2.6, 8])
@pytest.mark.parametrize("holes", [False, True])
def test_pieces_are_those_of_the_whole(factor, holes, monkeypatch):
    image = IMAGE.copy()
    if holes:
        image[np.random.RandomState(0).rand(*image.shape) < 0.2] = np.nan
    plane = RescaledPlane(ArrayPlane(image), factor)
    once, (height, width) = whole(plane), plane.shape
    monkeypatch.setattr(rescaling, "_AT_ONCE", 300)
    for top, left in ((0, 0), (height // 3, width // 2), (height - 1, width - 1)):
        for bottom, right in ((top + 1, left + 1), (height, width)):
            piece = plane.read(top, bottom, left, right)
            np.testing.assert_array_equal(piece, once[top:bottom, left:right])


def test_a_window_reads_no_more_than_it_needs():
    plane = ArrayPlane(IMAGE)
    RescaledPlane(plane, 0.5).read(10, 14, 20, 23)
    assert plane.largest == (8, 6) or plane.largest == (9, 7)


def test_what_is_no_number_does_not_spread():
    image = np.ones((12, 12), np.float32)
    image[2, 3] = np.nan
    image[8:, 8:] = np.inf
    shrunk = whole(RescaledPlane(ArrayPlane(image), 0.25))
    expected = np.ones((3, 3))
    expected[2, 2] = np.nan
    np.testing.assert_array_equal(shrunk, expected)


@pytest.mark.parametrize("factor", [0.3, 0.5, 1.7, 3])
def test_maps_come_back_where_they_were(factor):
    """A map that tells the place is the same after both ways, to a twentieth of a pixel, but at the edges."""
    rows, columns = np.indices((60, 90)).astype(np.float32)
    plane = ArrayPlane(np.zeros((60, 90), np.uint8))
    rescaled = RescaledPlane(plane, factor)
    maps = np.stack([whole(RescaledPlane(ArrayPlane(one), factor)) for one in (rows, columns)])
    back = rescaled.restore(lambda top, bottom: maps[:, top:bottom], 0, 60, 1000)
    assert back.shape == (2, 60, 90) and back.dtype == np.float32
    np.testing.assert_allclose(back[:, 5:-5, 5:-5], np.stack([rows, columns])[:, 5:-5, 5:-5], atol=0.05)


@pytest.mark.parametrize("factor", [0.3, 3])
@pytest.mark.parametrize("side", [4, 1000])
def test_bands_of_maps_are_those_of_the_whole(factor, side):
    rescaled = RescaledPlane(ArrayPlane(IMAGE), factor)
    maps, asked = np.random.RandomState(0).rand(2, *rescaled.shape).astype(np.float32), []

    def read(top, bottom):
        asked.append(bottom - top)
        return maps[:, top:bottom]

    once = rescaled.restore(read, 0, 61, 10**6)
    asked.clear()
    parts = [rescaled.restore(read, top, min(top + 17, 61), side) for top in range(0, 61, 17)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), once)
    assert max(asked) <= side + 3
