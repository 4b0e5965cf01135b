"""Opening an image file of any format: for training, evaluation and segmentation alike."""

import logging
import math
import threading
from pathlib import Path

import numpy as np

from cellseg.errors import CellsegError
from cellseg.images.channels import AXES, LUMINANCE, channel_names, channel_window, choose_channel, is_colour
from cellseg.images.registry import reader_of
from cellseg.images.source import Layout, Plane, Source, reading, stored_bytes

_LETTERS = "TZCYXSI"
_PLANES = "TIZ"  # axes of planes, in the order that ImageJ and NGFF want
_LARGE, _MANY_PLANES = 1 << 30, 100_000  # bytes and planes from which on a file's size is asked
_DENSEST = 1_000_000  # pixels take at most so many times what is stored: nothing packs them more tightly
_FEW, _MANY = 4, 16  # an axis is taken for channels if it has this few, and both others have this many


def open_image(
    path, channel: str | int | None = None, axes: str | None = None, series: int | None = None, stored: bool = False
) -> Source:
    """Open an image file of any known format. Its pixels are read later.

    Black is 0 and bright is high in every image: WhiteIsZero is turned, and palettes are looked up. An orientation
    tag is not followed, since masks are drawn on the pixels as stored.

    Parameters
    ----------
    path : str or path
        TIFF (also OME-TIFF of several files, ImageJ's, BigTIFF, LSM, STK, SVS and QPTIFF), PNG, JPEG, CZI, ND2, LIF,
        or a folder that is an OME-Zarr image.
    channel : str or int, optional
        Name or number (from 0) of the channel to read; of colour images also "luminance" (ITU-R 601).
    axes : str, optional
        What the file's axes are, a letter each, where the file does not say it or says it wrongly: "YXC", "TZYX".
    series : int, optional
        Number (from 0) of the image to read in a file that holds several.
    stored : bool
        Whether to leave values as they stand in the file, as in masks.

    Returns
    -------
    Source
        To be closed, or used in a ``with`` statement.

    Raises
    ------
    CellsegError
        If the file is missing, empty, damaged, of complex numbers or an unknown kind, of other axes or fewer series
        than asked for, or of several channels none of which is chosen.
    """
    layout = _open_layout(path, axes, series, stored)
    try:
        return _source(str(path), layout, channel)
    except CellsegError:
        layout.close()
        raise


def read_image(path, channel: str | int | None = None) -> np.ndarray:
    """Read an image of one plane, as training and evaluation take it. What is to be known of it is logged.

    Parameters
    ----------
    path : str or path
    channel : str or int, optional
        As in `open_image`. "luminance" leaves grey images as they are.

    Returns
    -------
    ndarray of shape (H, W)
        Grey values. They may hold NaN, which counts as background.

    Raises
    ------
    CellsegError
        As `open_image`; also if the file holds several planes, or nothing but NaN.
    """
    layout = _open_layout(path)
    try:
        _, channels = _channels(str(path), layout)
        if channel is None and is_colour(channels):
            how = f"save it as grayscale, or convert with --rgb {LUMINANCE} (make: RGB={LUMINANCE})"
            raise CellsegError(f"{path}: a colour image; {how}")
        if channel in (None, LUMINANCE) and len(channels) > 1 and not is_colour(channels):
            raise CellsegError(f"{path}: has {len(channels)} channels; save the one to use as an image of its own")
        source = _source(str(path), layout, channel)
        image = read_only_plane(source)
        missing = 1 - np.isfinite(image).mean()
        if missing == 1:
            raise CellsegError(f"{path}: every pixel is NaN or infinite; leave it out")
        notes = [missing_note(missing)] if missing else []
        for note in [*source.warnings, *notes]:
            logging.getLogger(__name__).warning("warning: %s: %s", path, note)
        return image
    finally:
        layout.close()


def read_only_plane(source: Source) -> np.ndarray:
    """The pixels of a source of one plane, of shape (H, W); one of several planes is refused."""
    if len(source.planes) > 1:
        how = "save the plane to use as an image of its own"
        raise CellsegError(f"{source.path}: holds {len(source.planes)} planes; {how}")
    height, width = source.planes[0].shape
    return source.planes[0].read(0, height, 0, width)


def missing_note(fraction: float) -> str:
    """The warning about pixels that are no numbers, which are this part of an image."""
    return f"{fraction:.2%} of the pixels are NaN or infinite and count as background"


def _open_layout(path, axes=None, series=None, stored=False):
    path = Path(path)
    if path.is_symlink() and not path.exists():
        raise CellsegError(f"{path}: is a link to {path.readlink()}, which does not exist; repair it or leave it out")
    if not path.exists():
        raise CellsegError(f"{path}: no such file")
    if not path.is_file() and not path.is_dir():
        raise CellsegError(f"{path}: is neither a file nor a folder; leave it out")
    with reading(path):
        layout = reader_of(path).read_layout(path, series=series, stored=stored)
    try:
        _check(path, layout)
        layout.axes = _said(path, layout, axes.upper()) if axes else _guessed(path, layout)
    except CellsegError:
        layout.close()
        raise
    return layout


