"""Writing grey images: PNG and TIFF."""

from pathlib import Path

import numpy as np
from PIL import Image

from cellseg.errors import CellsegError
from cellseg.files import replacing

SUFFIXES = (".png", ".tif", ".tiff")


def write_image(path, array: np.ndarray) -> None:
    """Write a grey image, whole or not at all.

    Parameters
    ----------
    path : str or path
        Ends in .png, .tif or .tiff.
    array : ndarray of shape (H, W), uint8 or uint16

    Raises
    ------
    CellsegError
        If the folder cannot be written to, or the suffix is another.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        raise CellsegError(f"{path}: images are written as {', '.join(SUFFIXES)}; choose one of these")
    with replacing(path) as beside:
        Image.fromarray(np.ascontiguousarray(array)).save(beside)
