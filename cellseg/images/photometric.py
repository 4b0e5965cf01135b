"""What stored values of a TIFF mean: WhiteIsZero and palettes."""

import numpy as np
from tifffile import COMPRESSION, PHOTOMETRIC

from cellseg.errors import CellsegError
from cellseg.images.source import Layout

_CONVERTED = (COMPRESSION.JPEG, COMPRESSION.OJPEG, COMPRESSION.JPEG_LOSSY)  # their decoder makes RGB of YCbCr
_STRANGE = {PHOTOMETRIC.YCBCR: "YCbCr", PHOTOMETRIC.CIELAB: "CIELAB", PHOTOMETRIC.ICCLAB: "ICCLAB"}


def interpret(path, layout: Layout, page, is_imagej: bool) -> None:
    """Change a layout of stored values into one of grey values or colours.

    WhiteIsZero is turned, so that black is 0. A palette of greys gives grey values; another one gives colours. ImageJ
    writes its lookup table, which is for display, as a palette: there the stored values are the grey values.

    Parameters
    ----------
    path : path
        For errors.
    layout : Layout
    page : tifffile.TiffPage
    is_imagej : bool
        Whether ImageJ wrote the file.
    """
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        turn, read = _turner(np.dtype(layout.dtype), page.bitspersample), layout.read
        layout.read = lambda key: turn(read(key))
    elif page.photometric == PHOTOMETRIC.PALETTE and page.colormap is not None and not is_imagej:
        _look_up(layout, np.asarray(page.colormap))
    elif page.photometric == PHOTOMETRIC.SEPARATED and page.samplesperpixel == 4:
        layout.names = layout.names or ("cyan", "magenta", "yellow", "black")
    elif page.photometric in _STRANGE and page.compression not in _CONVERTED:
        raise CellsegError(f"{path}: its colours are {_STRANGE[page.photometric]}; save it as grayscale or RGB")


def _turner(dtype, bits):
    if dtype.kind == "f":
        return np.negative
    if dtype.kind == "u":
        white = dtype.type((1 << bits) - 1)
        return lambda values: white - values
    return np.invert  # of booleans and signed numbers


def _look_up(layout, table):
    """Replace indices by what the table, of shape (3, entries), has for them."""
    if table.max() < 256:  # some programs write 8 bits where TIFF wants 16
        table = table.astype(np.uint8)
    elif not (table % 257).any() or not (table & 255).any():
        table = (table >> 8).astype(np.uint8)
    indices = layout.read
    layout.dtype = table.dtype
    if (table == table[0]).all():
        layout.read = lambda key: table[0][indices(key)]
        return
    layout.axes, layout.shape = layout.axes + "S", (*layout.shape, 3)
    # Wherever the samples' key is a slice, they come last, as the layout has them.
    layout.read = lambda key: table.T[indices(key[:-1])][..., key[-1]]
