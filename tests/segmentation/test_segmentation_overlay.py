"""Pictures of segmented planes."""

import numpy as np
import pytest

from cellseg.data.normalisation import Scale
from cellseg.segmentation import overlay as module
from cellseg.segmentation.overlay import overlay, reduction

ORANGE = (230, 159, 0)


def drawn(image, labels, scale):
    def in_bands(array):
        return lambda height: (array[top : top + height] for top in range(0, len(array), height))

    return np.array(overlay(in_bands(image), in_bands(labels), image.shape, scale))


def scene(side):
    image, labels = np.zeros((side, side), np.uint16), np.zeros((side, side), np.uint32)
    image[:, side // 2 :] = 1000
    labels[side // 4 : side // 2, side // 4 : side // 2] = 1
    labels[side // 4 : side // 2, side // 2 : 3 * side // 4] = 2
    return image, labels


def test_outlines_run_round_each_cell_on_the_grey_image():
    picture = drawn(*scene(40), Scale(0, 1000))
    orange = (picture == ORANGE).all(axis=2)
    assert orange[10, 10:30].all() and orange[20, 10:30].all()
    assert all(orange[10:20, column].all() for column in (10, 20, 30))
    assert not orange[11:20, 11:20].any() and orange.sum() < 80
    assert (picture[35, 5] == 0).all() and (picture[35, 35] == 255).all()


@pytest.mark.parametrize("band", [1, 1000, 1 << 22])
def test_large_planes_are_reduced_whatever_the_bands(band, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 50)
    monkeypatch.setattr(module, "_BAND", band)
    image, labels = scene(143)
    assert reduction(image.shape) == 3
    picture = drawn(image, labels, Scale(0, 1000))
    assert picture.shape == (48, 48, 3)
    orange = (picture == ORANGE).all(axis=2)
    assert orange[35 // 3, 13:34].all() and orange[71 // 3, 13:34].all()
    assert (picture[47, 47] == 255).all() and (picture[47, 0] == 0).all()
    assert 0 < picture[2, 71 // 3, 0] < 255  # a column half dark and half light
