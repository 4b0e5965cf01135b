"""Further columns: what scikit-image gives for the whole plane, though only some rows of it are in memory."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import regionprops_table
from support import LabelledPlane

from cellseg.errors import CellsegError
from cellseg.segmentation import properties as module
from cellseg.segmentation.cell_blocks import cell_blocks
from cellseg.segmentation.properties import check_properties, measure_properties, property_columns


@pytest.fixture(scope="module")
def plane():
    random = np.random.RandomState(0)
    labels = ndimage.label(ndimage.gaussian_filter(random.rand(60, 40), 1.2) > 0.53, np.ones((3, 3)))[0]
    grey = random.randint(0, 4000, labels.shape).astype(np.uint16)
    return LabelledPlane(labels, grey), labels, grey


def test_each_cell_is_in_one_block_and_whole(plane):
    plane, labels, _ = plane
    found = np.zeros(labels.shape, int)
    blocks = list(cell_blocks(plane.labels(7), plane.table))
    assert len(blocks) > 4 and len(blocks[0].labels) < 14 and len(blocks[-1].labels) > 40
    for block in blocks:
        assert (np.diff(block.cells) > 0).all()
        numbers = np.append(0, block.cells + 1)[block.labels]
        found[block.top : block.top + len(numbers)] += numbers
    np.testing.assert_array_equal(found, labels)


def test_all_properties_are_those_of_the_whole_plane(plane, monkeypatch):
    plane, labels, grey = plane
    names = list(module._examples())
    assert {"perimeter", "moments_hu", "centroid_weighted", "bbox", "intensity_std"} <= set(names)
    assert not {"coords", "image", "slice", "image_convex"} & set(names)
    whole = regionprops_table(labels, grey, properties=names)
    monkeypatch.setattr(module, "_BAND", 40 * 7)
    found = measure_properties(plane.plane, plane.labels, plane.table, names)
    assert list(found) == property_columns(names) == list(whole)
    for name, values in found.items():
        np.testing.assert_allclose(values, whole[name], rtol=1e-6, atol=1e-12, err_msg=name)
    assert isinstance(found["bbox-0"][0], int) and isinstance(found["perimeter"][0], float)


def test_cells_without_light_are_measured_without_a_word():
    plane = LabelledPlane(np.eye(4, dtype=int), np.zeros((4, 4)))
    assert np.isnan(
        measure_properties(plane.plane, plane.labels, plane.table, ["centroid_weighted"])["centroid_weighted-0"]
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("perimetr", "perimetr: .* did you mean perimeter or perimeter_crofton"),
        ("coords", "coords: no property of scikit-image that a table can hold"),
        ("xyz", "there are: area_bbox, .*perimeter"),
        ("solidity", "solidity: objects.csv has this column anyway"),
    ],
)
def test_what_is_no_column_is_refused(name, words):
    with pytest.raises(CellsegError, match=words):
        check_properties(["extent", name])
