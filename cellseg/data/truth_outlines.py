"""Drawing outlines of cells as a label image.

A pixel belongs to an outline if its centre lies in it; the pixel in row r and column c covers r to r + 1 and c to
c + 1. A centre on the left or upper edge is inside, one on the right or lower edge outside, so that outlines that share
an edge share no pixel. Libraries that fill polygons count such centres to both, or go by whole pixels.
"""

from typing import NamedTuple

import numpy as np

from cellseg.errors import CellsegError
from cellseg.images.masks import without_gaps


class Outline(NamedTuple):
    """The outline of a cell.

    Attributes
    ----------
    name : str
        For messages.
    rings : list of ndarray of shape (N, 2), float64
        Closed lines of corners x, y. What lies in an odd number of them is cell, so that a ring in a ring is a hole.
    """

    name: str
    rings: list


def draw(path, outlines, shape) -> np.ndarray:
    """Draw the outlines of a file, each with a number of its own. Where two overlap, the later one is taken.

    Parameters
    ----------
    path : path
        The file, for messages.
    outlines : sequence of Outline
    shape : (int, int)
        Rows and columns of the image.

    Returns
    -------
    ndarray of shape (H, W), int32
        0 is background; the cells have the numbers 1 to n.

    Raises
    ------
    CellsegError
        If there is no outline, or one covers no pixel of the image.
    """
    if not outlines:
        empty = "for an image without cells, give an image of zeros in labels/"
        raise CellsegError(f"{path}: holds no outline of a cell; {empty}")
    labels = np.zeros(shape, np.int32)
    for number, outline in enumerate(outlines, start=1):
        place, inside = _fill(outline.rings, shape)
        if not inside.any():
            size = "x".join(map(str, shape))
            what = f"{outline.name} covers no pixel of its image ({size})"
            raise CellsegError(f"{path}: {what}; give the outlines of this image, or remove that one")
        labels[place][inside] = number
    return without_gaps(labels)


def _fill(rings, shape):
    """The box around rings in the image, as slices, and which of its pixels lie inside."""
    corners = np.concatenate(rings)
    left, top = np.clip(np.floor(corners.min(axis=0)), 0, shape[::-1]).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(axis=0)), 0, shape[::-1]).astype(int)
    start, end = corners, np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])
    centres = np.arange(top, bottom)[:, None] + 0.5
    row, edge = np.nonzero((start[:, 1] <= centres) != (end[:, 1] <= centres))
    (x, y), (to_x, to_y) = start[edge].T, end[edge].T
    crossing = x + (centres[row, 0] - y) * (to_x - x) / (to_y - y)
    column = np.clip(np.ceil(crossing - 0.5), left, right).astype(int) - left
    crossings = np.zeros((bottom - top, right - left + 1), int)  # in each row, before which pixel an edge is crossed
    np.add.at(crossings, (row, column), 1)
    inside = np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1
    return (slice(top, bottom), slice(left, right)), inside
