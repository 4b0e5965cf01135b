"""From bands of mask rows to numbered cells, with only the rows of unfinished cells in memory.

The result is the same as for the whole plane at once. 8-connected components are independent: the background pixel
nearest to a pixel of a component touches that component, so other components do not change its distances. So each
component is processed once, when its last row has arrived, in whatever group.
"""

from typing import NamedTuple

import numpy as np
import scipy

from cellseg.inference.cleaning import clean
from cellseg.models.settings import SPLIT
from cellseg.segmentation.measurement import CELL, measure
from cellseg.segmentation.splitting import split_touching

_EIGHT = np.ones((3, 3), int)
_GROUP = 4096  # columns that are processed at a time


class Finished(NamedTuple):
    """Rows that will not change any more.

    Attributes
    ----------
    labels : ndarray of shape (n, W), uint32
        The next rows of the plane, with provisional numbers; see `renumber`.
    cells : ndarray, structured
        The cells that were finished since the last rows, as `cellseg.segmentation.measurement.measure` gives them.
    """

    labels: np.ndarray
    cells: np.ndarray


class Labeller:
    """Cleans, splits, numbers and measures the cells of one plane, from the top to the bottom.

    Parameters
    ----------
    width : int
        Width of the plane.
    smallest_object, largest_hole : int
        See `cellseg.inference.cleaning.clean`.
    split : float or None
        See `cellseg.segmentation.splitting.split_touching`.
    """

    def __init__(self, width, smallest_object=0, largest_hole=0, split=SPLIT):
        self.smallest_object, self.largest_hole, self.split = smallest_object, largest_hole, split
        # An object or hole that is small enough to be removed spans no more rows than it has pixels.
        self._margin = smallest_object + largest_hole
        self._raw = np.zeros((0, width), bool)  # rows that are not clean yet, and the rows around them
        self._above = 0  # how many rows of `_raw` are clean already
        self._mask = np.zeros((0, width), bool)  # clean rows, without the cells that are finished
        self._labels = np.zeros((0, width), np.uint32)
        self._grey = self._distance = None
        self._top = 0  # row of the plane at which the unfinished rows begin
        self._count = 0

    def add(self, mask, grey, distance=None, last=False):
        """Take the next rows.

        Parameters
        ----------
        mask : ndarray of shape (n, W), bool
        grey : ndarray of shape (n, W)
            Grey values to measure.
        distance : ndarray of shape (n, W), optional
            The network's; see `cellseg.segmentation.splitting.split_touching`.
        last : bool
            Whether the plane ends here.

        Returns
        -------
        Finished
            It may have no rows.
        """
        self._raw = np.concatenate([self._raw, mask])
        self._grey = _joined(self._grey, grey)
        self._distance = _joined(self._distance, distance)
        ready = len(self._raw) if last else max(len(self._raw) - self._margin, self._above)
        cleaned = clean(self._raw, self.smallest_object, self.largest_hole)[self._above : ready]
        dropped = max(ready - self._margin, 0)
        self._raw, self._above = self._raw[dropped:], ready - dropped
        self._mask = np.concatenate([self._mask, cleaned])
        self._labels = np.concatenate([self._labels, np.zeros(cleaned.shape, np.uint32)])
        return self._finish(last)

    def _finish(self, last):
        if not len(self._mask):
            return Finished(self._labels, np.zeros(0, CELL))
        components, count = scipy.ndimage.label(self._mask, _EIGHT)
        done = np.ones(count + 1, bool)
        if not last:
            done[np.unique(components[-1])] = False
        done[0] = False
        boxes = scipy.ndimage.find_objects(components)
        numbers = np.flatnonzero(done)
        numbers = numbers[np.argsort([boxes[number - 1][1].start for number in numbers], kind="stable")]
        tables = [self._cells(components, group, boxes) for group in _groups(numbers, boxes)]
        self._mask &= ~done[components]
        rows = np.flatnonzero(self._mask.any(axis=1))
        end = len(self._mask) if last else rows[0] if len(rows) else len(self._mask)
        labels, self._labels = self._labels[:end], self._labels[end:]
        self._mask, self._grey, self._top = self._mask[end:], self._grey[end:], self._top + end
        if self._distance is not None:
            self._distance = self._distance[end:]
        return Finished(labels, np.concatenate(tables) if tables else np.zeros(0, CELL))

    def _cells(self, components, group, boxes):
        """Split, number and measure a group of components."""
        chosen = [boxes[number - 1] for number in group]
        top, bottom = min(rows.start for rows, _ in chosen), max(rows.stop for rows, _ in chosen)
        left, right = min(columns.start for _, columns in chosen), max(columns.stop for _, columns in chosen)
        mask = np.isin(components[top:bottom, left:right], group)
        # Distances count from background in the plane. Outside of the plane there is none.
        above, before = int(self._top + top > 0), int(left > 0)
        below, behind = int(bottom < len(components)), int(right < components.shape[1])
        around = [(above, below), (before, behind)]
        distance = None if self._distance is None else np.pad(self._distance[top:bottom, left:right], around)
        padded = split_touching(np.pad(mask, around), self.split, distance)
        cells = padded[above:, before:][: bottom - top, : right - left]
        table = measure(cells, self._grey[top:bottom, left:right], self._top + top, left)
        table["label"] += self._count
        self._labels[top:bottom, left:right][mask] = cells[mask] + np.uint32(self._count)
        self._count += len(table)
        return table


def _joined(before, rows):
    return rows if before is None or rows is None else np.concatenate([before, rows])


def renumber(tables, kept=None):
    """Give a plane's cells their final numbers: in the order of their first pixels, row by row from the top.

    Parameters
    ----------
    tables : sequence of ndarray, structured
        The cells of all `Finished`.
    kept : callable, optional
        Called with all cells, it says which of them stay (bool); the others become background.

    Returns
    -------
    numbers : ndarray of shape (provisional labels + 1,), uint32
        The final number of each provisional one.
    cells : ndarray of shape (n,), structured
        With their final numbers, in that order.
    """
    cells = np.concatenate([np.zeros(0, CELL), *tables])
    numbers = np.zeros(len(cells) + 1, np.uint32)
    cells = cells if kept is None else cells[kept(cells)]
    cells = cells[np.lexsort((cells["first_column"], cells["first_row"]))]
    numbers[cells["label"]] = np.arange(1, len(cells) + 1)
    cells["label"] = np.arange(1, len(cells) + 1)
    return numbers, cells


def _groups(numbers, boxes):
    """Put neighbouring components into groups. They come sorted by their left edge."""
    group, start = [], 0
    for number in numbers:
        left = boxes[number - 1][1].start
        if group and left - start > _GROUP:
            yield group
            group = []
        if not group:
            start = left
        group.append(number)
    if group:
        yield group
