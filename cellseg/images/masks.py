"""Reading masks: which pixels are cell."""

import numpy as np
from skimage.measure import label

from cellseg.errors import CellsegError
from cellseg.images.open import open_image, read_only_plane

_PIECES = 2  # up to so many of each number, on average, an image of many values is one of numbered cells


def read_mask(path) -> np.ndarray:
    """Read a mask: 0 is background; one other value, or the numbers of the cells, are cell.

    Values are taken as they stand in the file: those of a palette by index, as QuPath writes them, and those of a
    WhiteIsZero image unturned. An image of more than two values holds numbered cells if the pixels of one number lie
    together. Those of a smoothed mask and of a map of classes do not.

    Returns
    -------
    ndarray of shape (H, W), bool

    Raises
    ------
    CellsegError
        If it cannot be read, or its values are neither those of a mask nor numbers of cells.
    """
    with open_image(path, channel=0, stored=True) as source:
        if len(source.channels) > 1:
            raise CellsegError(f"{path}: a colour image ({', '.join(source.channels)}); save the mask as grayscale")
        mask = read_only_plane(source)
    values = np.unique(mask)
    if not np.isfinite(values).all():
        raise CellsegError(f"{path}: holds NaN or infinite pixels; a mask has none")
    if len(values) == 1 or len(values) == 2 and values[0] == 0 or _numbered(mask, values):
        return mask != 0
    shown = ", ".join(f"{value:g}" for value in values[:6].astype(float)) + (", ..." if len(values) > 6 else "")
    what = "a mask has the values 0 and one other, or 0 and the numbers of its cells"
    raise CellsegError(f"{path}: {what}; this one has {len(values)}: {shown}")


def _numbered(mask, values):
    if mask.dtype.kind not in "ui" or values[0] != 0:
        return False
    return label(mask, background=0, connectivity=2).max() <= _PIECES * (len(values) - 1)
