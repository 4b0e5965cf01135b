"""TIFFs that are written strip by strip, read again by tifffile and Pillow."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from cellseg.errors import CellsegError
from cellseg.segmentation.rows import Rows
from cellseg.segmentation.tiff_output import write_tiff


def on_disk(folder, array):
    """The planes of an array as functions that read them from files, written in uneven bands."""
    planes = []
    for number, plane in enumerate(array.reshape(-1, *array.shape[-2:])):
        rows = Rows(folder / f"plane_{number}", plane.shape, plane.dtype)
        for top in range(0, len(plane), 37):
            rows.append(plane[top : top + 37])
        rows.close()
        planes.append(rows.bands)
    return planes


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "float32"])
@pytest.mark.parametrize(
    "axes, shape", [("", (301, 1007)), ("Z", (3, 90, 70)), ("TZ", (2, 3, 40, 50)), ("T", (1, 1, 1))]
)
def test_what_is_written_is_read(axes, shape, dtype, tmp_path):
    array = (np.random.RandomState(0).uniform(0, 2**16, shape) // 7).astype(dtype)
    write_tiff(tmp_path / "a.tif", on_disk(tmp_path, array), shape, dtype, axes, (0.5, 0.25))
    read = tifffile.imread(str(tmp_path / "a.tif"))
    assert read.dtype == dtype and (read.reshape(shape) == array).all()
    with tifffile.TiffFile(str(tmp_path / "a.tif")) as file:
        assert file.pages[0].compression == 8 and len(file.pages) == np.prod(shape[:-2], dtype=int)
        assert file.is_imagej == (dtype != "uint32")
        x, y = (file.pages[0].tags[name].value for name in ("XResolution", "YResolution"))
        unit = file.pages[0].tags["ResolutionUnit"].value
        if dtype == "uint32":  # no file of ImageJ's: pixels a centimetre, as any program reads it
            assert (x[0] / x[1], y[0] / y[1], unit) == (40_000, 20_000, 3)
        else:
            assert (x[0] / x[1], y[0] / y[1], unit) == (4, 2, 1)
        if dtype != "uint32":
            assert file.imagej_metadata["unit"] == "um"
            assert [file.imagej_metadata.get(name, 1) for name in ("frames", "slices")] == [
                dict(zip(axes, shape)).get(axis, 1) for axis in "TZ"
            ]
    with Image.open(str(tmp_path / "a.tif")) as image:  # another reader
        first = np.array(image)
    assert (first == array.reshape(-1, *shape[-2:])[0]).all()


def test_a_failure_leaves_the_file_that_was_there(tmp_path):
    def whole(height):
        yield from np.split(np.zeros((500, 2000), np.uint16), range(height, 500, height))

    def broken(height):
        yield from whole(height)
        raise OSError(28, "No space left on device")

    (tmp_path / "a.tif").write_text("earlier")
    with pytest.raises(CellsegError, match="a.tif: cannot be written .*No space left"):
        write_tiff(tmp_path / "a.tif", [whole, broken, whole], (3, 500, 2000), np.uint16, "Z")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
    assert (tmp_path / "a.tif").read_text() == "earlier"
