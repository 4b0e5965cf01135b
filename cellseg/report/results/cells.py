"""What the page shows of cells: their areas and intensities, read from ``objects.csv``, and counted in bins."""

import csv
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cellseg.errors import CellsegError

_BINS = 30  # about so many
_OUTER = 0.5  # per cent of all values that may lie below the first bin, and as many above the last
_AGAIN = "segment the image again with --overwrite"


class Cells(NamedTuple):
    """The cells of an image.

    Attributes
    ----------
    area, area_um2, intensity : ndarray of float, shape (n,)
        Area in pixels and in square micrometres (NaN where the pixel size is not known), and mean grey value.
    """

    area: np.ndarray
    area_um2: np.ndarray
    intensity: np.ndarray


class Bins(NamedTuple):
    """Bins of one width. What lies below the first counts there, and what lies above the last counts there."""

    start: float
    width: float
    number: int

    def count(self, values):
        """How many values fall into each bin, a list of int."""
        places = np.clip((values - self.start) / self.width, 0, self.number - 1).astype(int)
        return np.bincount(places, minlength=self.number).tolist()


def read_cells(path):
    """Read an ``objects.csv``.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    Cells

    Raises
    ------
    CellsegError
        If it is missing, lacks a column, or a value is no number from 0.
    """
    path = Path(path)
    try:
        with open(path, newline="", encoding="utf-8") as stream:
            rows = csv.reader(stream)
            header = next(rows, [])
            absent = [name for name in ("area", "area_um2", "mean_intensity") if name not in header]
            if absent:
                raise CellsegError(f"{path}: has no column '{absent[0]}'; {_AGAIN}")
            area, micro, grey = (header.index(name) for name in ("area", "area_um2", "mean_intensity"))
            found = [(float(row[area]), float(row[micro] or "nan"), float(row[grey])) for row in rows]
    except OSError as error:
        raise CellsegError(f"{path}: cannot be read ({error.strerror}); {_AGAIN}") from error
    except (ValueError, IndexError, csv.Error) as error:
        if isinstance(error, CellsegError):
            raise
        raise CellsegError(f"{path}: not the table that it should be ({error}); {_AGAIN}") from error
    cells = Cells(*np.array(found, float).reshape(-1, 3).T)
    if not (np.isfinite(cells.area).all() and np.isfinite(cells.intensity).all() and (cells.area > 0).all()):
        raise CellsegError(f"{path}: an area or an intensity is not possible; {_AGAIN}")
    return cells


def choose_bins(values, start=None):
    """Bins of a round width for values.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        Finite, at least one.
    start : float, optional
        Where the first bin begins; by default at a round number below nearly all values.
    """
    low, high = np.percentile(values, [_OUTER, 100 - _OUTER]).tolist()
    low = low if start is None else start
    width = _round_up((high - low) / _BINS or abs(low) / _BINS or 1)
    if (values == np.rint(values)).all():
        width = max(width, 1)
    start = math.floor(low / width) * width
    return Bins(start, width, math.floor((high - start) / width) + 1)


def _round_up(value):
    """The next number of one digit that is not 0, or 7 or 9."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= value * (1 - 1e-9))
