"""Image files of every kind give their planes window by window, and what cannot be read is refused in one line."""

import tracemalloc

import numpy as np
import pytest
import tifffile
from PIL import Image

from cellseg.errors import CellsegError
from cellseg.images.open import open_image
from cellseg.segmentation.tiff_output import write_tiff

WINDOWS = [(0, 37, 0, 53), (3, 4, 5, 6), (10, 37, 16, 33), (0, 1, 0, 53), (16, 32, 16, 48)]
COMPRESSED = ("zlib", 6) if tifffile.__version__ < "2022" else "zlib"


def noise(*shape, dtype=np.uint16, seed=0):
    values = np.random.RandomState(seed).uniform(0, 1, shape or (37, 53))
    kind = np.dtype(dtype).kind
    return values.astype(dtype) if kind == "f" else (values * np.iinfo(dtype).max).astype(dtype)


def check(path, expected, chosen=None, **facts):
    """Each plane of a file equals the array at its index, in every window."""
    with open_image(path, chosen) as source:
        grid = tuple(length for _, length in source.axes)
        assert grid == expected.shape[:-2] and len(source.planes) == np.prod(grid, dtype=int)
        for plane, index in zip(source.planes, np.ndindex(*grid)):
            assert tuple(plane.index.values()) == index and plane.shape == expected.shape[-2:]
            for top, bottom, left, right in WINDOWS:
                window = plane.read(top, bottom, left, right)
                assert window.dtype == plane.dtype and window.dtype.isnative
                np.testing.assert_array_equal(window, expected[index][top:bottom, left:right])
        for name, value in facts.items():
            assert getattr(source, name) == value, name


def refused(path, *words, channel=None):
    with pytest.raises(CellsegError) as error, open_image(path, channel) as source:
        source.planes[0].read(0, 1, 0, 1)
    message = str(error.value)
    assert message.startswith(f"{path}:") and "\n" not in message
    for word in words:
        assert word in message, message


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "float32", "float64"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"bigtiff": True},
        {"tile": (16, 32)},
        {"compression": COMPRESSED},
        {"compression": COMPRESSED, "rowsperstrip": 5},
        {"compression": COMPRESSED, "tile": (16, 32), "byteorder": ">"},
    ],
    ids=lambda options: " ".join(options) or "plain",
)
def test_tiff_of_every_type_and_layout(tmp_path, dtype, options):
    image, options = noise(dtype=dtype), dict(options)
    file = {name: options.pop(name) for name in ("byteorder", "bigtiff") if name in options}
    with tifffile.TiffWriter(str(tmp_path / "a.tif"), **file) as writer:
        writer.write(image, **options)
    check(tmp_path / "a.tif", image, axes=(), channels=("0",), channel="0", pixel_size=None, warnings=[])


@pytest.mark.parametrize("compressed", [False, True])
def test_pages_without_a_meaning_are_planes(tmp_path, compressed):
    stack = noise(4, 37, 53)
    options = {"compression": COMPRESSED} if compressed else {}
    with tifffile.TiffWriter(str(tmp_path / "a.tif")) as writer:
        for page in stack:
            writer.write(page, metadata=None, contiguous=False, **options)
    check(tmp_path / "a.tif", stack, axes=(("I", 4),))


@pytest.mark.parametrize("compressed", [False, True])
def test_hyperstack_of_imagej(tmp_path, compressed):
    stack = noise(3, 2, 4, 37, 53, dtype=np.uint16)  # TZCYX
    options = {"compression": COMPRESSED} if compressed else {}
    path = tmp_path / "a.tif"
    if compressed and tifffile.__version__ < "2022":
        pytest.skip("this tifffile does not compress for ImageJ")
    tifffile.imwrite(
        str(path), stack, imagej=True, resolution=(4.0, 2.0), metadata={"axes": "TZCYX", "unit": "um"}, **options
    )
    refused(path, "has 4 channels (0, 1, 2, 3)", "--channel")
    check(path, stack[:, :, 2], "2", axes=(("T", 3), ("Z", 2)), pixel_size=(0.5, 0.25))


def test_bare_dots_per_inch_are_no_pixel_size(tmp_path):
    tifffile.imwrite(str(tmp_path / "a.tif"), noise(), resolution=(72.0, 72.0))
    check(tmp_path / "a.tif", noise(), pixel_size=None)


def test_our_own_output_is_read_again(tmp_path):
    image = noise(3, 37, 53)
    planes = [lambda height, page=page: iter([page]) for page in image]
    write_tiff(tmp_path / "a.tif", planes, image.shape, "uint16", "T", (0.5, 0.25))
    check(tmp_path / "a.tif", image, axes=(("T", 3),), pixel_size=(0.5, 0.25))


