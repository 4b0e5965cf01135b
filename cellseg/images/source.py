"""Image files as planes that are read window by window, whatever the format."""

import contextlib
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

import numpy as np

from cellseg.errors import CellsegError

LUMINANCE = "luminance"
COLOURS = ("red", "green", "blue", "alpha")

_WEIGHTS = (0.299, 0.587, 0.114)  # of ITU-R 601
_CHANNEL_AXES = "CS"


@dataclass
class Layout:
    """What a format's reader knows of a file.

    Attributes
    ----------
    axes : str
        A letter an axis; Y and X are rows and columns, C or S channels, T time, Z depth.
    shape : tuple of int
    dtype : numpy.dtype
    window : callable
        Called with the index (a dict of the other axes' letters) and top, bottom, left, right, it gives those pixels.
    names : tuple of str
        Of the channels, where the file has names.
    pixel_size : tuple of float or None
        Height and width in micrometres.
    warnings : list of str
    close : callable
    """

    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype
    window: Callable
    names: tuple[str, ...] = ()
    pixel_size: Optional[tuple[float, float]] = None
    warnings: list[str] = field(default_factory=list)
    close: Callable = lambda: None


class Plane:
    """A 2-D plane of a file.

    Attributes
    ----------
    index : dict
        Where it stands on the axes of its file, such as ``{"T": 3, "Z": 1}``.
    shape : tuple of int
        (H, W).
    dtype : numpy.dtype
        Of what `read` gives, in the machine's byte order.
    """

    def __init__(self, path, index, shape, dtype, window, lock):
        self.index, self.shape, self.dtype = index, shape, dtype
        self._path, self._window, self._lock = path, window, lock

    def read(self, top, bottom, left, right):
        """Read the pixels of a window, as they stand in the file; threads may do so at the same time.

        No more of the file is decoded than the parts (strips, tiles, chunks) that the window touches.

        Returns
        -------
        ndarray of shape (bottom - top, right - left)

        Raises
        ------
        CellsegError
            If the file is damaged there.
        """
        with self._lock, reading(self._path):
            pixels = np.asarray(self._window(top, bottom, left, right))
            return np.ascontiguousarray(pixels, self.dtype)


@dataclass
class Source:
    """An image file, open for reading.

    Attributes
    ----------
    path : str
    planes : list of Plane
        Of one channel, in the file's order.
    axes : tuple of (str, int)
        Letters and lengths of the axes on which the planes stand; "I" where it is not known what they are.
    channels : tuple of str
        Names of all channels; numbers where they have none.
    channel : str
        The one that is read.
    pixel_size : tuple of float or None
        Height and width of a pixel in micrometres.
    warnings : list of str
    """

    path: str
    planes: list[Plane]
    axes: tuple[tuple[str, int], ...]
    channels: tuple[str, ...]
    channel: str
    pixel_size: Optional[tuple[float, float]]
    warnings: list[str]
    close: Callable

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@contextlib.contextmanager
def reading(path):
    """Turn whatever a decoder raises on a damaged file into one line that names it."""
    try:
        yield
    except (CellsegError, MemoryError):
        raise
    except Exception as error:
        detail = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise CellsegError(f"{path}: cannot be read as an image ({detail}); replace it or leave it out") from error


def open_source(path, channel=None):
    """Open an image file of any format that is known here; its pixels are read later.

    Parameters
    ----------
    path : str or path
        TIFF (also OME-TIFF, ImageJ's and BigTIFF), PNG, JPEG, or a folder that is an OME-Zarr image.
    channel : str, optional
        Name or number (from 0) of the channel to read; of colour images also "luminance" (ITU-R 601).

    Returns
    -------
    Source
        To be closed, or used in a ``with`` statement.

    Raises
    ------
    CellsegError
        If the file is missing, empty, damaged, of complex numbers or an unknown kind, or of several channels none of
        which is chosen.
    """
    path = Path(path)
    if not path.exists():
        raise CellsegError(f"{path}: no such file")
    with reading(path):
        layout = _reader(path)(path)
    try:
        return _source(str(path), layout, channel)
    except CellsegError:
        layout.close()
        raise


