"""A small picture of an overlay, for a page that shows many."""

import numpy as np
from PIL import Image

from cellseg.segmentation.overlay import OUTLINE

THUMBNAIL = "thumbnail.jpg"
SIDE = 320  # pixels, of the longer side at most
_JPEG = {"quality": 50, "subsampling": 0}  # with all of the colour, for thin outlines
_STRENGTH = 0.75  # share of the outline's colour in a pixel through which one straight outline runs


def save_thumbnail(picture, target):
    """Write the thumbnail of an overlay as JPEG to a path or a stream."""
    thumbnail(picture).save(target, "JPEG", **_JPEG)


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
