"""What stored values mean - WhiteIsZero, palettes, colours, depth - and what files say of axes, channels and sizes."""

import warnings

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from cellseg.errors import CellsegError
from cellseg.images.open import open_image, read_image
from cellseg.images.units import micrometres


def noise(*shape, dtype=np.uint16, seed=0):
    values = np.random.RandomState(seed).uniform(0, 1, shape or (37, 53))
    return (values * np.iinfo(dtype).max).astype(dtype)


def planes(path, *arguments, **options):
    """All planes of a file, and its source."""
    with open_image(path, *arguments, **options) as source:
        height, width = source.planes[0].shape
        read = [plane.read(0, height, 0, width) for plane in source.planes]
        for plane, pixels in zip(source.planes, read, strict=True):
            np.testing.assert_array_equal(plane.read(3, 9, 2, 30), pixels[3:9, 2:30])
        return np.stack(read), source


def write(path, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        tifffile.imwrite(path, *arguments, **options)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"tile": (16, 16), "compression": "zlib"}], ids=str)
@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "uint32", "int16", "float32"])
def test_black_is_low_where_white_is_zero(tmp_path, dtype, options):
    image = noise(dtype=np.uint8)
    stored = image > 128 if dtype == "bool" else image.astype(dtype) - (128 if dtype == "int16" else 0)
    write(tmp_path / "a.tif", stored, photometric="miniswhite", **options)
    (plane,), _ = planes(tmp_path / "a.tif")
    whole = stored.astype(np.float64)
    full = {"bool": 1, "int16": -1, "float32": 0}.get(dtype)
    full = np.iinfo(dtype).max if full is None else full
    np.testing.assert_array_equal(plane, full - whole)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), plane)
    (kept,), _ = planes(tmp_path / "a.tif", stored=True)
    np.testing.assert_array_equal(kept, stored)


def test_fewer_bits_than_the_type_are_turned_within_their_bits(tmp_path):
    image = noise(16, 16, dtype=np.uint16) >> 4
    write(tmp_path / "a.tif", image, photometric="miniswhite", bitspersample=12)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), 4095 - image)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette_of_greys_is_looked_up(tmp_path, bits, compression):
    greys = np.random.RandomState(1).permutation(256).astype(np.uint16)
    entries = greys * 257 if bits == 8 else greys * 250 + 3
    image = noise(dtype=np.uint8)
    table = np.stack([entries] * 3)
    write(tmp_path / "a.tif", image, photometric="palette", colormap=table, compression=compression)
    (plane,), source = planes(tmp_path / "a.tif")
    assert plane.dtype == f"uint{bits}" and source.channels == ("0",)
    np.testing.assert_array_equal(plane, greys[image] if bits == 8 else entries[image])


def test_a_palette_of_colours_is_a_colour_image(tmp_path):
    table = noise(3, 256) & 0xFF00
    image = noise(dtype=np.uint8)
    write(tmp_path / "a.tif", image, photometric="palette", colormap=table)
    with pytest.raises(CellsegError, match="red, green, blue"):
        open_image(tmp_path / "a.tif")
    (plane,), _ = planes(tmp_path / "a.tif", "green")
    np.testing.assert_array_equal(plane, table[1][image] >> 8)


def test_the_lookup_table_of_imagej_is_for_display(tmp_path):
    image, table = noise(dtype=np.uint8), np.zeros((3, 256), np.uint8)
    table[1] = np.arange(256)
    write(tmp_path / "a.tif", image, imagej=True, colormap=table)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as file:  # ImageJ itself writes a palette image
        file.pages[0].tags["PhotometricInterpretation"].overwrite(3)
        assert "ColorMap" in file.pages[0].tags
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), image)