def _reader(path):
    if path.is_dir():
        from cellseg.images.ome_zarr import read_layout
    elif path.suffix.lower() in (".tif", ".tiff"):
        from cellseg.images.tiff import read_layout
    else:
        from cellseg.images.picture import read_layout
    return read_layout


def _source(path, layout, choice):
    sizes = dict(zip(layout.axes, layout.shape))
    if len(sizes) != len(layout.axes) or "Y" not in sizes or "X" not in sizes:
        raise CellsegError(f"{path}: its axes {layout.axes} are not understood; save it as planes of rows and columns")
    if not np.prod(layout.shape, dtype=np.int64):
        raise CellsegError(f"{path}: has no pixels; replace it or leave it out")
    if np.dtype(layout.dtype).kind not in "buif":
        raise CellsegError(f"{path}: holds {layout.dtype} values; save it with real numbers")
    held = [letter for letter in layout.axes if letter in _CHANNEL_AXES and sizes[letter] > 1]
    if len(held) > 1:
        raise CellsegError(f"{path}: has channels of colours; save one channel as an image of its own")
    channels = _channels(layout, sizes[held[0]] if held else 1, colour=held == ["S"])
    chosen = _chosen(path, channels, choice)
    window = _of_channel(layout.window, held[0] if held else None, chosen, channels)
    axes = tuple((letter, sizes[letter]) for letter in layout.axes if letter not in "YX" + _CHANNEL_AXES)
    axes = tuple((letter, length) for letter, length in axes if length > 1)
    dtype, lock = _dtype(layout.dtype), threading.Lock()
    planes = [
        _plane(path, dict(zip([letter for letter, _ in axes], map(int, index))), sizes, dtype, window, lock)
        for index in np.ndindex(*(length for _, length in axes))
    ]
    return Source(path, planes, axes, channels, chosen, layout.pixel_size, layout.warnings, layout.close)


def _plane(path, index, sizes, dtype, window, lock):
    others = {letter: 0 for letter in sizes if letter not in "YX"}
    full = {**others, **index}
    return Plane(path, index, (sizes["Y"], sizes["X"]), dtype, lambda *box: window(full, *box), lock)


def _channels(layout, count, colour):
    if colour and count in (3, 4) and not layout.names:
        return COLOURS[:count]
    if len(layout.names) == count:
        return tuple(name or str(number) for number, name in enumerate(layout.names))
    return tuple(map(str, range(count)))


def _chosen(path, channels, choice):
    """The channel meant by a choice, as its name; of a name that several have, only a number tells which."""
    colour = channels[:3] == COLOURS[:3]
    several = f"has {len(channels)} channels ({', '.join(channels)}"
    offer = f"; or {LUMINANCE}, for a colour image that is meant as a grey one" if colour else ""
    if choice is None:
        if len(channels) > 1:
            raise CellsegError(f"{path}: {several}); choose one with --channel{offer}")
        return channels[0]
    choice = str(choice).lower()
    if colour and choice == LUMINANCE:
        return LUMINANCE
    same = [name for name in channels if name.lower() == choice]
    if len(same) == 1:
        return same[0]
    if not same and choice.isdigit() and int(choice) < len(channels):
        name = channels[int(choice)]
        return name if channels.count(name) == 1 else choice
    many = "several of that name" if same else f"none that is called '{choice}'"
    raise CellsegError(f"{path}: {several}), {many}; choose by number, 0 to {len(channels) - 1}{offer}")


def _of_channel(window, axis, chosen, channels):
    if axis is None:
        return window
    if chosen == LUMINANCE:
        return _luminance(window, axis)
    number = channels.index(chosen) if chosen in channels else int(chosen)
    return lambda index, *box: window({**index, axis: number}, *box)


def _luminance(window, axis):
    def mixed(index, *box):
        parts = [np.asarray(window({**index, axis: number}, *box)) for number in range(3)]
        sum_ = sum(weight * part.astype(np.float64) for weight, part in zip(_WEIGHTS, parts))
        return np.rint(sum_).astype(parts[0].dtype) if parts[0].dtype.kind in "bui" else sum_

    return mixed


def _dtype(dtype):
    dtype = np.dtype(dtype).newbyteorder("=")
    return {"bool": np.dtype(np.uint8), "float16": np.dtype(np.float32)}.get(dtype.name, dtype)
