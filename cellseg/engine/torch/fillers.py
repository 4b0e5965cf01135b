"""Caffe's fillers: the first values of parameters, equal bit for bit for the same seed."""

import math

import numpy as np

from cellseg.errors import CellsegError

_SINGLE = np.float32
_FAN_OUT, _AVERAGE = 1, 2  # FillerParameter.VarianceNorm; 0 is FAN_IN


def fill(filler, shape, random):
    """Values for a new blob.

    Parameters
    ----------
    filler : FillerParameter
    shape : sequence of int
    random : MersenneTwister
        Drawn from as much as Caffe would.

    Returns
    -------
    ndarray of float32, C-contiguous

    Raises
    ------
    CellsegError
        If the type is unknown, or the shape or another field does not suit it.
    """
    shape = tuple(int(side) for side in shape)
    if filler.type not in _FILLERS:
        raise CellsegError(f"unknown filler type '{filler.type}'; supported are {', '.join(_FILLERS)}")
    if not math.prod(shape):
        raise CellsegError(f"a {filler.type} filler has nothing to fill in the shape {_shown(shape)}")
    if filler.sparse != -1 and (filler.type not in _SPARSE or filler.sparse < -1):
        raise CellsegError(f"sparse: {filler.sparse} does not go with a {filler.type} filler; leave it out")
    return np.array(_FILLERS[filler.type](filler, shape, random), _SINGLE, order="C").reshape(shape)


def _constant(filler, shape, random):
    return np.full(shape, filler.value, dtype=_SINGLE)


def _uniform(filler, shape, random):
    return random.uniform(math.prod(shape), filler.min, filler.max)


def _gaussian(filler, shape, random):
    numbers = random.gaussian(math.prod(shape), filler.mean, filler.std)
    if filler.sparse == -1:
        return numbers
    if filler.sparse > _first(filler, shape):
        raise CellsegError(f"sparse: {filler.sparse} is more than the {shape[0]} outputs of the shape {_shown(shape)}")
    chosen = random.bernoulli(numbers.size, _SINGLE(filler.sparse) / _SINGLE(shape[0]))
    return numbers * chosen.astype(_SINGLE)  # a product, as in Caffe: what is dropped keeps its sign


def _positive_unitball(filler, shape, random):
    rows = random.uniform(math.prod(shape), 0, 1).reshape(_first(filler, shape), -1)
    sums = np.cumsum(rows, axis=1, dtype=_SINGLE)[:, -1:]  # added one by one, as Caffe does
    return rows / sums


def _xavier(filler, shape, random):
    bound = np.sqrt(_SINGLE(3) / _fan(filler, shape))
    return random.uniform(math.prod(shape), -bound, bound)


def _msra(filler, shape, random):
    return random.gaussian(math.prod(shape), 0, np.sqrt(_SINGLE(2) / _fan(filler, shape)))


def _bilinear(filler, shape, random):
    if len(shape) != 4:
        raise CellsegError(f"a bilinear filler needs a blob of 4 axes, not {_shown(shape)}")
    if shape[2] != shape[3]:
        raise CellsegError(f"a bilinear filler needs square kernels, not {shape[2]}x{shape[3]}")
    factor = math.ceil(shape[3] / 2)
    centre = _SINGLE((shape[3] - 1) / (2 * factor))
    row = 1 - np.abs(np.arange(shape[3]).astype(_SINGLE) / _SINGLE(factor) - centre)
    return np.broadcast_to(np.outer(row, row), shape)


def _fan(filler, shape):
    """How many numbers come into, or go out of, one unit; of a blob (outputs, inputs, height, width)."""
    count = math.prod(shape)
    fan_in = count // _first(filler, shape)
    fan_out = count // shape[1] if len(shape) > 1 else count
    if filler.variance_norm == _FAN_OUT:
        return _SINGLE(fan_out)
    if filler.variance_norm == _AVERAGE:
        return _SINGLE(fan_in + fan_out) / _SINGLE(2)
    return _SINGLE(fan_in)


def _first(filler, shape):
    if not shape:
        raise CellsegError(f"a {filler.type} filler needs a blob with an axis, not a scalar")
    return shape[0]


def _shown(shape):
    return "x".join(map(str, shape)) or "scalar"


_FILLERS = {
    "constant": _constant,
    "uniform": _uniform,
    "gaussian": _gaussian,
    "xavier": _xavier,
    "msra": _msra,
    "bilinear": _bilinear,
    "positive_unitball": _positive_unitball,
}
_SPARSE = ("gaussian",)
