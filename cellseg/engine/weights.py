"""Reading ``.caffemodel`` and ``.solverstate`` files, binary protobuf or HDF5, without an engine.

It runs beside real Caffe, too, and so under Python 3.9.
"""

import math
import os
import warnings
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError

from cellseg.engine import hdf5, schema
from cellseg.errors import CellsegError

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


def read_weights(path):
    """Read the weights of a ``.caffemodel`` (protobuf, also of the older layer form) or ``.caffemodel.h5``.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    OrderedDict of str to list of ndarray
        Layer name to its blobs (float32, in Caffe's order: weights, bias), for the layers that have any.

    Raises
    ------
    CellsegError
        If the file is missing, truncated, a solver state, or anything else than weights.
    """
    content = content_of(path)
    weights = _from_hdf5(path) if content.startswith(HDF5_MAGIC) else _from_protobuf(path, content)
    if not weights:
        raise CellsegError(f"{path}: holds no weights; give a .caffemodel that Caffe wrote")
    for layer, blobs in weights.items():
        if not all(np.isfinite(blob).all() for blob in blobs):
            raise CellsegError(f"{path}: layer '{layer}' holds NaN or infinite numbers; train again with a lower rate")
    return weights


@dataclass(frozen=True)
class SolverState:
    """A ``.solverstate``.

    Attributes
    ----------
    iteration : int
        Iterations done.
    weights : str
        The ``.caffemodel`` that belongs to it, as Caffe will look for it: relative to the working folder.
    current_step : int
        Steps of the learning rate taken, under the policy "multistep".
    history : list of ndarray
        What the solver remembers of earlier gradients, in the order of the learnable parameters.
    """

    iteration: int
    weights: str
    current_step: int
    history: list


def read_solver_state(path, weights_there=True):
    """Read a ``.solverstate`` (protobuf or HDF5 form).

    Parameters
    ----------
    path : str or path
    weights_there : bool
        Whether the weights that it names must be there.

    Returns
    -------
    SolverState

    Raises
    ------
    CellsegError
        If the file is missing or is no solver state, or its weights are not there.
    """
    content = content_of(path)
    state = _hdf5_state(path) if content.startswith(HDF5_MAGIC) else _solver_state(path, content)
    if state is None:
        raise CellsegError(f"{path}: not a solver state; give the .solverstate that was written beside the weights")
    if weights_there and not os.path.isfile(state.weights):
        raise CellsegError(
            f"{path}: its weights {state.weights} are not there; start in the folder where it was written"
        )
    return state


def content_of(path):
    """The bytes of a file."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CellsegError(f"{path}: cannot be read ({error.strerror})") from error


def parse(message, content):
    """Parse a whole binary file or raise DecodeError; protobuf 3.12 only warns where it stops early."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        parsed = message.FromString(content)
    if caught:
        raise DecodeError(str(caught[0].message))
    return parsed


def _solver_state(path, content):
    try:
        state = parse(schema.SolverState, content)
    except DecodeError:
        return None
    if not state.HasField("iter") or not state.history:
        return None
    history = [array_of(path, f"history {n}", blob) for n, blob in enumerate(state.history)]
    return SolverState(state.iter, _text(state.learned_net), state.current_step, history)


def _hdf5_state(path):
    return hdf5.read(path, _state_in, advice="give the .solverstate that was written beside the weights")


def _state_in(file):
    if file.find("history") is None:
        return None
    iteration, step = (int(file.array(name).flat[0]) for name in ("iter", "current_step"))
    weights = file.text("learned_net")
    if weights is None or iteration < 0 or step < 0:
        return None
    history = [file.array(f"history/{key}", np.float32) for key in sorted(file.keys("history"), key=int)]
    return SolverState(iteration, weights, step, history)


def _from_protobuf(path, content):
    if content.startswith(b"\x08") and _solver_state(path, content) is not None:
        raise CellsegError(f"{path}: a solver state, not weights; give the .caffemodel beside it")
    try:
        net = parse(schema.NetParameter, content)
    except DecodeError as error:
        raise CellsegError(f"{path}: not a .caffemodel, or truncated; give one that Caffe wrote") from error
    blobs = OrderedDict()
    for layer in [*(old.layer if old.HasField("layer") else old for old in net.layers), *net.layer]:
        if layer.blobs:
            name = _text(layer.name)
            blobs.setdefault(name, [array_of(path, f"layer '{name}'", blob) for blob in layer.blobs])
    return blobs


def _text(value):
    """A string of a file, which gives bytes where it is no UTF-8."""
    return os.fsdecode(value) if isinstance(value, bytes) else str(value)


def array_of(path, owner, blob):
    """The array that a BlobProto of `cellseg.engine.schema` holds; `owner` is what messages call it."""
    legacy = [field for field in ("num", "channels", "height", "width") if blob.HasField(field)]
    shape = (blob.num, blob.channels, blob.height, blob.width) if legacy else tuple(blob.shape.dim)
    held, kind = (blob.double_data, "<f8") if blob.double_data else (blob.data, "<f4")
    size = len(held) / np.dtype(kind).itemsize
    if min(shape, default=0) < 0 or size != math.prod(shape):
        raise CellsegError(f"{path}: {owner} holds {size:g} numbers for the shape {shape}; the file is damaged")
    return np.frombuffer(held, kind).astype(np.float32).reshape(shape)


def _from_hdf5(path):
    return hdf5.read(path, _weights_in, str(path), advice="give a .caffemodel.h5 that Caffe wrote")


def _weights_in(file, path):
    if file.find("history") is not None:
        raise CellsegError(f"{path}: a solver state, not weights; give the .caffemodel.h5 beside it")
    held = {name: sorted(file.keys(f"data/{name}"), key=int) for name in file.keys("data")}
    return OrderedDict(
        (name, [file.array(f"data/{name}/{key}", np.float32) for key in keys]) for name, keys in held.items() if keys
    )
