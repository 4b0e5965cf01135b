"""Which of the cells that were found a user wants."""

from typing import NamedTuple

import numpy as np


class Selection(NamedTuple):
    """What is left out of labels, tables and counts.

    Attributes
    ----------
    drop_border : bool
        Whether cells that touch the edge of the plane are.
    largest_object : int or None
        Area in pixels above which a cell is; None keeps all.
    """

    drop_border: bool = False
    largest_object: int | None = None

    def at_size(self, factor: float) -> "Selection":
        """The same in pixels of an image that is rescaled by a factor for the model."""
        if self.largest_object is None:
            return self
        return self._replace(largest_object=round(self.largest_object / factor**2))

    def kept(self, cells: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Which rows of a table of cells (`cellseg.segmentation.measurement`) stay; bool, of shape (n,)."""
        kept = np.ones(len(cells), bool)
        if self.drop_border:
            kept &= ~touches_border(cells, shape)
        if self.largest_object is not None:
            kept &= cells["area"] <= self.largest_object
        return kept


#: Every cell.
ALL = Selection()


def touches_border(cells: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Which cells of a table touch the edge of their plane (H, W); bool, of shape (n,)."""
    height, width = shape
    return (cells["top"] == 0) | (cells["left"] == 0) | (cells["bottom"] == height) | (cells["right"] == width)
