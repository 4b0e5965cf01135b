"""Writing planes as one TIFF that ImageJ opens, strip by strip, so that no plane is in memory."""

import zlib

import numpy as np
import tifffile

from cellseg.files import replacing

_LARGEST_CLASSIC = 1 << 31  # bytes before compression; larger files are BigTIFF
_MICROMETRES_A_CENTIMETRE = 10_000
_IMAGEJ_TYPES = ("uint8", "uint16", "float32")


def write_tiff(path, planes, shape, dtype, axes="", pixel_size=None):
    """Write planes, compressed with deflate. If it fails, no file is left.

    Parameters
    ----------
    path : str or path
    planes : sequence of callable
        One a plane. Called with a height, it gives the plane's rows from the top in arrays of that height and the
        plane's width.
    shape : tuple of int
        Lengths of `axes`, then (H, W).
    dtype : numpy.dtype
        ImageJ knows uint8, uint16 and float32. It takes a file of another type for a plain stack.
    axes : str
        The axes before Y and X, a letter each. ImageJ knows "T", "Z" and "TZ", and takes others for a plain stack.
    pixel_size : tuple of float, optional
        Height and width of a pixel in micrometres.

    Raises
    ------
    CellsegError
        If it cannot be written.
    """
    dtype = np.dtype(dtype)
    rows = max((1 << 18) // (shape[-1] * dtype.itemsize), 1)
    large = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize >= _LARGEST_CLASSIC
    imagej = not large and dtype.name in _IMAGEJ_TYPES and axes in ("", "T", "Z", "TZ")
    options, metadata = {}, {"axes": f"{axes}YX"}
    if pixel_size:
        height, width = pixel_size
        # ImageJ's files name their unit in the description; TIFF itself knows centimetres and inches.
        a_unit = 1 if imagej else _MICROMETRES_A_CENTIMETRE
        options["resolution"] = (a_unit / width, a_unit / height)
        if imagej:
            metadata["unit"] = "um"
        else:
            options["resolutionunit"] = tifffile.RESUNIT.CENTIMETER
    with replacing(path) as beside, tifffile.TiffWriter(beside, imagej=imagej, bigtiff=large) as writer:
        writer.write(
            _strips(planes, rows, dtype),
            shape=tuple(shape),
            dtype=dtype,
            photometric="minisblack",
            rowsperstrip=rows,
            metadata=metadata,
            compression="zlib",
            **options,
        )


def _strips(planes, rows, dtype):
    for plane in planes:
        for strip in plane(rows):
            yield zlib.compress(np.ascontiguousarray(strip, dtype).tobytes(), 1)
