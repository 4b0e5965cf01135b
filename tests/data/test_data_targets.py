"""What is learnt of numbered cells."""

import numpy as np
import pytest

from cellseg.data.targets import distance_map


def disc(radius, shape=(64, 64), row=32, column=32):
    rows, columns = np.indices(shape)
    return np.hypot(rows - row, columns - column) <= radius


@pytest.mark.parametrize("radius", [3, 8, 20])
def test_the_distance_is_one_in_the_middle_of_a_cell_of_any_size(radius):
    distance = distance_map(disc(radius).astype(int))
    assert distance.dtype == np.float32 and distance[32, 32] == 1 == distance.max()
    assert (distance[~disc(radius)] == 0).all() and (distance[disc(radius)] > 0).all()
    assert distance[32, 32 + radius // 2] == pytest.approx(0.5, abs=0.25)


def test_touching_cells_have_a_valley_between_them():
    labels = np.where(disc(12, column=24), 3, 0) + np.where(disc(12, column=45) & ~disc(12, column=24), 5, 0)
    along = distance_map(labels)[32, 24:46]
    assert along[0] > 0.9 and along.min() < 0.15 and along[-4:].max() > 0.85


def test_the_edge_of_the_image_is_no_edge_of_a_cell():
    half = distance_map(disc(10, column=0).astype(int))
    assert half[32, 0] == 1
    assert (distance_map(np.ones((5, 5), int)) == 1).all()
