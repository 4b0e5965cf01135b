"""What an image file holds, whatever its format: a layout as a reader finds it, and the planes made of it."""

import os
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np

from cellseg.errors import CellsegError

_BAND = 1 << 22  # pixels read at a time


@dataclass
class Layout:
    """What the reader of a format finds in a file.

    Attributes
    ----------
    axes : str
        One letter per axis: Y and X are rows and columns, C channels, S the samples of a colour, T time, Z depth, I an
        axis whose meaning the file does not say.
    shape : tuple of int
    dtype : numpy.dtype
    read : callable
        Called with a tuple of one int or slice per axis, it gives those pixels.
    names : tuple of str
        Names of the channels, if the file has names.
    pixel_size : tuple of float or None
        Height and width in micrometres.
    warnings : list of str
    close : callable
    """

    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[tuple], np.ndarray]
    names: tuple[str, ...] = ()
    pixel_size: tuple[float, float] | None = None
    warnings: list[str] = field(default_factory=list)
    close: Callable[[], None] = lambda: None


class Plane:
    """A 2-D plane of a file.

    Attributes
    ----------
    index : dict
        Where it stands on the axes of its file, such as ``{"T": 3, "Z": 1}``.
    shape : tuple of int
        (H, W).
    dtype : numpy.dtype
        Type of what `read` gives, in the machine's byte order.
    """

    def __init__(self, path: str, index: dict[str, int], shape: tuple[int, int], dtype, window: Callable, lock: Lock):
        self.index, self.shape, self.dtype = index, shape, dtype
        self._path, self._window, self._lock = path, window, lock

    def read(self, top: int, bottom: int, left: int, right: int) -> np.ndarray:
        """Read the grey values of a window. Several threads may read at the same time.

        Only the strips, tiles or chunks that the window touches are decoded.

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


def bands_of(plane):
    """All grey values of a plane, some rows after the other."""
    height, width = plane.shape
    rows = max(_BAND // width, 1)
    for top in range(0, height, rows):
        yield plane.read(top, min(top + rows, height), 0, width)


@dataclass
class Source:
    """An image file, open for reading.

    Attributes
    ----------
    path : str
    planes : list of Plane
        The planes of one channel: time points, of each its slices, in whatever order the file has them.
    axes : tuple of (str, int)
        Letters and lengths of the axes on which the planes stand; "I" where the file does not say what they are.
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
    pixel_size: tuple[float, float] | None
    warnings: list[str]
    close: Callable[[], None]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def known_axes(axes: str) -> str:
    """Letters of axes as `Layout` has them: a single one of another meaning is I."""
    unknown = [letter for letter in axes if letter not in "TZCSYX"]
    return axes.replace(unknown[0], "I") if len(unknown) == 1 else axes


def series_number(path, count: int, asked: int | None, notes: list[str]) -> int:
    """Which of a file's images is read; that others are left out is added to the notes.

    Parameters
    ----------
    path : str or path
        For the error.
    count : int
        How many images the file holds.
    asked : int or None
        The number that the user gives; None takes the first.
    notes : list of str

    Raises
    ------
    CellsegError
        If there is no such image.
    """
    if asked is None and count > 1:
        notes.append(f"only the first of its {count} series is used (--series takes another)")
    if not 0 <= (asked or 0) < count:
        raise CellsegError(f"{path}: has {count} series; --series takes 0 to {count - 1}")
    return asked or 0


def stored_bytes(path, enough: int) -> int:
    """The size of a file or of all files in a folder, which is not counted further than to `enough`."""
    if not Path(path).is_dir():
        return Path(path).stat().st_size
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            total += (Path(folder) / name).stat().st_size
            if total >= enough:
                return total
    return total


@contextmanager
def reading(path):
    """Turn whatever a decoder raises on a damaged file into one line that names the file."""
    try:
        yield
    except (CellsegError, MemoryError):
        raise
    except Exception as error:
        detail = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise CellsegError(f"{path}: cannot be read as an image ({detail}); replace it or leave it out") from error
