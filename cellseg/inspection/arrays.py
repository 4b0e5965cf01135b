"""Files of arrays: weights, solver states, binaryprotos, HDF5 files and lists of them."""

import math
from collections import Counter

import numpy as np

from cellseg.engine import hdf5
from cellseg.engine.blob_file import read_blob
from cellseg.engine.hdf5_list import files_in
from cellseg.engine.transfer import same_shape
from cellseg.engine.weights import read_solver_state, read_weights
from cellseg.errors import CellsegError

_FEW = 20  # labels that are named one by one


def inspect_weights(path):
    """What a ``.caffemodel`` or ``.caffemodel.h5`` holds.

    Returns
    -------
    dict
        Plain values: the layers with the shapes of their parameters, and how many numbers there are.
    """
    weights = read_weights(path)
    layers = {name: [list(blob.shape) for blob in blobs] for name, blobs in weights.items()}
    return {"kind": "weights", "layers": layers, "parameters": _numbers(layers.values())}


def fit(layers, net):
    """How weights fit a net: what becomes of each layer when they are copied.

    Parameters
    ----------
    layers : dict of str to list of list of int
        Of the weights: shapes by layer, as from `inspect_weights`.
    net : dict
        As from `cellseg.inspection.net.inspect_net`.

    Returns
    -------
    dict
        ``copied``, ``only_in_the_weights`` and ``only_in_the_net``, lists of names, and ``differ``, names to both
        shapes.
    """
    wanted = {}
    for row in net["layers"]:
        if row["parameters"]:
            wanted.setdefault(row["name"], row["parameters"])
    both = [name for name in layers if name in wanted]
    same = [name for name in both if _same(layers[name], wanted[name])]
    return {
        "copied": same,
        "differ": {name: [layers[name], wanted[name]] for name in both if name not in same},
        "only_in_the_weights": [name for name in layers if name not in wanted],
        "only_in_the_net": [name for name in wanted if name not in layers],
    }


def _same(held, needed):
    return len(held) == len(needed) and all(same_shape(tuple(a), tuple(b)) for a, b in zip(held, needed))


def inspect_state(path):
    """What a ``.solverstate`` holds."""
    state = read_solver_state(path, weights_there=False)
    shapes = [list(array.shape) for array in state.history]
    return {
        "kind": "solver state",
        "iteration": state.iteration,
        "weights": state.weights,
        "current_step": state.current_step,
        "histories": len(shapes),
        "numbers": _numbers([shapes]),
    }


def inspect_blob(path):
    """What a ``.binaryproto`` holds: shape, and of images the mean of each channel."""
    array = read_blob(path)
    found = {"least": float(array.min()), "most": float(array.max()), "channel_means": []}
    if array.ndim > 2 and array.size == math.prod(array.shape[-3:]):
        channels = array.reshape(array.shape[-3], -1)
        found["channel_means"] = channels.mean(1, dtype=np.float64).tolist()
    return {"kind": "binaryproto", "shape": list(array.shape), **found}


def inspect_hdf5(path):
    """What an HDF5 file holds: its datasets."""
    return {"kind": "HDF5 file", "datasets": hdf5.read(path, _datasets)}


def inspect_list(path):
    """What a list of HDF5 files holds: the files, rows, and the datasets of all of them."""
    names, files, rows = files_in(path), [], Counter()
    for name in names:
        datasets = hdf5.read(name, _datasets)
        files.append({"file": name, "datasets": datasets})
        rows.update({one["name"]: one["shape"][0] for one in datasets if one["shape"]})
    kinds = {tuple((one["name"], *one["shape"][1:]) for one in file["datasets"]) for file in files}
    return {"kind": "HDF5 list", "files": files, "rows": dict(rows), "alike": len(kinds) == 1}


def _datasets(file):
    found = []
    for name in file.keys("/"):
        if file.keys(name):
            raise CellsegError(f"{file.name}: holds groups ('{name}'), and neither weights nor a solver state")
        array = file.array(name)
        one = {"name": name, "shape": list(array.shape), "type": str(array.dtype)}
        if array.size:
            least, most = float(array.min()), float(array.max())
            one.update(least=least, most=most)
            if most - least < _FEW and (array == array.astype(int)).all():  # labels
                one["values"] = np.unique(array).astype(int).tolist()
        found.append(one)
    return found


def _numbers(groups):
    return sum(math.prod(shape) for shapes in groups for shape in shapes)
