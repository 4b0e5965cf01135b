"""Normal numbers from a stream of words by the ziggurat method, with the layers and the order that Caffe's have.

The method (Marsaglia and Tsang, The Ziggurat Method for Generating Random Variables, 2000) covers the area under a
falling curve with layers of equal area. A word chooses a layer and a place in it; nearly always the place lies under
the curve and is the answer. Otherwise it lies in the layer's wedge, where a second word decides, or in the lowest
layer's tail. Caffe computes it in single precision through Boost, of version 1.69 or later; so does this module, for
a whole array of words at once.
"""

from decimal import Decimal, localcontext
from functools import cache

import numpy as np

_SINGLE = np.float32
# Where the lowest layer's tail begins, and the area of a layer: those with which the last layer ends at height 1.
_NORMAL = Decimal("3.44261985589665212142432049146733970434"), Decimal("0.00991256303533646107909568530581016219740")
_EXPONENTIAL = (
    Decimal("7.69711747013104971404462804801521549911"),
    Decimal("0.00394965982258155721997757195681486109191"),
)


class _Layers:
    """Tables of one curve: layer i reaches from the axis to ``x[i]`` and from the height ``y[i]`` to ``y[i + 1]``."""

    def __init__(self, count, start, area, curve, inverse):
        with localcontext() as context:
            context.prec = 38
            x, y = [area / curve(start), start], [Decimal(0), curve(start)]
            while len(x) < count:
                y.append(y[-1] + area / x[-1])
                x.append(inverse(y[-1]))
            x, y = np.array([*x, 0], dtype=np.float64), np.array([*y, 1], dtype=np.float64)
        self.wide = x[:-1] >= 1
        self.x, self.y = x.astype(_SINGLE), y.astype(_SINGLE)
        self.narrowing = (x[:-1] - x[1:]).astype(_SINGLE)
        self.height = (y[1:] - y[:-1]).astype(_SINGLE)
        # A single-precision number is below the double x exactly if it is below x rounded up to single precision.
        self.inner = np.where(self.x < x, np.nextafter(self.x, _SINGLE(np.inf)), self.x)[1:]


@cache
def _normal_layers():
    return _Layers(128, *_NORMAL, lambda x: (-x * x / 2).exp(), lambda y: (-2 * y.ln()).sqrt())


@cache
def _exponential_layers():
    return _Layers(256, *_EXPONENTIAL, lambda x: (-x).exp(), lambda y: -y.ln())


def _fraction(words):
    """The upper 24 bits of words, as numbers from 0 to below 1."""
    return (words >> 8).astype(_SINGLE) * _SINGLE(2**-24)


def _unit(words):
    """Words as numbers from 0 to 1; those that give 1 are to be passed over."""
    return words.astype(_SINGLE) * _SINGLE(2**-32)


def _exp(x):
    return np.exp(x.astype(np.float64)).astype(_SINGLE)


def normal(words):
    """Standard normal numbers from as many attempts as `words` are enough for.

    Parameters
    ----------
    words : ndarray of uint32

    Returns
    -------
    numbers : ndarray of float32
    ends : ndarray of int
        How many words were used up to and with each number.
    """
    layers = _normal_layers()
    layer = (words & 255) >> 1
    sign = (words & 1).astype(_SINGLE) * 2 - 1
    x = _fraction(words) * layers.x[layer]
    accepted = x < layers.inner[layer]
    length = np.ones(len(words), dtype=np.int64)
    slow = np.flatnonzero(~accepted)
    decided = _wedges(words, slow, layer, x)
    end = 0
    for position, verdict in zip(slow.tolist(), decided.tolist()):
        if position < end:
            continue
        if verdict >= 0:
            accepted[position], used = verdict == 1, 2
        elif layer[position]:
            found = _unit_number(words, position + 1)
            if found is None:
                return _collect(x * sign, accepted, length, position)
            y01, after = found
            accepted[position] = _in_wedge(layer[position : position + 1], x[position : position + 1], y01)[0]
            used = after - position
        else:
            found = _tail(words, position + 1)
            if found is None:
                return _collect(x * sign, accepted, length, position)
            x[position], after = found
            accepted[position], used = True, after - position
        length[position], end = used, position + used
        accepted[position + 1 : end] = False
    return _collect(x * sign, accepted, length, len(words))


def _collect(numbers, accepted, length, stop):
    """The accepted attempts before the position `stop`."""
    where = np.flatnonzero(accepted[:stop])
    return numbers[where], where + length[where]


def _wedges(words, slow, layer, x):
    """For each attempt in `slow`: 1 accepted and 0 rejected by the word that follows, -1 where that is not enough."""
    verdict = np.full(len(slow), -1)
    simple = (layer[slow] > 0) & (slow + 1 < len(words))
    y01 = _unit(words[slow[simple] + 1])
    inside = _in_wedge(layer[slow[simple]], x[slow[simple]], y01).astype(int)
    verdict[simple] = np.where(y01 < 1, inside, -1)
    return verdict


def _in_wedge(layer, x, y01):
    """Is the place under the normal curve?"""
    layers = _normal_layers()
    edge, bottom = layers.x[layer], layers.y[layer]
    y = bottom + y01 * layers.height[layer]
    over_chord = layers.narrowing[layer] * y01 - (edge - x)
    over_tangent = y - (bottom + (edge - x) * bottom * edge)
    wide = layers.wide[layer]
    over_upper = np.where(wide, over_chord, over_tangent)
    over_lower = np.where(wide, over_tangent, over_chord)
    return (over_upper < 0) & ((over_lower < 0) | (y < _exp(-(x * x / 2))))


def _unit_number(words, position):
    """(number from 0 to below 1 as an array of one, position after it), or None where the words end."""
    while position < len(words):
        number = _unit(words[position : position + 1])
        position += 1
        if number[0] < 1:
            return number, position
    return None


def _tail(words, position):
    """A number beyond the lowest layer's start, by rejection of exponential ones: (number, position after it)."""
    start = _normal_layers().x[1]
    while True:
        pair = []
        for _ in range(2):
            found = _exponential_number(words, position)
            if found is None:
                return None
            number, position = found
            pair.append(number)
        x, y = pair[0] / start, pair[1]
        if 2 * y > x * x:
            return x + start, position


def _exponential_number(words, position):
    """An exponential number of mean 1: (number, position after it), or None where the words end."""
    layers, shift = _exponential_layers(), _SINGLE(0)
    while position < len(words):
        layer = int(words[position]) & 255
        x = _fraction(words[position : position + 1])[0] * layers.x[layer]
        position += 1
        if x < layers.x[layer + 1]:
            return shift + x, position
        if layer == 0:
            shift += layers.x[1]
            continue
        found = _unit_number(words, position)
        if found is None:
            return None
        y01, position = found[0][0], found[1]
        y = layers.y[layer] + y01 * layers.height[layer]
        top, inner = layers.y[layer + 1], layers.x[layer + 1]
        over_chord = layers.narrowing[layer] * y01 - (layers.x[layer] - x)
        over_tangent = y - (top + (inner - x) * top)
        if over_chord < 0 and (over_tangent < 0 or y < _exp(-x)):
            return x + shift, position
    return None
