"""A plane at another size for the network, window by window, and the network's maps back at the plane's own size.

Both grids have the same edges, as in `skimage.transform.resize`, so a pixel of one lies over a place in the other.
A pixel of the coarser grid is the mean of the finer one over its area. A pixel of the finer grid is interpolated
linearly between the nearest pixels of the coarser one. Each value depends on its own place alone, so it does not matter
in which windows a plane is read.
"""

import numpy as np
import scipy

#: By how much a plane may be made larger or smaller.
LIMIT = 8

_AT_ONCE = 1 << 22  # pixels that are read at a time
_NOTHING = 1e-9  # of a pixel: what rounding leaves


class RescaledPlane:
    """A plane at another size, to be read as the plane itself.

    Parameters
    ----------
    plane : cellseg.images.source.Plane or alike
    factor : float
        More than 1 makes it larger.

    Attributes
    ----------
    shape : tuple of int
        (H, W), rounded.
    dtype : numpy.dtype
        float32.
    """

    def __init__(self, plane, factor):
        self.plane = plane
        self.shape = tuple(max(round(length * factor), 1) for length in plane.shape)
        self.dtype = np.dtype(np.float32)

    def read(self, top, bottom, left, right):
        """Read the grey values of a window of the rescaled plane.

        NaN and infinite values do not spread: they count for nothing where a finite value is near, else the result is
        NaN.

        Returns
        -------
        ndarray of shape (bottom - top, right - left), float32
        """
        return _resample(self.plane.read, self.plane.shape, self.shape, (top, bottom, left, right))

    def restore(self, maps, top, bottom, side):
        """Bring maps of the rescaled plane back to the rows of the plane itself.

        Parameters
        ----------
        maps : callable
            Called with the first and the end row of a band of the rescaled plane, it gives the maps there, an array of
            shape (M, rows, W of the rescaled plane).
        top, bottom : int
            Rows of the plane itself.
        side : int
            Rows of maps that are asked for at a time, or a few more.

        Returns
        -------
        ndarray of shape (M, bottom - top, W), float32
        """
        height, width = self.plane.shape
        step = max(int(side * min(height / self.shape[0], 1)), 1)
        parts = [(first, min(first + step, bottom)) for first in range(top, bottom, step)]
        return np.concatenate([self._restored(maps, first, end, width) for first, end in parts], axis=1)

    def _restored(self, maps, top, bottom, width):
        above, below, _ = _weights(self.shape[0], self.plane.shape[0], top, bottom)
        whole = (top, bottom, 0, width)
        return np.stack(
            [_resample(_reader(one, above), self.shape, self.plane.shape, whole) for one in maps(above, below)]
        )


def _reader(rows, above):
    """Read windows of an array that begins at the row `above`."""
    return lambda top, bottom, left, right: rows[top - above : bottom - above, left:right]


def _resample(read, source, target, window):
    """A window of the target grid from a reader of the source grid; both are shapes (H, W)."""
    top, bottom, left, right = window
    first, end, columns = _weights(source[1], target[1], left, right)
    rows_at_once = max(int(_AT_ONCE / (end - first) * min(target[0] / source[0], 1)), 1)
    found = np.empty((bottom - top, right - left), np.float32)
    for begin in range(top, bottom, rows_at_once):
        stop = min(begin + rows_at_once, bottom)
        above, below, rows = _weights(source[0], target[0], begin, stop)
        found[begin - top : stop - top] = _mean(rows, columns, read(above, below, first, end))
    return found


def _mean(rows, columns, pixels):
    """Weighted means over rows and columns, of the finite values."""

    def over_both(values):
        return (columns @ (rows @ values.astype(np.float64)).T).T

    finite = np.isfinite(pixels)
    if finite.all():
        return over_both(pixels)
    found, known = over_both(np.where(finite, pixels, 0)), over_both(finite)
    with np.errstate(invalid="ignore"):
        return np.where(over_both(~finite) > 0, found / known, found)


def _weights(source, target, first, end):
    """What the pixels from `first` to `end` of an axis of `target` pixels are made of, out of one of `source` pixels.

    Returns
    -------
    start, stop : int
        The pixels of the source that have a part in them.
    weights : scipy.sparse.csr_matrix of shape (end - first, stop - start)
        Each row adds up to 1.
    """
    ratio, number = source / target, np.arange(first, end)
    if ratio > 1:
        low, high = number * ratio, np.minimum((number + 1) * ratio, source)
        nearest = np.floor(low).astype(int)
        places = nearest[:, None] + np.arange(int(np.ceil(ratio)) + 1)
        shares = np.clip(np.minimum(places + 1, high[:, None]) - np.maximum(places, low[:, None]), 0, None)
    else:
        centre = np.clip((number + 0.5) * ratio - 0.5, 0, source - 1)
        nearest = np.floor(centre).astype(int)
        places = nearest[:, None] + np.arange(2)
        shares = np.stack([1 - (centre - nearest), centre - nearest], axis=1)
    shares[shares < _NOTHING] = 0
    shares /= shares.sum(axis=1, keepdims=True)
    row, column = np.nonzero(shares)
    place = places[row, column]
    start, stop = int(place.min()), int(place.max()) + 1
    shape = (end - first, stop - start)
    return start, stop, scipy.sparse.csr_matrix((shares[row, column], (row, place - start)), shape=shape)
