"""Annotation folders: cells as people paint them, and files that are never mixed up."""

import numpy as np
import pytest
import tifffile

from cellseg.data.annotation import file_name, keep, painted_cells, write_annotation
from cellseg.data.folder import read_examples
from cellseg.errors import CellsegError


def test_a_number_in_several_places_is_several_cells_and_slivers_go():
    labels = np.zeros((20, 20), int)
    labels[2:6, 2:6] = labels[2:6, 12:16] = 1  # two cells in one colour
    labels[10:18, 2:10], labels[12:16, 9:13] = 7, 9  # painted over, which leaves
    labels[19, 19] = 7  # a pixel of what was there
    cells = painted_cells(labels)
    assert (cells.labels.max(), cells.parted, cells.slivers) == (4, 1, 1)
    assert cells.labels[19, 19] == 0 and len({*cells.labels[[3, 3, 12, 13], [3, 13, 3, 12]]}) == 4
    assert "1 number(s)" in cells.note and "1 small piece(s)" in cells.note
    assert not painted_cells(cells.labels).note


def test_what_is_kept_is_read_again(tmp_path):
    image, labels = np.arange(400, dtype=np.float32).reshape(20, 20), np.zeros((20, 20), int)
    labels[3:9, 3:9], labels[3:9, 9:15] = 300, 70000
    kept = keep(tmp_path, "my image/1 (DAPI).ome.tif", image, labels)
    assert (kept.name, kept.cells, kept.written) == ("my_image_1_DAPI_.ome.tif", 2, True)
    (example,) = read_examples(tmp_path)
    assert example.numbered and np.array_equal(example.image, image)
    assert np.array_equal(example.labels, (labels == 300) + 2 * (labels == 70000))


def test_another_image_of_the_same_name_gets_a_number(tmp_path):
    image, labels = np.zeros((9, 9), np.uint8), np.eye(9, dtype=int)
    for shade, name in ((1, "Image"), (2, "Image-2"), (3, "Image-3"), (2, "Image-2")):
        assert keep(tmp_path, "Image", image + np.uint8(shade), labels).name == name
    corrected = keep(tmp_path, "Image", image + np.uint8(1), 0 * labels, overwrite=False)
    assert not corrected.written and tifffile.imread(tmp_path / "labels/Image.tif").any()
    assert len(list(tmp_path.rglob("*.tif"))) == 6


def test_names_of_files():
    assert [file_name(text) for text in ("a b.ome", "../x", "...", "µm [1]")] == ["a_b", "x", "image", "µm_1"]


@pytest.mark.parametrize(
    ("image", "labels", "says"),
    [
        (np.zeros((8, 8)), np.zeros((8, 9), int), "8x8 and 8x9"),
        (np.zeros((2, 8, 8)), np.zeros((8, 8), int), "one plane of grey values"),
        (np.zeros((8, 8)), np.full((8, 8), -1), "a label of -1"),
        (np.zeros((8, 8)), np.zeros((8, 8)), "numbers of cells"),
    ],
)
def test_what_does_not_fit_is_not_written(tmp_path, image, labels, says):
    with pytest.raises(CellsegError, match=says):
        write_annotation(tmp_path, "a", image, labels)
    assert not list(tmp_path.iterdir())
