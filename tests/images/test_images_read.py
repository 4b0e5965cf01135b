"""One plane as training and evaluation take it, and what is written."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from cellseg.errors import CellsegError
from cellseg.images.open import read_image
from cellseg.images.write import write_image


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
    with pytest.raises(CellsegError, match=r"image.png: a colour image.*--rgb luminance"):
        read_image(tmp_path / "image.png")
    assert abs(int(read_image(tmp_path / "image.png", "luminance")[0, 0]) - 59) <= 1


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("keep", [0, 10, 60, 0.5, 0.9])
def test_truncated_files_are_named(tmp_path, suffix, keep):
    path = tmp_path / f"image{suffix}"
    write_image(path, np.random.RandomState(0).randint(0, 255, (64, 64)).astype(np.uint8))
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if keep < 1 else keep])
    with pytest.raises(CellsegError, match=f"image{suffix}"):
        read_image(path)


def test_nan_and_infinite_pixels_are_said(tmp_path, caplog):
    for value in (np.nan, np.inf):
        image = np.zeros((8, 8), np.float32)
        image[3, 4] = value
        tifffile.imwrite(tmp_path / "image.tif", image)
        np.testing.assert_array_equal(read_image(tmp_path / "image.tif"), image)
        assert "image.tif: 1.56% of the pixels are NaN or infinite" in caplog.text
        caplog.clear()
    tifffile.imwrite(tmp_path / "image.tif", image * np.nan)
    with pytest.raises(CellsegError, match="image.tif: every pixel is NaN"):
        read_image(tmp_path / "image.tif")


def test_several_pages_are_refused(tmp_path):
    page = Image.fromarray(np.zeros((8, 8), np.uint8))
    page.save(str(tmp_path / "image.tif"), save_all=True, append_images=[page, page])
    with pytest.raises(CellsegError, match="3 planes"):
        read_image(tmp_path / "image.tif")
