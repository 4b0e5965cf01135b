"""Cells of planes that come band by band are those of the whole plane; touching ones are told apart."""

import numpy as np
import pytest
from scipy import ndimage

from cellseg.inference.cleaning import clean
from cellseg.segmentation import labelling
from cellseg.segmentation.labelling import Labeller, renumber
from cellseg.segmentation.measurement import CELL, measure
from cellseg.segmentation.splitting import split_touching


def blobs(seed, shape=(90, 70), level=0.52):
    rng = np.random.RandomState(seed)
    return ndimage.gaussian_filter(rng.uniform(size=shape), 2, mode="nearest") > level - 0.02


def snake(shape=(61, 33)):
    mask = np.zeros(shape, bool)
    mask[::4, :] = True
    mask[2::8, -1], mask[1::8, -1], mask[3::8, -1] = True, True, True
    mask[6::8, 0], mask[5::8, 0], mask[7::8, 0] = True, True, True
    return mask


def rings():
    rows, columns = np.indices((80, 80))
    distance = np.hypot(rows % 40 - 20, columns % 40 - 20)
    return (distance < 17) & (distance > 4) | (distance < 2)


PLANES = {
    **{f"blobs {seed}": blobs(seed) for seed in range(4)},
    "dense": blobs(7, level=0.5),
    "snake": snake(),
    "rings": rings(),
    "full": np.ones((40, 30), bool),
    "empty": np.zeros((40, 30), bool),
    "a column": blobs(3)[:, :1],
    "a row": blobs(3)[:1],
}


def reference(mask, grey, smallest, largest, split):
    """The whole plane at once."""
    labels = split_touching(clean(mask, smallest, largest), split)
    return renumber_image(labels, measure(labels, grey))


def renumber_image(labels, *tables):
    numbers, cells = renumber(tables)
    return numbers[labels], cells


def in_bands(mask, grey, height, distance=None, **options):
    labeller, rows, tables, held = Labeller(mask.shape[1], **options), [], [], []
    for top in range(0, len(mask), height):
        band = slice(top, top + height)
        labels, cells = labeller.add(
            mask[band], grey[band], None if distance is None else distance[band], last=top + height >= len(mask)
        )
        rows.append(labels)
        tables.append(cells)
        held.append(len(labeller._labels) + len(labeller._raw))
    return (*renumber_image(np.concatenate(rows), *tables), max(held))


@pytest.mark.parametrize("name", PLANES)
@pytest.mark.parametrize("split", [0.05, 0.3])
def test_bands_with_a_networks_distance_give_what_the_whole_plane_gives(name, split, monkeypatch):
    monkeypatch.setattr(labelling, "_GROUP", 10)
    mask, rng = PLANES[name], np.random.RandomState(2)
    grey = rng.randint(0, 60000, mask.shape).astype(np.uint16)
    distance = ndimage.gaussian_filter(rng.normal(0.5, 1, mask.shape), 1.5).astype(np.float32)
    labels = split_touching(clean(mask, 5, 9), split, distance)
    whole, cells = renumber_image(labels, measure(labels, grey))
    for height in (1, 7, 64):
        found, table, _ = in_bands(mask, grey, height, distance, smallest_object=5, largest_hole=9, split=split)
        np.testing.assert_array_equal(found, whole)
        np.testing.assert_array_equal(table["area"], cells["area"])


def test_a_networks_valley_tells_cells_apart_that_have_no_neck():
    mask = np.zeros((20, 40), bool)
    mask[4:16, 4:36] = True  # a bar: its shape says one cell
    distance = np.where(mask, 1.0, 0.0).astype(np.float32)
    assert split_touching(mask, 0.15, distance).max() == 1 == split_touching(mask, 0.5).max()
    distance[:, 18:22] = 0.7
    assert split_touching(mask, 0.15, distance).max() == 2
    assert split_touching(mask, 0.35, distance).max() == 1
    assert split_touching(mask, None, distance).max() == 1
    assert split_touching(mask, 0.15, np.zeros_like(distance)).max() == 1  # no cell is lost where it says nothing


@pytest.mark.parametrize("name", PLANES)
@pytest.mark.parametrize(
    "smallest, largest, split", [(0, 0, 1.0), (0, 0, None), (12, 0, 1.0), (5, 9, 0.5), (0, 30, 1.0)]
)
def test_bands_of_any_height_give_what_the_whole_plane_gives(name, smallest, largest, split, monkeypatch):
    monkeypatch.setattr(labelling, "_GROUP", 10)
    mask = PLANES[name]
    grey = np.random.RandomState(1).randint(0, 60000, mask.shape).astype(np.uint16)
    whole, cells = reference(mask, grey, smallest, largest, split)
    for height in (1, 2, 7, 16, 1000):
        labels, found, _ = in_bands(mask, grey, height, smallest_object=smallest, largest_hole=largest, split=split)
        assert labels.dtype == np.uint32 and (labels == whole).all()
        assert (
            found[["label", "area", "top", "left", "bottom", "right"]]
            == cells[["label", "area", "top", "left", "bottom", "right"]]
        ).all()
        for column in CELL.names:
            np.testing.assert_allclose(found[column], cells[column], rtol=1e-9, atol=1e-7)


def discs(*centres, shape=(60, 60), radius=10):
    rows, columns = np.indices(shape)
    return np.any([np.hypot(rows - row, columns - column) < radius for row, column in centres], axis=0)


def test_two_touching_discs_are_parted_at_their_neck():
    mask = discs((30, 20), (30, 37))
    labels = split_touching(mask, 1.0)
    assert labels.max() == 2 and ((labels > 0) == mask).all()
    assert labels[30, 20] != labels[30, 37]
    neck = np.flatnonzero(np.diff(labels[30, 12:46])) + 12
    assert abs(neck[0] - 28) <= 1 and len(neck) == 1


def test_one_cell_stays_one():
    rows, columns = np.indices((60, 60))
    ellipse = ((rows - 30) / 9) ** 2 + ((columns - 30) / 20) ** 2 < 1
    bean = discs((30, 25), (30, 31))
    for mask in (discs((30, 30)), ellipse, bean):
        assert split_touching(mask, 1.0).max() == 1


def test_without_splitting_components_stay_whole():
    assert split_touching(discs((30, 20), (30, 37)), None).max() == 1


def test_a_deeper_neck_is_asked_for_by_a_larger_depth():
    mask = discs((30, 20), (30, 34))
    assert [split_touching(mask, depth).max() for depth in (0.5, 8)] == [2, 1]


def test_only_the_rows_of_unfinished_cells_are_held():
    mask = np.tile(discs((30, 20)), (30, 1))
    assert in_bands(mask, mask, 16, smallest_object=10, largest_hole=5)[2] < 100
