"""PNG and JPEG: decoded as a whole, when the first window is asked for."""

import functools
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from cellseg.errors import CellsegError
from cellseg.images.source import Layout

SUFFIXES = (".png", ".jpg", ".jpeg")

#: What Pillow is let open, whatever a file is called: it knows formats that start programs.
_FORMATS = ("PNG", "JPEG")

_DTYPES = {"1": np.uint8, "L": np.uint8, "LA": np.uint8, "P": np.uint8, "I": np.int32, "F": np.float32}
_SAMPLES = {2: 3, 4: 1, 6: 4}  # of PNG's colour types that Pillow cuts to 8 bits; grey with alpha is read as grey


def read_layout(path, series=None, stored=False) -> Layout:
    """What the header of a picture says; see `cellseg.images.registry`."""
    if series:
        raise CellsegError(f"{path}: has one image; --series takes 0")
    with _opened(path) as file:
        mode, (width, height), frames = _mode(file, stored), file.size, getattr(file, "n_frames", 1)
    notes = [f"only the first of its {frames} frames is used"] if frames > 1 else []
    samples, dtype, decode = len(mode), _DTYPES.get(mode, np.uint16), functools.partial(_pixels, path, stored)
    deep = _deep_samples(path)
    if deep:
        samples, dtype, decode = deep, np.uint16, functools.partial(_deep_pixels, path, deep)
    elif mode in ("RGB", "RGBA"):
        dtype = np.uint8
    else:
        samples = 1
    pixels = functools.lru_cache(maxsize=1)(decode)
    axes, shape = ("YX", (height, width)) if samples == 1 else ("YXS", (height, width, samples))
    return Layout(axes, shape, np.dtype(dtype), lambda key: pixels()[key], warnings=notes, close=pixels.cache_clear)


def _opened(path):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(path, formats=_FORMATS)
    except UnidentifiedImageError as error:
        raise CellsegError(f"{path}: is no {' or '.join(_FORMATS)}; save it as one, or as a TIFF") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise CellsegError(f"{path}: is too large for this format ({error}); save it as a tiled TIFF") from error


def _mode(file, stored):
    """The mode in which the pixels are taken: grey as it is, LA without its alpha, all other as RGB or RGBA."""
    if file.mode in _DTYPES and (file.mode != "P" or stored) or file.mode.startswith("I;16"):
        return file.mode
    if file.mode == "P" and "transparency" not in file.info:
        palette = np.reshape(file.getpalette(), (-1, 3))
        return "L" if (palette == palette[:, :1]).all() else "RGB"
    return "RGBA" if file.mode in ("RGBA", "PA", "P") else "RGB"


def _pixels(path, stored):
    with _opened(path) as file:
        mode = _mode(file, stored)
        if mode == "LA":
            return np.array(file.getchannel("L"))
        return np.array(file if file.mode == mode else file.convert(mode))


def _deep_samples(path):
    """How many samples a pixel has in a PNG of 16 bits that Pillow would cut to 8; 0 of another file."""
    with open(path, "rb") as stream:
        header = stream.read(26)
    return _SAMPLES.get(header[25], 0) if header[:8] == b"\x89PNG\r\n\x1a\n" and header[24] == 16 else 0


def _deep_pixels(path, samples):
    from imagecodecs import png_decode

    pixels = png_decode(Path(path).read_bytes())
    return pixels if samples > 1 else pixels[..., 0]
