"""Masks: stored values, of two values or of numbered cells."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from cellseg.errors import CellsegError
from cellseg.images.masks import read_labels
from cellseg.images.write import write_image


def refused(mask, tmp_path, *words):
    tifffile.imwrite(tmp_path / "mask.tif", mask)
    with pytest.raises(CellsegError) as error:
        read_labels(tmp_path / "mask.tif")
    assert all(word in str(error.value) for word in ("mask.tif", *words)), error.value


def test_values_that_are_no_mask_are_refused(tmp_path):
    rows, columns = np.indices((32, 32))
    discs = np.hypot(rows % 16 - 8, columns % 16 - 8)
    soft = np.clip((6 - discs) * 60, 0, 255).astype(np.uint8)
    refused(soft, tmp_path, "this one has")  # a smoothed mask
    refused((discs < 6).astype(np.uint8) + (discs < 3), tmp_path, "has 3: 0, 1, 2")  # classes of four cells
    refused((discs < 6) * 248 + np.uint8(7), tmp_path, "has 2: 7, 255")
    refused(np.where(discs < 6, 1.5, 0) + (discs < 3), tmp_path, "has 3: 0, 1.5, 2.5")
    refused(np.where(discs < 6, np.nan, 0), tmp_path, "NaN")
    refused(np.zeros((5, 32, 32), np.uint8), tmp_path, "5 planes")


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_numbered_cells_keep_their_order(tmp_path, suffix):
    numbers = np.kron(np.arange(12).reshape(3, 4), np.ones((5, 5))).astype(np.uint16) * 3
    write_image(tmp_path / f"mask{suffix}", numbers)
    labels, numbered = read_labels(tmp_path / f"mask{suffix}")
    np.testing.assert_array_equal(labels, numbers // 3)  # without gaps; cells that touch stay apart
    assert numbered and labels.dtype == np.int32


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16])
def test_a_mask_keeps_its_stored_values_where_white_is_zero(tmp_path, dtype, compression):
    mask = np.eye(16, dtype=bool)
    stored = mask if dtype is bool else mask.astype(dtype) * 255
    tifffile.imwrite(tmp_path / "mask.tif", stored, photometric="miniswhite", compression=compression)
    np.testing.assert_array_equal(read_labels(tmp_path / "mask.tif").labels > 0, mask)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_mask_of_a_palette_is_taken_by_index(tmp_path, suffix):
    mask = np.eye(16, dtype=np.uint8)
    colours = np.full((3, 256), 40000, np.uint16)
    colours[:, 1] = 65535, 0, 0  # background is lighter than the cells, as QuPath may write it
    if suffix == ".tif":
        tifffile.imwrite(tmp_path / "mask.tif", mask, photometric="palette", colormap=colours)
    else:
        picture = Image.fromarray(mask).convert("P")
        picture.putpalette((colours.T >> 8).astype(np.uint8).ravel().tolist())
        picture.putdata(mask.ravel().tolist())
        picture.save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_labels(tmp_path / f"mask{suffix}").labels > 0, mask == 1)


def test_a_mask_in_colour_is_refused(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "mask.png")
    with pytest.raises(CellsegError, match="mask.png: a colour image"):
        read_labels(tmp_path / "mask.png")


@pytest.mark.parametrize("high", [1, 255])
def test_mask_is_boolean_whatever_its_high_value(tmp_path, high):
    write_image(tmp_path / "mask.png", (np.eye(5) * high).astype(np.uint8))
    np.testing.assert_array_equal(read_labels(tmp_path / "mask.png").labels > 0, np.eye(5, dtype=bool))


def read(tmp_path, mask, **how):
    tifffile.imwrite(tmp_path / "mask.tif", mask)
    labels, numbered = read_labels(tmp_path / "mask.tif", **how)
    return int(labels.max()), numbered


def boxes(first, second, third):
    """Three boxes of these values, two of them corner to corner."""
    mask = np.zeros((16, 16), np.uint8)
    mask[1:4, 1:4], mask[4:7, 4:7], mask[10:14, 10:14] = first, second, third
    return mask


@pytest.mark.parametrize("numbered", [False, True])
def test_cells_of_a_binary_mask_are_its_components(tmp_path, numbered):
    assert read(tmp_path, boxes(255, 255, 255), numbered=numbered) == (2, False)
    assert read(tmp_path, boxes(1, 1, 1)) == (2, False)
    rows, columns = np.indices((16, 16))
    many = ((rows % 4 < 2) & (columns % 4 < 2)).astype(np.uint8)  # 16 boxes of the value 1 are no single cell
    assert read(tmp_path, many, numbered=numbered) == (16, False)


def test_one_number_is_one_cell_where_cells_are_to_be_numbered(tmp_path):
    assert read(tmp_path, boxes(1, 1, 1), numbered=True) == (1, True)
    assert read(tmp_path, boxes(0, 0, 7), numbered=True) == (1, True)


@pytest.mark.parametrize("numbered", [False, True])
def test_a_mask_without_cells_is_numbered_where_cells_are_to_be_numbered(tmp_path, numbered):
    assert read(tmp_path, boxes(0, 0, 0), numbered=numbered) == (0, numbered)


def test_numbers_may_be_kept_as_real_numbers(tmp_path):
    assert read(tmp_path, boxes(1, 2, 40).astype(np.float32)) == (3, True)
