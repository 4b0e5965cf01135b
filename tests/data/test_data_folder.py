import numpy as np
import pytest
from roifile import ImagejRoi

from cellseg.data.folder import read_examples
from cellseg.errors import CellsegError
from cellseg.images.write import write_image


def test_examples_come_in_order_of_name(real_folder):
    examples = read_examples(real_folder / "train")
    assert [example.files[0].stem for example in examples] == ["cell_0", "cell_1", "cell_2"]
    assert all(example.mask.dtype == bool and example.image.shape == (128, 128) for example in examples)
    assert all(not example.numbered and example.labels.dtype == np.int32 for example in examples)


def break_missing_folder(folder):
    (folder / "masks").rename(folder / "truth")
    return "masks: no such folder"


def break_empty(folder):
    for path in (folder / "images").iterdir():
        path.unlink()
    return "images: holds no"


def break_no_mask(folder):
    (folder / "masks" / "cell_1.png").unlink()
    return "images/cell_1.png: has no counterpart in .*masks"


def break_no_image(folder):
    (folder / "images" / "cell_1.png").unlink()
    return "masks/cell_1.png: has no counterpart in .*images"


def break_size(folder):
    write_image(folder / "masks" / "cell_1.png", np.zeros((128, 127), np.uint8))
    return "masks/cell_1.png: mask and image differ in size .128x128 and 128x127"


def break_twin(folder):
    write_image(folder / "images" / "cell_1.tif", np.zeros((128, 128), np.uint8))
    return "cell_1.tif: cell_1.png has the same name"


@pytest.mark.parametrize(
    "damage", [break_missing_folder, break_empty, break_no_mask, break_no_image, break_size, break_twin]
)
def test_pairs_are_checked(real_folder, damage):
    message = damage(real_folder / "train")
    with pytest.raises(CellsegError, match=message):
        read_examples(real_folder / "train")


def touching(*numbers):
    """Squares side by side with these numbers."""
    return np.kron(np.array([numbers]), np.ones((8, 8))).astype(np.uint8)


def truth_of(folder):
    """What the only example of a folder says of its cells: how many there are, and whether they are numbered."""
    (example,) = read_examples(folder)
    assert (example.mask == (example.labels > 0)).all()
    return int(example.labels.max()), example.numbered


def test_labels_take_the_place_of_masks(tmp_path):
    write_image(tmp_path / "images" / "x.png", touching(9, 9, 9))
    write_image(tmp_path / "masks" / "x.png", touching(255, 255, 0))
    assert truth_of(tmp_path) == (1, False)
    write_image(tmp_path / "labels" / "x.tif", touching(1, 2, 0))
    assert truth_of(tmp_path) == (2, True)
    write_image(tmp_path / "labels" / "x.tif", touching(1, 0, 0))
    assert truth_of(tmp_path) == (1, True)
    (tmp_path / "masks" / "x.png").unlink()
    (tmp_path / "masks").rmdir()
    assert truth_of(tmp_path) == (1, True)
    write_image(tmp_path / "images" / "y.png", touching(9, 9, 9))
    with pytest.raises(CellsegError, match="images/y.png: has no counterpart in .*labels"):
        read_examples(tmp_path)


def test_masks_may_number_their_cells(tmp_path):
    write_image(tmp_path / "images" / "x.png", touching(9, 9, 9, 9))
    write_image(tmp_path / "masks" / "x.png", touching(1, 2, 0, 5))
    assert truth_of(tmp_path) == (3, True)


def test_a_folder_of_cells_for_each_image(tmp_path):
    for name, squares in (("a", [(255, 0, 0), (0, 255, 255)]), ("b", [(255, 255, 0), (0, 255, 255)])):
        write_image(tmp_path / name / "images" / f"{name}.png", touching(9, 9, 9))
        for number, square in enumerate(squares):
            write_image(tmp_path / name / "masks" / f"{number}.png", touching(*square))
    first, second = read_examples(tmp_path)
    assert first.numbered and first.labels[0, ::8].tolist() == [1, 2, 2]
    assert second.labels[0, ::8].tolist() == [1, 2, 2]  # the later one where they overlap
    assert [file.name for file in first.files] == ["a.png", "0.png", "1.png"]


@pytest.mark.parametrize(("ending", "numbered"), [("_cp_masks", True), ("_label", True), ("_masks", False)])
def test_some_names_tell_that_a_single_value_is_the_number_of_a_cell(tmp_path, ending, numbered):
    write_image(tmp_path / "images" / "x.png", touching(9, 9, 9))
    write_image(tmp_path / "masks" / f"x{ending}.png", touching(1, 0, 0))
    assert truth_of(tmp_path) == (1, numbered)


def test_outlines_are_numbered_cells(tmp_path):
    write_image(tmp_path / "x.png", touching(9, 9, 9))
    for left in (0, 8):
        square = ImagejRoi.frompoints([[left, 0], [left + 8, 0], [left + 8, 8], [left, 8]], name=str(left))
        square.tofile(tmp_path / "x_RoiSet.zip")
    assert truth_of(tmp_path) == (2, True)
