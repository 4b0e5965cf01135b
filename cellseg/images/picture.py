"""PNG, JPEG and what else Pillow reads: decoded as a whole, when the first window is asked for."""

import functools
import warnings

import numpy as np
from PIL import Image

from cellseg.errors import CellsegError
from cellseg.images.source import Layout

_DTYPES = {"1": np.uint8, "L": np.uint8, "LA": np.uint8, "I": np.int32, "F": np.float32}


def read_layout(path):
    """What the header of a picture says."""
    with _opened(path) as file:
        mode, (width, height), frames = _mode(file), file.size, getattr(file, "n_frames", 1)
    notes = [f"only the first of its {frames} frames is used"] if frames > 1 else []
    pixels = functools.lru_cache(maxsize=1)(functools.partial(_pixels, path))
    if mode in ("RGB", "RGBA"):
        return Layout(
            "YXS",
            (height, width, len(mode)),
            np.dtype(np.uint8),
            lambda index, top, bottom, left, right: pixels()[top:bottom, left:right, index["S"]],
            warnings=notes,
            close=pixels.cache_clear,
        )
    return Layout(
        "YX",
        (height, width),
        np.dtype(_DTYPES.get(mode, np.uint16)),
        lambda _, top, bottom, left, right: pixels()[top:bottom, left:right],
        warnings=notes,
        close=pixels.cache_clear,
    )


def _opened(path):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(str(path))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise CellsegError(f"{path}: is too large for this format ({error}); save it as a tiled TIFF") from error


def _mode(file):
    """The mode in which the pixels are taken: grey as it is, LA without its alpha, all other as RGB or RGBA."""
    if file.mode in _DTYPES or file.mode.startswith("I;16"):
        return file.mode
    if file.mode == "P" and "transparency" not in file.info:
        palette = np.reshape(file.getpalette(), (-1, 3))
        return "L" if (palette == palette[:, :1]).all() else "RGB"
    return "RGBA" if file.mode in ("RGBA", "PA", "P") else "RGB"


def _pixels(path):
    with _opened(path) as file:
        mode = _mode(file)
        if mode == "LA":
            return np.array(file.convert("L") if file.mode == "P" else file.getchannel("L"))
        return np.array(file if file.mode == mode else file.convert(mode))