@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_ome_tiff_with_names_and_units(tmp_path, tile):
    stack = noise(2, 3, 37, 53)
    options = {"tile": tile, "compression": COMPRESSED} if tile else {}
    metadata = {
        "axes": "CZYX",
        "Channel": {"Name": ["DAPI", "GFP"]},
        "PhysicalSizeX": 250.0,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.5,
        "PhysicalSizeYUnit": "µm",
    }
    path = tmp_path / "a.ome.tif"
    if tifffile.__version__ < "2022":
        metadata = {key: value for key, value in metadata.items() if not key.endswith("Unit")}
        metadata["PhysicalSizeX"] = 0.25
    tifffile.imwrite(str(path), stack, ome=True, metadata=metadata, **options)
    refused(path, "DAPI, GFP", "--channel")
    refused(path, "none that is called 'cy5'", channel="Cy5")
    check(path, stack[1], "gfp", axes=(("Z", 3),), channel="GFP", pixel_size=(0.5, 0.25))
    check(path, stack[0], "0", channel="DAPI")


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("options", [{}, {"compression": COMPRESSED}], ids=["plain", "compressed"])
def test_colour_tiff_asks_for_a_channel(tmp_path, planar, options):
    image = noise(37, 53, 3, dtype=np.uint8)
    stored = np.moveaxis(image, 2, 0) if planar else image
    extra = {"planarconfig": "separate" if planar else "contig"}
    tifffile.imwrite(str(tmp_path / "a.tif"), stored, photometric="rgb", **extra, **options)
    refused(tmp_path / "a.tif", "red, green, blue", "luminance")
    check(tmp_path / "a.tif", image[..., 1], "green", channels=("red", "green", "blue"))
    check(tmp_path / "a.tif", image[..., 2], "2", channel="blue")
    luminance = np.rint(image @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    check(tmp_path / "a.tif", luminance, "luminance")


def test_of_a_pyramid_and_of_several_series_the_first_full_size_is_taken(tmp_path):
    image = noise(dtype=np.uint8)
    with tifffile.TiffWriter(str(tmp_path / "a.tif")) as writer:
        writer.write(image, subifds=1, tile=(16, 16))
        writer.write(image[::2, ::2], subfiletype=1, tile=(16, 16))
    check(tmp_path / "a.tif", image, warnings=[])
    with tifffile.TiffWriter(str(tmp_path / "b.tif")) as writer:
        writer.write(image)
        writer.write(noise(9, 9, dtype=np.uint8))
    check(tmp_path / "b.tif", image, warnings=["only the first of its 2 series is used (--series takes another)"])


def test_lzw_of_a_grey_image_needs_nothing_else(tmp_path):
    image = noise(dtype=np.uint8)
    Image.fromarray(image).save(str(tmp_path / "a.tif"), compression="tiff_lzw")
    check(tmp_path / "a.tif", image)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_png(tmp_path, dtype):
    Image.fromarray(noise(dtype=dtype)).save(str(tmp_path / "a.png"))
    check(tmp_path / "a.png", noise(dtype=dtype), axes=(), pixel_size=None)


def test_png_with_alpha_palette_or_colours(tmp_path):
    grey = noise(dtype=np.uint8)
    alpha = np.stack([grey, noise(dtype=np.uint8, seed=1)], axis=2)
    Image.fromarray(alpha, "LA").save(str(tmp_path / "la.png"))
    check(tmp_path / "la.png", grey)
    picture = Image.fromarray(grey, "P")
    picture.putpalette(np.repeat(np.arange(256), 3).astype(np.uint8).tolist())
    picture.save(str(tmp_path / "grey.png"))
    check(tmp_path / "grey.png", grey)
    picture.putpalette(np.arange(768).astype(np.uint8).tolist())
    picture.save(str(tmp_path / "colour.png"))
    refused(tmp_path / "colour.png", "red, green, blue", "--channel")
    check(tmp_path / "colour.png", np.array(picture.convert("RGB"))[..., 0], "red")
    Image.fromarray(np.stack([grey, grey, grey, 255 - grey], axis=2)).save(str(tmp_path / "rgba.png"))
    check(tmp_path / "rgba.png", grey, "luminance", channels=("red", "green", "blue", "alpha"))


def test_jpeg(tmp_path):
    Image.fromarray(noise(dtype=np.uint8)).save(str(tmp_path / "a.jpg"))
    check(tmp_path / "a.jpg", np.array(Image.open(str(tmp_path / "a.jpg"))))


@pytest.mark.parametrize("version", [2, 3])
def test_ome_zarr(tmp_path, version):
    zarr = pytest.importorskip("zarr")
    stack = noise(2, 3, 37, 53)
    space = [{"name": name, "type": "space", "unit": "nanometer"} for name in "zyx"]
    scale = [{"type": "scale", "scale": [1, 1, 500, 250]}]
    attributes = {
        "multiscales": [
            {
                "axes": [{"name": "c", "type": "channel"}, *space],
                "datasets": [{"path": "0", "coordinateTransformations": scale}],
            }
        ],
        "omero": {"channels": [{"label": "DAPI"}, {"label": "GFP"}]},
    }
    path = tmp_path / "a.zarr"
    group = zarr.open_group(str(path), mode="w", zarr_format=version)
    group.create_array("0", shape=stack.shape, chunks=(1, 1, 16, 16), dtype=stack.dtype)[...] = stack
    group.attrs.update(attributes if version == 2 else {"ome": attributes})
    refused(path, "DAPI, GFP")
    check(path, stack[1], "GFP", axes=(("Z", 3),), pixel_size=(0.5, 0.25))
    del group.attrs["multiscales" if version == 2 else "ome"]
    refused(path, "no OME-Zarr image")


def test_windows_of_a_large_file_need_little_memory(tmp_path):
    image = np.memmap(str(tmp_path / "raw"), np.uint8, "w+", shape=(20000, 20000))
    image[::100] = 7
    tifffile.imwrite(str(tmp_path / "a.tif"), image, rowsperstrip=64, compression=COMPRESSED)
    with open_image(tmp_path / "a.tif") as source:
        tracemalloc.start()
        for top in range(0, 20000, 2000):
            assert (source.planes[0].read(top, top + 1, 100, 200) == 7).all()
        assert source.planes[0].read(10050, 10150, 0, 20000).sum() == 7 * 20000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 100e6


def test_what_is_damaged_or_no_image_is_refused(tmp_path):
    refused(tmp_path / "none.tif", "no such file")
    (tmp_path / "empty.tif").write_bytes(b"")
    refused(tmp_path / "empty.tif", "cannot be read")
    (tmp_path / "text.png").write_text("no image")
    refused(tmp_path / "text.png", "is no PNG or JPEG")
    Image.fromarray(noise(dtype=np.uint8)).save(str(tmp_path / "a.png"))
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / "a.png", "cannot be read")


