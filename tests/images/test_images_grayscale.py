import numpy as np
import pytest
from PIL import Image

from cellseg.data.folder import read_examples, read_mask
from cellseg.errors import CellsegError
from cellseg.images.grayscale import read_image, write_image


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_what_is_written_is_read_back(tmp_path, suffix, kind):
    image = np.arange(20 * 30).reshape(20, 30).astype(kind) * (1 if kind is np.uint8 else 100)
    write_image(tmp_path / f"image{suffix}", image)
    read = read_image(tmp_path / f"image{suffix}")
    np.testing.assert_array_equal(read, image)
    assert [path.name for path in tmp_path.iterdir()] == [f"image{suffix}"]


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(CellsegError, match="png"):
        write_image(tmp_path / "image.jpg", np.zeros((4, 4), np.uint8))


def test_colour_is_refused_or_converted(tmp_path):
    rgb = np.zeros((4, 4, 3), np.uint8)
    rgb[..., 1] = 100
    Image.fromarray(rgb).save(str(tmp_path / "image.png"))
    with pytest.raises(CellsegError, match=r"image.png: a colour image \(mode RGB\).*--rgb luminance"):
        read_image(tmp_path / "image.png")
    assert abs(int(read_image(tmp_path / "image.png", rgb="luminance")[0, 0]) - 59) <= 1


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("keep", [0, 10, 60, 0.5, 0.9])
def test_truncated_files_are_named(tmp_path, suffix, keep):
    path = tmp_path / f"image{suffix}"
    write_image(path, np.random.RandomState(0).randint(0, 255, (64, 64)).astype(np.uint8))
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if keep < 1 else keep])
    with pytest.raises(CellsegError, match=f"image{suffix}"):
        read_image(path)


def test_nan_and_infinite_pixels_are_refused(tmp_path):
    for value in (np.nan, np.inf):
        image = np.zeros((8, 8), np.float32)
        image[3, 4] = value
        Image.fromarray(image).save(str(tmp_path / "image.tif"))
        with pytest.raises(CellsegError, match="NaN or infinite"):
            read_image(tmp_path / "image.tif")


def test_several_pages_are_refused(tmp_path):
    page = Image.fromarray(np.zeros((8, 8), np.uint8))
    page.save(str(tmp_path / "image.tif"), save_all=True, append_images=[page, page])
    with pytest.raises(CellsegError, match="3 pages"):
        read_image(tmp_path / "image.tif")


@pytest.mark.parametrize(
    "values, shown", [((0, 1, 255), "0, 1, 255"), ((7, 255), "7, 255"), (range(9), "0, 1, 2, 3, 4, 5, ...")]
)
def test_a_mask_has_two_values(tmp_path, values, shown):
    mask = np.resize(list(values), (9, 9)).astype(np.uint8)
    write_image(tmp_path / "mask.png", mask)
    with pytest.raises(CellsegError, match=f"mask.png.*: {shown}$"):
        read_mask(tmp_path / "mask.png")


@pytest.mark.parametrize("high", [1, 255])
def test_mask_is_boolean_whatever_its_high_value(tmp_path, high):
    write_image(tmp_path / "mask.png", (np.eye(5) * high).astype(np.uint8))
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), np.eye(5, dtype=bool))


def test_examples_come_in_order_of_name(real_folder):
    examples = read_examples(real_folder / "train")
    assert [example.files[0].stem for example in examples] == ["cell_0", "cell_1", "cell_2"]
    assert all(example.mask.dtype == bool and example.image.shape == (128, 128) for example in examples)


def break_missing_folder(folder):
    (folder / "masks").rename(folder / "labels")
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