def test_an_orientation_tag_is_not_followed(tmp_path):
    image = noise()
    write(tmp_path / "a.tif", image, extratags=[(274, "H", 1, 3, True)])
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), image)
    exif = Image.Exif()
    exif[274] = 3
    Image.fromarray(image).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), image)


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_colours_of_16_bits_keep_them(tmp_path, suffix, alpha):
    image = noise(37, 53, 3 + alpha)
    if suffix == ".png":
        (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(image))
    else:
        write(tmp_path / "a.tif", image, photometric="rgb")
    (blue,), source = planes(tmp_path / f"a{suffix}", "blue")
    np.testing.assert_array_equal(blue, image[..., 2])
    assert source.planes[0].dtype == np.uint16
    mixed = np.rint(image[..., :3] @ np.array([0.299, 0.587, 0.114]))
    assert np.abs(read_image(tmp_path / f"a{suffix}", "luminance") - mixed).max() <= 1


def test_grey_with_alpha_of_16_bits_keeps_them(tmp_path):
    image = noise(37, 53, 2)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(image))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), image[..., 0])


def test_luminance_leaves_a_grey_image_as_it_is(tmp_path):
    write(tmp_path / "a.tif", noise())
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", "luminance"), noise())


def test_a_colour_image_whose_one_channel_has_a_name(tmp_path):
    image, metadata = noise(37, 53, 3, dtype=np.uint8), {"axes": "YXS", "Channel": {"Name": ["Brightfield"]}}
    write(tmp_path / "a.ome.tif", image, photometric="rgb", metadata=metadata)
    np.testing.assert_array_equal(planes(tmp_path / "a.ome.tif", "blue")[0][0], image[..., 2])
    assert planes(tmp_path / "a.ome.tif", "luminance")[1].channel == "luminance"


def test_jpeg_with_shared_tables(tmp_path):
    image = (np.add.outer(np.arange(64), np.arange(64)) * 2).astype(np.uint8)
    write(tmp_path / "whole.tif", image, tile=(32, 32), compression="jpeg")
    data = [
        imagecodecs.jpeg_encode(image[row : row + 32, column : column + 32], 75)
        for row in (0, 32)
        for column in (0, 32)
    ]
    split = data[0].index(b"\xff\xc0")  # tables of quantisation stand before the frame
    tables = b"\xff\xd8" + b"".join(_segments(data[0], b"\xdb\xc4")) + b"\xff\xd9"
    bare = [b"\xff\xd8" + b"".join(_segments(one, b"\xc0\xda")) for one in data]
    assert split and all(len(short) < len(one) for short, one in zip(bare, data, strict=True))
    write(
        tmp_path / "a.tif", iter(bare), shape=(64, 64), dtype=np.uint8, tile=(32, 32), compression="jpeg",
        jpegtables=tables, photometric="minisblack",
    )  # fmt: skip
    read = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(read, tifffile.imread(tmp_path / "a.tif"))
    assert np.abs(read.astype(int) - image).max() < 10


def _segments(data, kinds):
    """The segments of a JPEG whose markers are among `kinds`; of a scan, all that follows."""
    place = 2
    while place < len(data):
        kind, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big") + 2
        if kind in kinds:
            yield data[place:] if kind == 0xDA else data[place : place + length]
        if kind == 0xDA:
            return
        place += length


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_axes_that_have_no_name_are_guessed_with_a_warning(tmp_path, compression):
    stack = noise(2, 37, 53)
    write(tmp_path / "first.tif", stack, compression=compression)
    read, source = planes(tmp_path / "first.tif")
    np.testing.assert_array_equal(read, stack)
    assert "2 planes are taken (--axes CYX" in source.warnings[0]
    read, source = planes(tmp_path / "first.tif", "1", axes="cyx")
    np.testing.assert_array_equal(read, stack[1:])
    assert source.warnings == []
    last = np.moveaxis(stack, 0, 2)
    write(tmp_path / "last.tif", last, compression=compression, photometric="minisblack")
    with pytest.raises(CellsegError, match="2 channels.*--channel"):
        open_image(tmp_path / "last.tif")
    read, source = planes(tmp_path / "last.tif", "1")
    np.testing.assert_array_equal(read[0], stack[1])
    assert "--axes YXC" in source.warnings[0]
    read, source = planes(tmp_path / "last.tif", axes="XYT")
    np.testing.assert_array_equal(read, stack.transpose(0, 2, 1))
    for axes in ("YX", "YXQ", "CZT", "YXX"):
        with pytest.raises(CellsegError, match=f"first.tif: has 3 axes .2 x 37 x 53.; --axes {axes} does not fit"):
            open_image(tmp_path / "first.tif", axes=axes)


