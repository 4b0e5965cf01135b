"""``.binaryproto`` files: one array in Caffe's binary form, such as the mean of images.

It runs beside real Caffe, too, and so under Python 3.9.
"""

from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError

from cellseg.engine import schema
from cellseg.engine.weights import array_of, content_of, parse
from cellseg.errors import CellsegError
from cellseg.files import replacing

_ADVICE = "give a .binaryproto, such as Caffe's compute_image_mean writes"
_SIDES = ("num", "channels", "height", "width")


def read_blob(path):
    """Read the array of a ``.binaryproto``.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    ndarray, float32
        In the shape that the file gives; a mean is 1xCxHxW, its channels mostly in the order blue, green, red.

    Raises
    ------
    CellsegError
        If the file cannot be read, holds no array, or holds NaN or infinite numbers.
    """
    content = content_of(path)
    try:
        blob = parse(schema.BlobProto, content)
    except DecodeError as error:
        raise CellsegError(f"{path}: not a .binaryproto, or truncated; {_ADVICE}") from error
    if not (blob.data or blob.double_data):
        raise CellsegError(f"{path}: holds no numbers; {_ADVICE}")
    array = array_of(path, "the array", blob)
    if not np.isfinite(array).all():
        raise CellsegError(f"{path}: holds NaN or infinite numbers; make it again")
    return array


def write_blob(path, array):
    """Write an array as a ``.binaryproto``; beside `path` first, then renamed.

    Parameters
    ----------
    path : str or path
    array : ndarray
        Of four axes, it is written in the form that Caffe's own tools give means.
    """
    array = np.ascontiguousarray(array, "<f4")
    blob = schema.BlobProto(data=array.tobytes())
    if array.ndim == len(_SIDES):
        for name, side in zip(_SIDES, array.shape):
            setattr(blob, name, side)
    else:
        blob.shape.dim.extend(array.shape)
    with replacing(path) as beside:
        Path(beside).write_bytes(blob.SerializeToString())