@pytest.mark.parametrize("options", [{}, {"compression": COMPRESSED}], ids=["plain", "compressed"])
def test_truncated_tiff_is_refused(tmp_path, options):
    with tifffile.TiffWriter(str(tmp_path / "a.tif")) as writer:
        writer.write(noise(200, 200), **options)
    whole = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(whole[: len(whole) - 5000])
    refused(tmp_path / "a.tif", "truncated")


def test_damaged_strip_is_refused_when_it_is_read(tmp_path):
    tifffile.imwrite(str(tmp_path / "a.tif"), noise(200, 200), compression=COMPRESSED, rowsperstrip=100)
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[-20000:-10000] = bytes(10000)
    (tmp_path / "a.tif").write_bytes(bytes(data))
    with open_image(tmp_path / "a.tif") as source, pytest.raises(CellsegError, match="cannot be read"):
        source.planes[0].read(0, 200, 0, 200)


def test_complex_numbers_are_refused(tmp_path):
    tifffile.imwrite(str(tmp_path / "a.tif"), noise(dtype=np.float32).astype(np.complex64))
    refused(tmp_path / "a.tif", "complex64", "real numbers")


def test_limit_of_pillow_is_kept(tmp_path, monkeypatch):
    Image.fromarray(noise(dtype=np.uint8)).save(str(tmp_path / "a.png"))
    for limit in (1500, 900):  # a warning, and an error
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        refused(tmp_path / "a.png", "too large", "tiled TIFF")


@pytest.mark.parametrize("choice", ["\N{SUPERSCRIPT TWO}", "2", "-1"])
def test_a_number_that_is_no_channel_is_refused(tmp_path, choice):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 20, 30), np.uint16), imagej=True, metadata={"axes": "CYX"})
    with pytest.raises(CellsegError, match="choose by number, 0 to 1"):
        open_image(tmp_path / "a.tif", choice)


def test_a_channel_that_is_none_is_refused_of_a_grey_image_too(tmp_path):
    Image.fromarray(noise(dtype=np.uint8)).save(str(tmp_path / "a.png"))
    check(tmp_path / "a.png", noise(dtype=np.uint8), "0")
    refused(tmp_path / "a.png", "has 1 channels", channel="1")


def test_time_comes_before_slices_whatever_the_order_in_the_file(tmp_path):
    array = np.arange(6 * 20 * 30, dtype=np.uint16).reshape(3, 2, 20, 30)
    tifffile.imwrite(tmp_path / "a.ome.tif", array, metadata={"axes": "ZTYX"})
    with open_image(tmp_path / "a.ome.tif") as source:
        assert source.axes == (("T", 2), ("Z", 3))
        assert [plane.index for plane in source.planes[:3]] == [{"T": 0, "Z": number} for number in range(3)]
        for plane in source.planes:
            assert (plane.read(0, 20, 0, 30) == array[plane.index["Z"], plane.index["T"]]).all()
