"""Writing planes as one TIFF, strip by strip, so that ImageJ opens it and no plane is held in memory."""

import re
import zlib

import numpy as np
import tifffile

from cellseg.files import replacing

_LARGEST_CLASSIC = 1 << 31  # bytes before compression from which BigTIFF is written
_IMAGEJ_TYPES = ("uint8", "uint16", "float32")
# Older ones take whole planes only.
_TAKES_STRIPS = tuple(map(int, re.findall(r"\d+", tifffile.__version__)[:2])) >= (2022, 4)


def write_tiff(path, planes, shape, dtype, axes="", pixel_size=None):
    """Write planes, whole or not at all, compressed with deflate.

    Parameters
    ----------
    path : str or path
    planes : sequence of callable
        One a plane: called with a height, it gives the plane's rows from the top in arrays of that height, all of the
        plane's width.
    shape : tuple of int
        Lengths of `axes`, then (H, W).
    dtype : numpy.dtype
        ImageJ knows uint8, uint16 and float32; others are written as a TIFF that it takes for a plain stack.
    axes : str
        Letters of the axes before Y and X, of "TZ", for ImageJ.
    pixel_size : tuple of float, optional
        Height and width of a pixel in micrometres.

    Raises
    ------
    CellsegError
        If it cannot be written.
    """
    height, width = shape[-2:]
    dtype = np.dtype(dtype)
    rows = max((1 << 18) // (width * dtype.itemsize), 1)
    data = _strips(planes, rows, dtype) if _TAKES_STRIPS else _pages(planes, height, dtype)
    options = {"imagej": dtype.name in _IMAGEJ_TYPES and set(axes) <= set("TZ")}
    metadata = {"axes": f"{axes}YX"}
    if pixel_size:
        metadata["unit"] = "um"
    if np.prod(shape, dtype=np.int64) * dtype.itemsize >= _LARGEST_CLASSIC:
        options = {"bigtiff": True}
    with replacing(path) as beside, tifffile.TiffWriter(str(beside), **options) as writer:
        writer.write(
            data,
            shape=tuple(shape),
            dtype=dtype,
            photometric="minisblack",
            rowsperstrip=rows,
            metadata=metadata,
            compression="zlib" if _TAKES_STRIPS else ("zlib", 1),
            resolution=(1 / pixel_size[1], 1 / pixel_size[0]) if pixel_size else None,
        )


def _strips(planes, rows, dtype):
    for plane in planes:
        for strip in plane(rows):
            yield zlib.compress(np.ascontiguousarray(strip, dtype).tobytes(), 1)


def _pages(planes, height, dtype):
    for plane in planes:
        for page in plane(height):
            yield np.ascontiguousarray(page, dtype)
