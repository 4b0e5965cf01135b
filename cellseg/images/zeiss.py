"""CZI files, through the library that ZEISS keeps (pylibCZIrw): a scene at full size, its tiles put together.

A window is read without the rest. Places that no tile covers are 0.
"""

import contextlib
from xml.etree import ElementTree

import numpy as np

from cellseg.errors import CellsegError, install
from cellseg.images.source import Layout, known_axes, series_number
from cellseg.images.units import pixel_size

SUFFIXES = (".czi",)

_DTYPES = {"Gray8": np.uint8, "Gray16": np.uint16, "Gray32Float": np.float32}
_COLOURS = {"Bgr24": np.uint8, "Bgr48": np.uint16, "Bgr96Float": np.float32}
_CACHE = 128 << 20  # bytes of decoded tiles that are kept
_LOOPS = "TZCRIHVB"  # the letters of CZI's axes besides rows and columns


def read_layout(path, series=None, stored=False) -> Layout:
    """What a CZI file says of a scene; see `cellseg.images.registry`."""
    try:
        from pylibCZIrw import czi
    except ImportError as error:
        raise CellsegError(f"{path}: CZI needs pylibCZIrw ({error}); {install('czi')}") from error
    with contextlib.ExitStack() as stack:
        file = czi.CziReader(str(path), cache_options=czi.CacheOptions(czi.CacheType.Standard, _CACHE))
        stack.callback(file.close)
        layout = _layout(path, file, series)
        stack.pop_all()  # layout.close closes it from now on
    return layout


def _layout(path, file, series):
    notes: list[str] = []
    scenes = sorted(file.scenes_bounding_rectangle_no_pyramid.items())
    scenes = scenes or [(None, file.total_bounding_rectangle_no_pyramid)]
    scene, box = scenes[series_number(path, len(scenes), series, notes)]
    lengths = {letter: stop - start for letter, (start, stop) in file.total_bounding_box.items() if letter in _LOOPS}
    loops = [letter for letter in _LOOPS if lengths.get(letter, 1) > 1]
    colour, dtype = _kind(path, set(file.pixel_types.values()))
    names, size, warnings = _said(file.raw_metadata)

    def read(key):
        rows, columns = key[len(loops) : len(loops) + 2]
        top, bottom, _ = rows.indices(box.h)
        left, right, _ = columns.indices(box.w)
        roi = (box.x + left, box.y + top, right - left, bottom - top)
        pixels = file.read(roi=roi, plane=dict(zip(loops, map(int, key), strict=False)), scene=scene)
        return pixels[..., ::-1][..., key[-1]] if colour else pixels[..., 0]

    axes = known_axes("".join(loops)) + "YX" + "S" * colour
    shape = (*(lengths[letter] for letter in loops), box.h, box.w, *(3,) * colour)
    return Layout(axes, shape, np.dtype(dtype), read, names, size, notes + warnings, file.close)


def _kind(path, kinds):
    """Whether pixels are colours, and the type that holds the values of all channels."""
    if kinds <= set(_DTYPES) or len(kinds) == 1 and kinds <= set(_COLOURS):
        return kinds <= set(_COLOURS), np.result_type(*({**_DTYPES, **_COLOURS}[kind] for kind in kinds))
    held = ", ".join(sorted(kinds))
    raise CellsegError(f"{path}: holds pixels of the type {held}; export the channel to use as a TIFF")


def _said(text):
    """Names of channels, pixel size and warnings, from the file's XML."""
    root = ElementTree.fromstring(text)
    channels = root.iterfind("./Metadata/Information/Image/Dimensions/Channels/Channel")
    names = tuple(channel.get("Name") or "" for channel in channels)
    sides = [root.findtext(f"./Metadata/Scaling/Items/Distance[@Id='{axis}']/Value") for axis in "YX"]
    sides = [None if side == "0" else side for side in sides]  # of a file that nobody calibrated
    return names, *pixel_size(*sides, "m", "m")
