"""Reading masks and label images: which pixels are cell, and of which cell."""

from typing import NamedTuple

import numpy as np
from skimage.measure import label
from skimage.segmentation import relabel_sequential

from cellseg.errors import CellsegError
from cellseg.images.open import open_image, read_only_plane

_PIECES = 2  # up to so many of each number, on average, an image of many values is one of numbered cells
_MASK_VALUES = (255, 65535)  # what programs write for "cell" where they do not number cells


class Labels(NamedTuple):
    """The cells of an annotated image.

    Attributes
    ----------
    labels : ndarray of shape (H, W), int32
        0 is background; the cells have the numbers 1 to n, without gaps.
    numbered : bool
        Whether cells were numbered one by one. If not, they are the 8-connected components of a mask, and cells that
        touch have one number.
    """

    labels: np.ndarray
    numbered: bool


def read_labels(path, numbered: bool = False) -> Labels:
    """Read a mask or a label image: 0 is background; one other value, or the numbers of the cells, are cell.

    Values are taken as they stand in the file: those of a palette by index, as QuPath writes them, and those of a
    WhiteIsZero image unturned. An image of more than two values holds numbered cells if the pixels of one number lie
    together. Those of a smoothed mask and of a map of classes do not. An image of one value besides 0 is a mask.

    Parameters
    ----------
    path : str or path
    numbered : bool
        Whether the file ought to number its cells, as those in a folder ``labels`` do. One value besides 0 is then
        the number of a single cell, unless it is 255 or 65535 or its pixels lie in more than two places.

    Returns
    -------
    Labels

    Raises
    ------
    CellsegError
        If it cannot be read, or its values are neither those of a mask nor numbers of cells.
    """
    stored, values = _read_stored(path)
    two = _are_two(values)
    if _lie_together(stored, values) and (not two or numbered and values[-1] not in _MASK_VALUES):
        return Labels(without_gaps(stored), True)
    if two:
        return Labels(components(stored != 0), False)
    raise CellsegError(
        f"{path}: a mask has the values 0 and one other, or 0 and the numbers of its cells; {_shown(values)}"
    )


def read_mask(path) -> np.ndarray:
    """Read a mask of two values, of which 0 is background; otherwise as `read_labels`.

    Returns
    -------
    ndarray of shape (H, W), bool
    """
    stored, values = _read_stored(path)
    if not _are_two(values):
        raise CellsegError(f"{path}: a mask of one cell has the values 0 and one other; {_shown(values)}")
    return stored != 0


def without_gaps(labels) -> np.ndarray:
    """Number the cells of a label image of shape (H, W) from 1 on, in the order of their numbers; int32."""
    return relabel_sequential(np.asarray(labels, np.int64))[0].astype(np.int32)


def components(mask) -> np.ndarray:
    """Number the 8-connected components of a mask of shape (H, W), from 1; gives labels of that shape, int32."""
    return label(mask, connectivity=2).astype(np.int32)


def _read_stored(path):
    """The values of a mask or label image as they stand in its file, and each of them once."""
    with open_image(path, channel=0, stored=True) as source:
        if len(source.channels) > 1:
            raise CellsegError(f"{path}: a colour image ({', '.join(source.channels)}); save the mask as grayscale")
        stored = read_only_plane(source)
    values = np.unique(stored)
    if not np.isfinite(values).all():
        raise CellsegError(f"{path}: holds NaN or infinite pixels; a mask has none")
    return stored, values


def _are_two(values):
    return len(values) == 1 or len(values) == 2 and values[0] == 0


def _shown(values):
    first = ", ".join(f"{value:g}" for value in values[:6].astype(float)) + (", ..." if len(values) > 6 else "")
    return f"this one has {len(values)}: {first}"


def _lie_together(stored, values):
    if values[0] != 0 or not np.array_equal(values, np.floor(values)):
        return False
    return label(stored, background=0, connectivity=2).max() <= _PIECES * (len(values) - 1)
