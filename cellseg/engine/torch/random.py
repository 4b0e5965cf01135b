"""The two streams of random numbers that Caffe draws from, bit for bit.

`MersenneTwister` is the one that `random_seed` governs: fillers and dropout. `CRand` is the C library's ``rand()``,
by which HDF5 rows are shuffled; it starts from 1 in every process.
"""

import base64
import os
from functools import cache

import numpy as np

from cellseg.engine.torch.ziggurat import normal
from cellseg.errors import CellsegError

_SINGLE = np.float32
_WORDS = _SINGLE(2**32)  # how many values a 32-bit word has


class MersenneTwister:
    """Caffe's generator, and the numbers its fillers and its dropout make of the stream.

    The numbers are single precision and consume the stream as Caffe's do, so a net that is built from a seed starts
    from Caffe's weights.

    Parameters
    ----------
    seed : int, optional
        As for `seed`.
    """

    def __init__(self, seed=None):
        self._stream = np.random.RandomState(0)
        self.seed(seed)

    def seed(self, seed=None):
        """Start the stream anew: from `seed` (its lowest 32 bits), or from the system's entropy."""
        self._stream.seed(int.from_bytes(os.urandom(4), "little") if seed is None else int(seed) & 0xFFFFFFFF)

    def raw(self, n):
        """The next `n` words of the stream.

        Returns
        -------
        ndarray of uint32
        """
        return np.frombuffer(self._stream.bytes(4 * n), dtype="<u4")

    def uniform(self, n, low, high):
        """`n` numbers between `low` and `high`, both included.

        Returns
        -------
        ndarray of float32

        Raises
        ------
        CellsegError
            If `low` is above `high`, or one of them is not finite in single precision.
        """
        with np.errstate(over="ignore"):
            low, high = _SINGLE(low), _SINGLE(high)
        if not (np.isfinite(low) and np.isfinite(high) and low <= high):
            raise CellsegError(f"cannot draw between {low:g} and {high:g}; the smaller number must come first")
        return self._below(n, low, min(np.nextafter(high, _SINGLE(np.inf)), np.finfo(_SINGLE).max))

    def _below(self, n, low, end):
        """Numbers from `low` up to but without `end`; a word that rounding takes to `end` is drawn again."""
        if end / 2 - low / 2 > np.finfo(_SINGLE).max / 2:
            return 2 * self._below(n, low / 2, end / 2)
        out = np.empty(0, dtype=_SINGLE)
        while len(out) < n:
            drawn = self.raw(n - len(out)).astype(_SINGLE) / _WORDS * (end - low) + low
            out = np.concatenate([out, drawn[drawn < end]])
        return out

    def gaussian(self, n, mean, std):
        """`n` numbers of a normal distribution.

        Returns
        -------
        ndarray of float32

        Raises
        ------
        CellsegError
            If `std` is not above 0.
        """
        if not _SINGLE(std) > 0:
            raise CellsegError(f"cannot draw with a standard deviation of {std:g}; it must be above 0")
        parts, missing, spare = [], n, 64
        while missing > 0:
            before = self._stream.get_state(legacy=True)
            numbers, ends = normal(self.raw(missing + missing // 32 + spare))
            self._stream.set_state(before)
            parts.append(numbers[:missing])
            if len(parts[-1]):
                self._stream.bytes(4 * int(ends[len(parts[-1]) - 1]))
            missing -= len(parts[-1])
            spare *= 2
        with np.errstate(over="ignore"):
            return np.concatenate([np.empty(0, _SINGLE), *parts]) * _SINGLE(std) + _SINGLE(mean)

    def bernoulli(self, n, p):
        """`n` trials that succeed with probability `p`; certain failure (0) draws nothing.

        Returns
        -------
        ndarray of bool

        Raises
        ------
        CellsegError
            If `p` is no probability.
        """
        p = _SINGLE(p)
        if not 0 <= p <= 1:
            raise CellsegError(f"{p:g} is no probability; give a number from 0 to 1")
        if p == 0:
            return np.zeros(n, dtype=bool)
        return self.raw(n).astype(_SINGLE) <= p * _WORDS

    def state(self):
        """dict: where the stream is, in values that JSON can hold."""
        _, key, position, _, _ = self._stream.get_state(legacy=True)
        return {"key": base64.b64encode(key.astype("<u4").tobytes()).decode(), "position": int(position)}

    def set_state(self, state):
        """Go on from where `state` was taken."""
        try:
            key = np.frombuffer(base64.b64decode(state["key"], validate=True), dtype="<u4")
            position = state["position"]
            if type(position) is not int or not 0 <= position <= len(key):
                raise ValueError(f"position {position} lies outside")
            self._stream.set_state(("MT19937", key, position))
        except (KeyError, TypeError, ValueError) as error:
            raise CellsegError(
                f"not the state of a random stream ({error}); start from a snapshot that is whole"
            ) from error


class CRand:
    """The GNU C library's ``rand()``: each word is the sum of those 3 and 31 places before it.

    Parameters
    ----------
    seed : int
        As given to ``srand``; a process that never calls it has 1.
    """

    def __init__(self, seed=1):
        word = (int(seed) & 0xFFFFFFFF) or 1
        words = [word]
        word = word - 2**32 if word >= 2**31 else word
        for _ in range(30):
            word = 16807 * word % 2147483647
            words.append(word)
        self._last = np.array(words[3:] + words[:3], dtype=np.uint32)  # oldest first
        self.draw(310)

    def next(self):
        """int: the next number, from 0 to 2^31 - 1."""
        return int(self.draw(1)[0])

    def draw(self, n):
        """The next `n` numbers.

        Returns
        -------
        ndarray of uint32
        """
        words, missing = [self._last], n
        while missing > 0:
            words.append(_words_ahead()[:missing] @ words[-1][-31:])
            missing -= len(words[-1])
        words = np.concatenate(words)
        self._last = words[-31:].copy()
        return words[31:] >> 1

    def shuffle(self, items):
        """Shuffle a list in place, as the C++ library's ``random_shuffle`` does: one number an item but the first."""
        if len(items) < 2:
            return
        others = self.draw(len(items) - 1) % np.arange(2, len(items) + 1, dtype=np.uint32)
        for item, other in enumerate(others.tolist(), start=1):
            items[item], items[other] = items[other], items[item]

    def state(self):
        """dict: where the stream is, in values that JSON can hold."""
        return {"words": self._last.tolist()}

    def set_state(self, state):
        """Go on from where `state` was taken."""
        try:
            words = np.array(state["words"])
            if words.dtype != np.int64 or words.shape != (31,) or words.min() < 0 or words.max() >= 2**32:
                raise ValueError("31 words of 32 bits are needed")
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise CellsegError(f"not the state of rand() ({error}); start from a snapshot that is whole") from error
        self._last = words.astype(np.uint32)


@cache
def _words_ahead():
    """Matrix whose product with the last 31 words of `CRand` is the 2048 words that follow."""
    rows = list(np.eye(31, dtype=np.uint32))
    for _ in range(2048):
        rows.append(rows[-31] + rows[-3])
    return np.stack(rows[31:])
