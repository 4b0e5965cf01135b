"""Reading and writing grayscale images: PNG and TIFF."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from cellseg.errors import CellsegError
from cellseg.files import replacing

SUFFIXES = (".png", ".tif", ".tiff")
_GRAY_MODES = ("1", "L", "I", "I;16", "I;16B", "I;16L", "F")


def read_image(path, rgb="refuse"):
    """Read one single-channel image.

    Parameters
    ----------
    path : str or path
        PNG or TIFF; 1, 8 or 16 bit, or floating point.
    rgb : {"refuse", "luminance"} or None
        What to do with a colour image: stop, or take its luminance (ITU-R 601: 0.299 R + 0.587 G + 0.114 B). None
        stops too, without offering the conversion.

    Returns
    -------
    ndarray of shape (H, W)
        Grey values as they stand in the file.

    Raises
    ------
    CellsegError
        If the file is missing, no image, truncated, of several pages, in colour (unless converted), or holds NaN or
        infinite values.
    """
    if not Path(path).is_file():
        raise CellsegError(f"{path}: no such file, or not a plain one; replace it or leave it out")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(str(path)) as file:
                pages, mode = getattr(file, "n_frames", 1), file.mode
                file.load()
                if mode not in _GRAY_MODES and rgb == "luminance":
                    file = file.convert("RGB").convert("L")
                array = np.array(file)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise almost anything on a damaged file
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CellsegError(f"{path}: cannot be read as an image ({detail}); replace it or leave it out") from error
    if pages > 1:
        raise CellsegError(f"{path}: holds {pages} pages; save the plane to use as an image of its own")
    if mode not in _GRAY_MODES and rgb != "luminance":
        offer = ", or convert with --rgb luminance (make: RGB=luminance)" if rgb else ""
        raise CellsegError(f"{path}: a colour image (mode {mode}); save it as grayscale{offer}")
    if not np.isfinite(array).all():
        raise CellsegError(f"{path}: holds NaN or infinite pixels; repair it or leave it out")
    return array


def write_image(path, array):
    """Write a grayscale image, whole or not at all.

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
        Image.fromarray(np.ascontiguousarray(array)).save(str(beside))
