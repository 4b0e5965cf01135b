"""From bands of a label image to blocks of rows in which cells are whole, so that only some rows are in memory."""

from typing import NamedTuple

import numpy as np


class CellBlock(NamedTuple):
    """Rows of a plane, with some of its cells.

    Attributes
    ----------
    top : int
        Row of the plane at which the block begins.
    labels : ndarray of shape (n, W), int32
        The cells of this block have the numbers 1 to k in the order of the table; all else is 0.
    cells : ndarray of shape (k,), int64
        Their rows in the table of the plane.
    """

    top: int
    labels: np.ndarray
    cells: np.ndarray


def cell_blocks(bands, table):
    """Go through the cells of a plane. Each is in one block, and whole there.

    Parameters
    ----------
    bands : iterable of ndarray of shape (n, W)
        The plane's labels from the top.
    table : ndarray, structured
        The cells 1 to n; see `cellseg.segmentation.measurement`.

    Yields
    ------
    CellBlock
        With at least one cell. A block begins at the top of the highest cell that ends in it.
    """
    order = np.argsort(table["bottom"], kind="stable")
    bottoms = table["bottom"][order]
    rows, top, done = None, 0, 0
    for band in bands:
        rows = band if rows is None else np.concatenate([rows, band])
        end = top + len(rows)
        last = np.searchsorted(bottoms, end, "right")
        if last > done:
            yield _block(rows, top, table, np.sort(order[done:last]))
        done = last
        kept = min(end, table["top"][order[done:]].min(initial=end))
        rows, top = rows[kept - top :], kept


def _block(rows, top, table, cells):
    first, last = table["top"][cells].min(), table["bottom"][cells].max()
    numbers = np.zeros(len(table) + 1, np.int32)
    numbers[table["label"][cells]] = np.arange(1, len(cells) + 1)
    return CellBlock(int(first), numbers[rows[first - top : last - top]], cells)
