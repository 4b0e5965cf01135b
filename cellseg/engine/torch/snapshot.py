"""Writing ``.caffemodel`` and ``.solverstate`` files as Caffe does, in protobuf or HDF5 form."""

import numpy as np

from cellseg.engine import hdf5, schema
from cellseg.engine.caffe_schema import NetParameter

# Tags of protobuf fields: NetParameter.layer (100), LayerParameter.blobs (7), SolverState.history (3).
_LAYER, _BLOBS, _HISTORY = b"\xa2\x06", b"\x3a", b"\x1a"


def write_weights(path, net, with_diff=False):
    """Write a net's layers and parameters as binary protobuf, to `path` itself.

    Parameters
    ----------
    path : str or path
    net : cellseg.engine.torch.net.Net
    with_diff : bool
        Also the gradients.
    """
    with open(path, "wb") as stream:
        stream.write(NetParameter(name=net.name).SerializeToString())
        for layer in (step.layer for step in net.steps):
            parameter = type(layer.parameter)()
            parameter.CopyFrom(layer.parameter)
            parameter.phase = net.phase
            del parameter.blobs[:]
            blobs = [_blob(blob.data, blob.diff if with_diff else None) for blob in layer.params]
            content = parameter.SerializeToString() + b"".join(_field(_BLOBS, blob) for blob in blobs)
            stream.write(_field(_LAYER, content))


def write_weights_hdf5(path, net, with_diff=False):
    """The same as HDF5: group ``data`` (and ``diff``), a group a layer, a data set a parameter.

    A parameter shared between layers is written with the first of them.
    """
    with hdf5.writing(path) as file:
        for kind in ("data", "diff") if with_diff else ("data",):
            groups = file.create_group(kind)
            for layer in (step.layer for step in net.steps):
                group = groups.create_group(layer.name)
                for number, blob in enumerate(layer.params):
                    if any(blob.shares_with(other) for other in net.parameters.learnable if other is not blob):
                        continue
                    group.create_dataset(str(number), data=getattr(blob, kind), track_times=False)


def write_state(path, iteration, weights, current_step, history):
    """Write a solver state as binary protobuf, to `path` itself.

    Parameters
    ----------
    path : str or path
    iteration : int
    weights : str
        The ``.caffemodel`` that belongs to it.
    current_step : int
    history : list of ndarray
    """
    with open(path, "wb") as stream:
        stream.write(schema.SolverState(iter=iteration, learned_net=weights).SerializeToString())
        for array in history:
            stream.write(_field(_HISTORY, _blob(array)))
        stream.write(schema.SolverState(current_step=current_step).SerializeToString())


def write_state_hdf5(path, iteration, weights, current_step, history):
    """The same as HDF5."""
    with hdf5.writing(path) as file:
        for name, value in (("iter", iteration), ("current_step", current_step)):
            file.create_dataset(name, data=np.array([value], np.int32), track_times=False)
        ended = np.array(weights.encode() + b"\0")  # Caffe reads on until it finds a zero
        file.create_dataset("learned_net", data=ended, track_times=False)
        group = file.create_group("history")
        for number, array in enumerate(history):
            group.create_dataset(str(number), data=array, track_times=False)


def _blob(array, diff=None):
    blob = schema.BlobProto(data=_bytes(array))
    blob.shape.dim.extend(array.shape)
    if diff is not None:
        blob.diff = _bytes(diff)
    return blob.SerializeToString()


def _bytes(array):
    return np.ascontiguousarray(array, "<f4").tobytes()


def _field(tag, content):
    """A field of bytes, as protobuf writes it: tag, length in groups of seven bits, content."""
    length, size = b"", len(content)
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return tag + length + bytes([size]) + content
