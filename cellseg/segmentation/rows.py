"""Rows of a plane on disk: written as they come, read again from the top when the plane is complete."""

import numpy as np

_BAND = 1 << 22  # pixels read at a time


class Rows:
    """A plane of one type on disk, uncompressed, written from the top to the bottom.

    Parameters
    ----------
    path : str or path
        A new file. The caller removes it.
    shape : tuple of int
        (H, W).
    dtype : numpy.dtype
    """

    def __init__(self, path, shape, dtype):
        self.path, self.shape, self.dtype = path, tuple(shape), np.dtype(dtype)
        self._stream = open(self.path, "wb")  # noqa: SIM115 - closed by `close`

    def append(self, rows):
        """Write the next rows, an ndarray of shape (n, W)."""
        self._stream.write(np.ascontiguousarray(rows, self.dtype))

    def close(self):
        """End the writing, before the first call of `bands`."""
        self._stream.close()

    def bands(self, height=None):
        """Read the rows again, in arrays of shape (height, W). The last may have fewer rows.

        By default an array has about four megapixels.
        """
        total, width = self.shape
        height = height or max(_BAND // width, 1)
        with open(self.path, "rb") as stream:
            for top in range(0, total, height):
                rows = min(height, total - top)
                yield np.fromfile(stream, self.dtype, rows * width).reshape(rows, width)
