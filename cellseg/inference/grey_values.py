"""Percentiles, mean and deviation of planes that are too large to be held, from bands of their rows."""

import numpy as np

from cellseg.data.noise import noise, sample_rows
from cellseg.errors import CellsegError
from cellseg.images.source import bands_of

_HALF = 1 << 16


class StreamedGrey:
    """The grey values of planes for `cellseg.data.normalisation.measure`, with only a band of them in memory.

    Values are taken as float32, so those of integers of up to 16 bits as they are. NaN and infinite values are left
    out.

    Parameters
    ----------
    planes : iterable of cellseg.images.source.Plane or alike
        All of one type. They are gone through several times, in their order.
    name : str
        What to call it in errors.

    Raises
    ------
    CellsegError
        If no value is a finite number.
    """

    def __init__(self, planes, name):
        self.planes, self.name = planes, name
        facts = [(plane.shape[0] * plane.shape[1], plane.dtype) for plane in planes]
        self.number, self.dtype = len(facts), facts[0][1]
        self.count = sum(pixels for pixels, _ in facts)
        if self.dtype.kind == "f":
            self.count = sum(band.size for band in self._bands())
            if not self.count:
                raise CellsegError(f"{self.name}: every pixel is NaN or infinite; leave it out")

    def percentiles(self, *ranks):
        """As `cellseg.data.normalisation.Grey.percentiles`."""
        places = [rank / 100 * (self.count - 1) for rank in ranks]
        pairs = [(int(place), min(int(place) + 1, self.count - 1)) for place in places]
        values = self._order_statistics({place for pair in pairs for place in pair})
        return tuple(
            values[low] + (values[high] - values[low]) * (place % 1) for (low, high), place in zip(pairs, places)
        )

    def mean_and_deviation(self):
        """As `cellseg.data.normalisation.Grey.mean_and_deviation`."""
        mean = sum(band.sum(dtype=np.float64) for band in self._bands()) / self.count
        variance = sum(np.square(band.astype(np.float64) - mean).sum() for band in self._bands()) / self.count
        return float(mean), float(variance**0.5)

    def noise(self):
        """As `cellseg.data.normalisation.Grey.noise`."""
        return noise([sample_rows(plane, self.number) for plane in self.planes], self.dtype.kind in "bui")

    def _order_statistics(self, places):
        """The values at these places among all, sorted, as a dict: by counting their upper halves, then the lower."""
        if self.dtype in (np.uint8, np.uint16):
            counts = np.cumsum(sum(np.bincount(band.ravel(), minlength=_HALF) for band in self._raw_bands()))
            return {place: float(np.searchsorted(counts, place, side="right")) for place in places}
        upper = sum(np.bincount(_keys(band) >> 16, minlength=_HALF) for band in self._bands())
        starts = np.cumsum(upper) - upper
        halves = {place: int(np.searchsorted(starts, place, side="right")) - 1 for place in places}
        lower = {half: np.zeros(_HALF, np.int64) for half in halves.values()}
        for band in self._bands():
            keys = _keys(band)
            for half, counts in lower.items():
                counts += np.bincount(keys[keys >> 16 == half] & (_HALF - 1), minlength=_HALF)
        found = {}
        for place, half in halves.items():
            rest = np.searchsorted(np.cumsum(lower[half]), place - starts[half], side="right")
            found[place] = _value(half * _HALF + int(rest))
        return found

    def _raw_bands(self):
        for plane in self.planes:
            yield from bands_of(plane)

    def _bands(self):
        for band in self._raw_bands():
            band = np.ascontiguousarray(band, np.float32).ravel()
            yield band[np.isfinite(band)]


def _keys(band):
    """Whole numbers in the order of the values: the bits of a float, all turned over where the sign is set."""
    bits = band.ravel().view(np.uint32)
    return np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))


def _value(key):
    """Undo `_keys` for one."""
    bits = key - (1 << 31) if key >> 31 else key ^ 0xFFFFFFFF
    return float(np.array(bits, np.uint32).view(np.float32))
