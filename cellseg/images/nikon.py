"""ND2 files of Nikon's NIS-Elements, through the library nd2: one position, with its time points, slices and channels.

A frame holds all channels. It is mapped, or decoded as a whole if it is compressed.
"""

import contextlib
import functools

import numpy as np

from cellseg.errors import CellsegError, install
from cellseg.images.source import Layout, known_axes, series_number
from cellseg.images.units import pixel_size

SUFFIXES = (".nd2",)

_POSITIONS = "P"
_FRAME = "CYXS"  # axes within a frame


def read_layout(path, series=None, stored=False) -> Layout:
    """What an ND2 file says of a position; see `cellseg.images.registry`."""
    try:
        import nd2
    except ImportError as error:
        raise CellsegError(f"{path}: ND2 needs nd2 ({error}); {install('nd2')}") from error
    with contextlib.ExitStack() as stack:
        file = nd2.ND2File(path)
        stack.callback(file.close)
        layout = _layout(path, file, series)
        stack.pop_all()  # layout.close closes it from now on
    return layout


def _layout(path, file, series):
    notes: list[str] = []
    sizes = dict(file.sizes)
    position = series_number(path, sizes.pop(_POSITIONS, 1), series, notes)
    loops = [letter for letter in sizes if letter not in _FRAME]
    numbers = {
        tuple(index[letter] for letter in loops): number
        for number, index in enumerate(file.loop_indices or ({},))
        if index.get(_POSITIONS, 0) == position
    }
    frame = functools.lru_cache(maxsize=1)(file.read_frame)
    own = [letter for letter in _FRAME if letter in sizes]

    def read(key):
        at = dict(zip([*loops, *own], key, strict=True))
        pixels = frame(numbers[tuple(int(at[letter]) for letter in loops)])
        # A copy: a map of the file must not outlive it.
        return np.array(pixels[tuple(at[letter] for letter in own)])

    def close():
        frame.cache_clear()
        file.close()

    axes = known_axes("".join(loops)) + "".join(own)
    shape = tuple(sizes[letter] for letter in [*loops, *own])
    channels, warnings = _channels(file)
    names = tuple(one.channel.name for one in channels) if "S" not in sizes else ()
    size, more = _pixel_size(channels)
    return Layout(axes, shape, np.dtype(file.dtype), read, names, size, notes + warnings + more, close)


def _channels(file):
    """What the file says of its channels, and warnings: the library stumbles over some files that say little."""
    try:
        return file.metadata.channels or [], []
    except Exception as error:
        return [], [f"its metadata cannot be read ({error}): no names of channels, no pixel size"]


def _pixel_size(channels):
    volume = channels[0].volume if channels else None
    if volume is None or not all(volume.axesCalibrated[:2]):
        return None, []
    width, height = volume.axesCalibration[:2]
    return pixel_size(height, width, "um", "um")
