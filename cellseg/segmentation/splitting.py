"""Touching cells told apart: a watershed of the distance to the background."""

import numpy as np
from scipy import ndimage
from skimage.morphology import local_maxima
from skimage.segmentation import watershed

_EIGHT = np.ones((3, 3), int)


def split_touching(mask, depth):
    """Number the cells of a mask; what is connected through a neck only is more than one.

    The watershed of the distance transform gives a basin to each of its maxima. Two basins are one cell where the neck
    between them is less than `depth` narrower, as a radius, than the smaller of the two. Each 8-connected component is
    treated by itself, whatever else is in the mask.

    Parameters
    ----------
    mask : ndarray of shape (H, W), bool
    depth : float or None
        In pixels; None to leave components whole.

    Returns
    -------
    ndarray of shape (H, W), int32
        0 is background, cells have the numbers 1 to n.
    """
    components, count = ndimage.label(mask, _EIGHT)
    if depth is None or mask.all():
        return components
    distance = ndimage.distance_transform_edt(mask)
    markers, number = ndimage.label(local_maxima(distance, connectivity=2) & mask, _EIGHT)
    basins = watershed(_landscape(distance, markers), markers, connectivity=2, mask=mask)
    return _merged(basins, distance, number, depth)


def _landscape(distance, markers):
    """What is flooded from its lowest points: minus the squared distance, whole numbers.

    Markers of one height are set apart by fractions, the first the lowest. Else which of them is flooded first would
    depend on what else is in the mask.
    """
    heights = -np.rint(distance * distance)
    rows, columns = np.nonzero(markers)
    heights[rows, columns] -= np.linspace(0.5, 0, len(rows))
    return heights


def _merged(basins, distance, number, depth):
    """Basins that are parted by too shallow a neck become one, deepest necks last."""
    peaks = np.zeros(number + 1)
    np.maximum.at(peaks, basins.ravel(), distance.ravel())
    owner = np.arange(number + 1)
    for one, other, level in zip(*_necks(basins, distance)):
        one, other = _root(owner, one), _root(owner, other)
        if one != other and min(peaks[one], peaks[other]) - level < depth:
            owner[max(one, other)] = min(one, other)
            peaks[min(one, other)] = max(peaks[one], peaks[other])
    roots = np.array([_root(owner, one) for one in range(number + 1)])
    kept = np.unique(np.append(roots, 0))
    return np.searchsorted(kept, roots).astype(np.int32)[basins]


def _necks(basins, distance):
    """Pairs of neighbouring basins with the largest distance at which they meet, widest necks first."""
    pairs = []
    for rows, columns in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here, there = _shifted(basins, rows, columns)
        meet = (here != there) & (here > 0) & (there > 0)
        levels = np.minimum(*_shifted(distance, rows, columns))[meet]
        pairs.append(np.stack([np.minimum(here, there)[meet], np.maximum(here, there)[meet], levels]))
    one, other, level = np.concatenate(pairs, axis=1)
    order = np.lexsort((other, one, -level))
    one, other, level = one[order].astype(int), other[order].astype(int), level[order]
    _, first = np.unique(np.stack([one, other]), axis=1, return_index=True)
    first.sort()
    return one[first].tolist(), other[first].tolist(), level[first].tolist()


def _shifted(plane, rows, columns):
    """The plane without its edge, and its neighbours that many rows below and columns to the right."""
    height, width = plane.shape
    left, right = max(-columns, 0), width - max(columns, 0)
    return plane[: height - rows, left:right], plane[rows:, left + columns : right + columns]


def _root(owner, one):
    while owner[one] != one:
        one = owner[one]
    return one