def test_a_series_is_taken_by_number(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(noise())
        writer.write(noise(20, 40, seed=1))
    read, source = planes(tmp_path / "a.tif", series=1)
    np.testing.assert_array_equal(read[0], noise(20, 40, seed=1))
    assert source.warnings == []
    with pytest.raises(CellsegError, match="has 2 series; --series takes 0 to 1"):
        open_image(tmp_path / "a.tif", series=2)


@pytest.mark.parametrize(
    "unit, size",
    [
        *[
            (unit, 1.0)
            for unit in ("um", "µm", "μm", "\\u00B5m", "\\u00b5m", "\\U00B5M", "microns", "Micron", "micrometer")
        ],
        *[("nm", 1e-3), ("mm", 1e3), ("cm", 1e4), ("m", 1e6), ("inch", 25400.0), ("Å", 1e-4), ("furlong", None)],
    ],
)
def test_units(unit, size):
    assert micrometres(unit) == size


@pytest.mark.parametrize(
    "metadata, resolution, size, warns",
    [
        ({"unit": "um", "yunit": "nm"}, (4.0, 0.002), (0.5, 0.25), False),
        ({"unit": "cm"}, (40000.0, 20000.0), (0.5, 0.25), False),
        ({"unit": "\\u00B5m"}, (4.0, 2.0), (0.5, 0.25), False),
        ({"unit": "inch"}, (25400.0, 25400.0), (1.0, 1.0), False),
        ({"unit": "furlong"}, (4.0, 2.0), None, True),
        ({"unit": "pixel"}, (4.0, 2.0), None, False),
        ({}, (4.0, 2.0), None, False),
    ],
)
def test_pixel_size_of_imagej(tmp_path, metadata, resolution, size, warns):
    write(tmp_path / "a.tif", noise(), imagej=True, resolution=resolution, metadata=metadata)
    _, source = planes(tmp_path / "a.tif")
    assert source.pixel_size == (size and pytest.approx(size))
    assert [("pixel size" in note) for note in source.warnings] == ([True] if warns else [])


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0", "wide"])
def test_a_pixel_size_that_is_none_is_said(tmp_path, value):
    write(tmp_path / "a.ome.tif", noise(), metadata={"axes": "YX", "PhysicalSizeX": 0.125, "PhysicalSizeY": 0.125})
    data = (tmp_path / "a.ome.tif").read_bytes()
    (tmp_path / "a.ome.tif").write_bytes(data.replace(b'"0.125"', f'"{value}"'.ljust(7).encode()))
    (plane,), source = planes(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(plane, noise())
    assert source.pixel_size is None and "pixel size is not understood" in source.warnings[0]


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("pages, planes_a_channel", [(6, 3), (5, None)])
def test_imagej_promises_more_pages_than_there_are(tmp_path, pages, planes_a_channel, compression):
    stack = noise(pages, 37, 53)
    text = "ImageJ=1.54f\nimages=10\nchannels=2\nslices=5\nhyperstack=true\nmode=composite\n"
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for number, page in enumerate(stack):
            description = text if number == 0 else None
            writer.write(page, description=description, metadata=None, contiguous=False, compression=compression)
    read, source = planes(tmp_path / "a.tif", "0")
    np.testing.assert_array_equal(read, stack[::2] if planes_a_channel and compression else stack)
    said = f"promises 10 pages; there are {pages}" if compression else "ImageJ series metadata invalid"
    assert said in " ".join(source.warnings)