def _check(path, layout):
    _check_promise(path, layout)
    if not math.prod(layout.shape):
        raise CellsegError(f"{path}: has no pixels; replace it or leave it out")
    if np.dtype(layout.dtype).kind not in "buif":
        raise CellsegError(f"{path}: holds {layout.dtype} values; save it with real numbers")


def _check_promise(path, layout):
    """Refuse a file whose header promises what it cannot hold, however well it is compressed."""
    size = math.prod(layout.shape) * np.dtype(layout.dtype).itemsize
    planes = math.prod(
        length for letter, length in zip(layout.axes, layout.shape, strict=False) if letter not in f"YX{AXES}"
    )
    if size <= _LARGE and planes <= _MANY_PLANES:
        return
    least = max(size // _DENSEST, planes if planes > _MANY_PLANES else 0)
    if stored_bytes(path, least) < least:
        what = f"promises {planes} planes of {size / planes / 2**20:.4g} MiB"
        raise CellsegError(f"{path}: {what}, which it is far too small for; replace it or leave it out")


def _said(path, layout, axes):
    """The axes that the user gave, if they fit."""
    shape = " x ".join(map(str, layout.shape))
    known = set(axes) <= set(_LETTERS) and len(set(axes)) == len(axes) and {"Y", "X"} <= set(axes)
    if not known or len(axes) != len(layout.shape):
        what = f"has {len(layout.shape)} axes ({shape}); --axes {axes} does not fit"
        raise CellsegError(f"{path}: {what}: give a letter for each, Y, X and others of T, Z, C, S, I")
    return axes


def _guessed(path, layout):
    """The axes that the file names; what it does not name is guessed, with a warning."""
    axes, shape = layout.axes, layout.shape
    if len(set(axes)) != len(axes) or not {"Y", "X"} <= set(axes):
        raise CellsegError(f"{path}: its axes {axes} ({' x '.join(map(str, shape))}) are not understood; give --axes")
    if axes == "IYX" and shape[2] <= _FEW and min(shape[:2]) >= _MANY:
        layout.warnings.append(f"its last axis ({shape[2]} long) has no name and is taken for channels (--axes YXC)")
        return "YXC"
    if "I" in axes and shape[axes.index("I")] > 1:
        other = axes.replace("I", "C")
        count = shape[axes.index("I")]
        layout.warnings.append(f"an axis has no name: {count} planes are taken (--axes {other}, if they are channels)")
    return axes


def _channels(path, layout):
    """The axis that holds channels (None: there is one only), and their names."""
    held = [letter for letter, length in zip(layout.axes, layout.shape, strict=True) if letter in AXES and length > 1]
    if len(held) > 1:
        raise CellsegError(f"{path}: has channels of colours; save one channel as an image of its own")
    count = layout.shape[layout.axes.index(held[0])] if held else 1
    return (held or [None])[0], channel_names(layout.names, count, colour=held == ["S"])


def _source(path, layout: Layout, choice):
    sizes = dict(zip(layout.axes, layout.shape, strict=True))
    axis, channels = _channels(path, layout)
    chosen = choose_channel(path, channels, choice)
    window = _window(layout)
    if axis:
        window = channel_window(window, axis, chosen, channels)
    axes = tuple((letter, sizes[letter]) for letter in _PLANES if sizes.get(letter, 1) > 1)
    dtype, lock, shape = _dtype(layout.dtype), threading.Lock(), (sizes["Y"], sizes["X"])
    planes = []
    for numbers in np.ndindex(*(length for _, length in axes)):
        index = {letter: int(number) for (letter, _), number in zip(axes, numbers, strict=True)}
        planes.append(Plane(path, index, shape, dtype, lambda *box, index=index: window(index, *box), lock))
    return Source(path, planes, axes, channels, chosen, layout.pixel_size, layout.warnings, layout.close)


def _window(layout):
    """A function that reads a box at an index of the other axes, rows first."""
    turned = layout.axes.index("Y") > layout.axes.index("X")

    def window(index, top, bottom, left, right):
        box = {"Y": slice(top, bottom), "X": slice(left, right)}
        pixels = np.asarray(layout.read(tuple(box.get(letter, index.get(letter, 0)) for letter in layout.axes)))
        return pixels.T if turned else pixels

    return window


def _dtype(dtype):
    dtype = np.dtype(dtype).newbyteorder("=")
    return {"bool": np.dtype(np.uint8), "float16": np.dtype(np.float32)}.get(dtype.name, dtype)
