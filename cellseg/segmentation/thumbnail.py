"""A small picture of an overlay, for a page that shows many."""

import numpy as np
from PIL import Image

from cellseg.segmentation.overlay import OUTLINE

THUMBNAIL = "thumbnail.jpg"
SIDE = 256  # pixels, of the longer side at most
QUALITY = 65
_STRENGTH = 0.6  # share of the outline's colour in a pixel through which one straight outline runs


def thumbnail(picture):
    """Make an overlay small, and keep its outlines visible.

    Parameters
    ----------
    picture : PIL.Image.Image
        RGB, as `cellseg.segmentation.overlay.overlay` gives it.

    Returns
    -------
    PIL.Image.Image
        RGB. Each pixel is the mean of a square of pixels; where an outline runs through that square, its colour is
        laid over the mean.
    """
    factor = -(-max(picture.size) // SIDE)
    if factor == 1:
        return picture
    outlined = Image.fromarray((np.asarray(picture) == OUTLINE).all(axis=2).astype(np.uint8) * 255)
    over = outlined.reduce(factor).point([min(round(share * factor * _STRENGTH), 255) for share in range(256)])
    small = picture.reduce(factor)
    return Image.composite(Image.new("RGB", small.size, OUTLINE), small, over)
