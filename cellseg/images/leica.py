"""LIF files of Leica, through the library liffile: one of the file's images, frame by frame."""

import contextlib
import functools

import numpy as np

from cellseg.errors import CellsegError, install
from cellseg.images.source import Layout, known_axes, series_number
from cellseg.images.units import pixel_size

SUFFIXES = (".lif",)

_DESCRIPTION = "./Data/Image/ImageDescription"
_ROWS, _COLUMNS = "2", "1"  # the numbers of these axes in the file's XML


def read_layout(path, series=None, stored=False) -> Layout:
    """What a LIF file says of one of its images; see `cellseg.images.registry`."""
    try:
        import liffile
    except ImportError as error:
        raise CellsegError(f"{path}: LIF needs liffile ({error}); {install('lif')}") from error
    with contextlib.ExitStack() as stack:
        file = liffile.LifFile(path)
        stack.callback(file.close)
        notes: list[str] = []
        if not len(file.images):
            raise CellsegError(f"{path}: holds no image; replace it or leave it out")
        layout = _layout(file, file.images[series_number(path, len(file.images), series, notes)], notes)
        stack.pop_all()  # layout.close closes it from now on
    return layout


def _layout(file, image, notes):
    whole = functools.lru_cache(maxsize=1)(image.asarray)
    own = [letter for letter in image.dims if letter in "YXS"]
    # A frame of other axes is one whose rows are not neighbours in the file: the image is read as a whole.
    in_frames = list(image.frames.frame_dims) == own
    frame = functools.lru_cache(maxsize=1)(image.frame)

    def read(key):
        if not in_frames:
            return whole()[key]
        at = dict(zip(image.dims, key, strict=True))
        return frame(**{letter: int(at[letter]) for letter in at if letter not in own})[
            tuple(at[letter] for letter in own)
        ]

    def close():
        whole.cache_clear()
        frame.cache_clear()
        file.close()

    names, size, warnings = _said(image.xml_element)
    names = () if "S" in image.dims else names
    axes = known_axes("".join(image.dims))
    return Layout(axes, tuple(image.shape), np.dtype(image.dtype), read, names, size, notes + warnings, close)


def _said(element):
    """Names of channels (of the colours in which they are shown: the file has no others), pixel size and warnings."""
    channels = element.findall(f"{_DESCRIPTION}/Channels/ChannelDescription")
    channels.sort(key=lambda channel: int(channel.get("BytesInc", 0)))
    sides = {}
    for axis in element.iterfind(f"{_DESCRIPTION}/Dimensions/DimensionDescription"):
        steps = int(axis.get("NumberOfElements", 1)) - 1  # the length is from the first pixel's centre to the last's
        length = float(axis.get("Length", 0))
        sides[axis.get("DimID")] = (abs(length) / steps if steps > 0 and length else None, axis.get("Unit"))
    (height, height_unit), (width, width_unit) = (sides.get(axis, (None, None)) for axis in (_ROWS, _COLUMNS))
    return tuple(one.get("LUTName") or "" for one in channels), *pixel_size(height, width, height_unit, width_unit)
