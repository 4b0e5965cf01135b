"""Reading ``.caffemodel`` and ``.solverstate`` files, binary protobuf or HDF5, without an engine."""

import warnings
from collections import OrderedDict
from pathlib import Path

import h5py
import numpy as np
from google.protobuf.message import DecodeError

from cellseg.engine.schema import NetParameter, SolverState
from cellseg.errors import CellsegError

_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


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
    content = _content(path)
    weights = _from_hdf5(path) if content.startswith(_HDF5_MAGIC) else _from_protobuf(path, content)
    if not weights:
        raise CellsegError(f"{path}: holds no weights; give a .caffemodel that Caffe wrote")
    for layer, blobs in weights.items():
        if not all(np.isfinite(blob).all() for blob in blobs):
            raise CellsegError(f"{path}: layer '{layer}' holds NaN or infinite numbers; train again with a lower rate")
    return weights


def read_solver_state(path):
    """Read how far a ``.solverstate`` (protobuf or HDF5 form) is, and where its weights are.

    Returns
    -------
    iteration : int
        Iterations done.
    weights : str
        The ``.caffemodel`` that belongs to it, as Caffe will look for it: relative to the working folder.

    Raises
    ------
    CellsegError
        If the file is missing or is no solver state, or its weights are not there.
    """
    content = _content(path)
    found = _hdf5_state(path) if content.startswith(_HDF5_MAGIC) else _solver_state(content)
    if found is None:
        raise CellsegError(f"{path}: not a solver state; give the .solverstate that was written beside the weights")
    iteration, weights = found
    if not Path(weights).is_file():
        raise CellsegError(f"{path}: its weights {weights} are not there; start in the folder where it was written")
    return iteration, weights


def _content(path):
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CellsegError(f"{path}: cannot be read ({error.strerror})") from error


def _parse(message, content):
    """Parse a whole file or raise DecodeError; protobuf 3.12 only warns where it stops early."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        parsed = message.FromString(content)
    if caught:
        raise DecodeError(str(caught[0].message))
    return parsed


def _solver_state(content):
    try:
        state = _parse(SolverState, content)
    except DecodeError:
        return None
    return (state.iter, state.learned_net) if state.HasField("iter") and len(state.history) else None


def _hdf5_state(path):
    try:
        with h5py.File(str(path), "r") as file:
            iteration, weights = int(np.ravel(file["iter"][()])[0]), np.ravel(file["learned_net"][()])[0]
    except (OSError, KeyError, ValueError, TypeError, AttributeError):
        return None
    return iteration, weights.decode() if isinstance(weights, bytes) else str(weights)


def _from_protobuf(path, content):
    if _solver_state(content) is not None:
        raise CellsegError(f"{path}: a solver state, not weights; give the .caffemodel beside it")
    try:
        net = _parse(NetParameter, content)
    except DecodeError as error:
        raise CellsegError(f"{path}: not a .caffemodel, or truncated; give one that Caffe wrote") from error
    blobs = OrderedDict()
    for layer in [*net.layers, *net.layer]:
        if layer.blobs:
            blobs.setdefault(layer.name, [_array(path, layer.name, blob) for blob in layer.blobs])
    return blobs


def _array(path, layer, blob):
    legacy = (blob.num, blob.channels, blob.height, blob.width)
    shape = tuple(blob.shape.dim) if blob.HasField("shape") else legacy
    data = np.asarray(blob.double_data or blob.data, dtype=np.float32)
    if data.size != int(np.prod(shape)):
        raise CellsegError(
            f"{path}: layer '{layer}' holds {data.size} numbers for the shape {shape}; the file is damaged"
        )
    return data.reshape(shape)


def _from_hdf5(path):
    try:
        with h5py.File(str(path), "r") as file:
            if "history" in file:
                raise CellsegError(f"{path}: a solver state, not weights; give the .caffemodel.h5 beside it")
            layers = file.get("data")
            if not isinstance(layers, h5py.Group):
                return OrderedDict()
            return OrderedDict(
                (name, [np.asarray(blobs[key], np.float32) for key in sorted(blobs, key=int)])
                for name, blobs in layers.items()
                if isinstance(blobs, h5py.Group) and len(blobs)
            )
    except CellsegError:
        raise
    except (OSError, ValueError, TypeError) as error:
        raise CellsegError(f"{path}: not a .caffemodel.h5, or truncated ({error})") from error
