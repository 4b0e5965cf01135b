"""Pictures as Caffe gets them from OpenCV: channels blue, green, red, and OpenCV's rounding, bit for bit.

Two libraries that read JPEG agree where both are libjpeg-turbo. Grey values and changes of size are OpenCV's own
arithmetic, in whole numbers, which other libraries do not have.
"""

import io

import numpy as np
from PIL import Image, ImageOps

from cellseg.errors import CellsegError

_UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)
_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF")
_ALPHA = ("RGBA", "LA", "PA")
# What red, green and blue count for in a grey value: libpng's parts of 2^15, cut off, and OpenCV's of 2^14, rounded.
_PNG_GREY, _OTHER_GREY = (9797, 19234, 3737), (4899, 9617, 1868)
_ONE = 2048  # 1 as OpenCV's weight of a pixel


def read_picture(source, colour, name=None):
    """Read a picture.

    Parameters
    ----------
    source : str, path or bytes
        A file, or its content.
    colour : bool or None
        Whether to give three channels or one; None: as many as the file has, with that of its opacity.
    name : str, optional
        What to call it in errors; by default its path.

    Returns
    -------
    ndarray of shape (H, W, C), uint8
        Channels blue, green, red, opacity. A JPEG that a camera took turned stands upright, unless `colour` is None.

    Raises
    ------
    CellsegError
        If it cannot be read, or what it holds has no such form.
    """
    name = source if name is None else name
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=_FORMATS) as picture:
            kind = "JPEG" if picture.format == "MPO" else picture.format  # JPEG with further pictures behind
            if colour is False and kind == "JPEG":
                picture.draft("L", None)  # the file's own grey values
            picture.load()
            if colour is not None and kind == "JPEG":
                picture = ImageOps.exif_transpose(picture)
            return _channels(picture, colour, kind, name)
    except _UNREADABLE as error:
        if isinstance(error, CellsegError):
            raise
        why = getattr(error, "strerror", None) or ("no picture, or a damaged one" if str(error) else "empty")
        raise CellsegError(f"{name} cannot be read ({why})") from None


def _channels(picture, colour, kind, name):
    """The channels that are asked for."""
    mode = picture.mode
    if mode.startswith("I") and kind == "PNG" and colour is not None:  # 16 bits, of which the upper ones count
        picture, mode = Image.fromarray((np.asarray(picture).astype(np.uint16) >> 8).astype(np.uint8)), "L"
    if mode == "CMYK":
        values = _from_ink(np.asarray(picture))
    elif mode in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "YCbCr"):
        opaque = mode not in _ALPHA and not (mode == "P" and "transparency" in picture.info)
        if colour is None and not opaque:
            return np.asarray(picture.convert("RGBA"))[..., [2, 1, 0, 3]]
        if mode in ("1", "L", "LA"):
            grey = np.asarray(picture.convert("L"))[..., None]
            return np.repeat(grey, 3, axis=2) if colour else grey
        values = np.asarray(picture.convert("RGB"))
    else:
        raise CellsegError(f"{name} has pixels of the kind '{mode}'; give a picture of 8 bits a channel")
    return _grey(values, kind) if colour is False else values[..., ::-1]


def _from_ink(inverted):
    """Red, green and blue of a picture in cyan, magenta, yellow and black, as it stands in a JPEG of Adobe's kind."""
    ink = 255 - inverted.astype(np.int32)
    black = ink[..., 3:]
    return (black - ((255 - ink[..., :3]) * black >> 8)).astype(np.uint8)


def _grey(values, kind):
    red, green, blue = values.astype(np.int32).transpose(2, 0, 1)
    if kind == "PNG":
        parts, half, bits = _PNG_GREY, 0, 15
    else:
        parts, half, bits = _OTHER_GREY, 1 << 13, 14
    return (red * parts[0] + green * parts[1] + blue * parts[2] + half >> bits).astype(np.uint8)[..., None]


def resized(image, height, width):
    """An image in another size, by OpenCV's bilinear interpolation, its default.

    Parameters
    ----------
    image : ndarray of shape (H, W, C), uint8
    height, width : int

    Returns
    -------
    ndarray of shape (height, width, C), uint8
    """
    rows, columns = image.shape[:2]
    if (rows, columns) == (height, width):
        return image
    values = image.astype(np.int32)
    if (rows, columns) == (2 * height, 2 * width):
        pairs = values[0::2] + values[1::2]
        return (pairs[:, 0::2] + pairs[:, 1::2] + 2 >> 2).astype(np.uint8)
    left, weights = _neighbours(columns, width)
    weights[(left < 0) | (left >= columns - 1)] = _ONE, 0
    first, second = (values[:, (left + step).clip(0, columns - 1)] for step in (0, 1))
    across = first * weights[:, :1] + second * weights[:, 1:]
    top, weights = _neighbours(rows, height)
    first, second = (
        (across[(top + step).clip(0, rows - 1)] >> 4) * weights[:, step, None, None] >> 16 for step in (0, 1)
    )
    return (first + second + 2 >> 2).astype(np.uint8)


def _neighbours(length, new):
    """For each new pixel the place of its first neighbour, and what this and the next one count for."""
    places = ((np.arange(new) + 0.5) * (1 / (new / length)) - 0.5).astype(np.float32)
    first = np.floor(places)
    share = places - first
    weights = np.stack([np.float32(1) - share, share], 1) * np.float32(_ONE)
    return first.astype(np.int64), np.rint(weights).astype(np.int32)


def nearest(image, height, width):
    """An image in another size, each pixel the value of one: for labels, between which there is nothing.

    Parameters and result are those of `resized`.
    """
    rows, columns = image.shape[:2]
    row, column = (
        np.minimum((np.arange(new) * (1 / (new / length))).astype(np.int64), length - 1)
        for new, length in ((height, rows), (width, columns))
    )
    return image[row[:, None], column]
