"""Any of Caffe's files as plain facts."""

from cellseg.inspection import arrays, kinds
from cellseg.inspection.log import inspect_log
from cellseg.inspection.net import inspect_net
from cellseg.inspection.solver import inspect_solver

_READERS = {
    kinds.SOLVER: inspect_solver,
    kinds.WEIGHTS: arrays.inspect_weights,
    kinds.STATE: arrays.inspect_state,
    kinds.BLOB: arrays.inspect_blob,
    kinds.HDF5: arrays.inspect_hdf5,
    kinds.LIST: arrays.inspect_list,
    kinds.LOG: inspect_log,
}


def inspect(path, phase=None, shape=None):
    """What a file holds.

    Parameters
    ----------
    path : str or path
        A net or solver prototxt, ``.caffemodel``, ``.solverstate``, ``.binaryproto``, HDF5 file, list of HDF5 files or
        log of a training; its content says which.
    phase, shape
        For nets; see `cellseg.inspection.net.inspect_net`.

    Returns
    -------
    dict
        ``file``, ``kind``, and what `cellseg.inspection` says of files of that kind; plain values.

    Raises
    ------
    CellsegError
        If the file cannot be read or is none of these.
    """
    kind = kinds.kind_of(path)
    found = inspect_net(path, phase, shape) if kind == kinds.NET else _READERS[kind](path)
    return {"file": str(path), **found}


def add_fits(found):
    """Say of weights how they fit, where exactly one net was inspected, too; in place.

    Parameters
    ----------
    found : list of dict
        As from `inspect`.
    """
    nets = [one for one in found if one["kind"] == kinds.NET]
    for one in found:
        if one["kind"] == kinds.WEIGHTS and len(nets) == 1:
            one["fit"] = {"net": nets[0]["file"], **arrays.fit(one["layers"], nets[0])}
