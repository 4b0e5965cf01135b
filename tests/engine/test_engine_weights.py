from pathlib import Path

import h5py
import numpy as np
import pytest
from support import on_caffe

from cellseg.engine.schema import NetParameter, SolverState
from cellseg.engine.weights import read_solver_state, read_weights
from cellseg.errors import CellsegError


def caffemodel(path, blobs, legacy=False):
    """A .caffemodel with one layer ``conv`` and, as Caffe writes them, layers without weights around it."""
    net = NetParameter(name="net")
    layers = net.layers if legacy else net.layer
    layers.add(name="data")
    layer = layers.add(name="conv")
    for array in blobs:
        blob = layer.blobs.add()
        blob.data = array.astype("<f4").tobytes()
        if legacy:
            shape = (1,) * (4 - array.ndim) + array.shape
            blob.num, blob.channels, blob.height, blob.width = shape
        else:
            blob.shape.dim.extend(array.shape)
    Path(path).write_bytes(net.SerializeToString())


BLOBS = [np.arange(18, dtype=np.float32).reshape(2, 1, 3, 3), np.array([1.5, -2], np.float32)]


@pytest.mark.parametrize("legacy", [False, True])
def test_protobuf_weights(tmp_path, legacy):
    caffemodel(tmp_path / "net.caffemodel", BLOBS, legacy)
    weights = read_weights(tmp_path / "net.caffemodel")
    assert list(weights) == ["conv"]
    for ours, theirs in zip(weights["conv"], BLOBS):
        np.testing.assert_array_equal(ours.reshape(theirs.shape), theirs)


def test_hdf5_weights(tmp_path):
    with h5py.File(str(tmp_path / "net.caffemodel.h5"), "w") as file:
        for number, blob in enumerate(BLOBS):
            file[f"data/conv/{number}"] = blob
        file.create_group("data/relu")
    weights = read_weights(tmp_path / "net.caffemodel.h5")
    assert list(weights) == ["conv"]
    np.testing.assert_array_equal(weights["conv"][0], BLOBS[0])


@pytest.mark.caffe
def test_what_caffe_writes_is_read(tmp_path):
    convolution = "convolution_param { num_output: 3 kernel_size: 5 weight_filler { type: 'xavier' } }"
    data = "layer { name: 'data' type: 'Input' top: 'data' input_param { shape { dim: [1, 2, 9, 9] } } }"
    net = f"{data} layer {{ name: 'conv' type: 'Convolution' bottom: 'data' top: 'conv' {convolution} }}"
    (tmp_path / "net.prototxt").write_text(net)
    script = """
net = caffe.Net(given["folder"] + "/net.prototxt", caffe.TEST)
net.save(given["folder"] + "/a.caffemodel")
net.save_hdf5(given["folder"] + "/a.caffemodel.h5")
found["conv"] = [blob.data for blob in net.params["conv"]]
"""
    found = on_caffe(script, folder=str(tmp_path))
    for name in ("a.caffemodel", "a.caffemodel.h5"):
        weights = read_weights(tmp_path / name)
        assert list(weights) == ["conv"]
        for ours, theirs in zip(weights["conv"], found["conv"], strict=True):
            np.testing.assert_array_equal(ours, theirs)


def solver_state(path, weights):
    state = SolverState(iter=40, learned_net=str(weights), current_step=1)
    blob = state.history.add(data=np.array([1.0, 2.0], "<f4").tobytes())
    blob.shape.dim.append(2)
    Path(path).write_bytes(state.SerializeToString())


def test_solver_state(tmp_path):
    caffemodel(tmp_path / "a.caffemodel", BLOBS)
    solver_state(tmp_path / "a.solverstate", tmp_path / "a.caffemodel")
    state = read_solver_state(tmp_path / "a.solverstate")
    assert (state.iteration, state.weights) == (40, str(tmp_path / "a.caffemodel"))
    (tmp_path / "a.caffemodel").unlink()
    with pytest.raises(CellsegError, match="a.solverstate: its weights .*a.caffemodel are not there"):
        read_solver_state(tmp_path / "a.solverstate")


def test_each_file_given_as_the_other_is_named(tmp_path):
    caffemodel(tmp_path / "a.caffemodel", BLOBS)
    solver_state(tmp_path / "a.solverstate", tmp_path / "a.caffemodel")
    with pytest.raises(CellsegError, match="a.solverstate: a solver state, not weights"):
        read_weights(tmp_path / "a.solverstate")
    with pytest.raises(CellsegError, match="a.caffemodel: not a solver state"):
        read_solver_state(tmp_path / "a.caffemodel")


@pytest.mark.parametrize("reader", [read_weights, read_solver_state])
@pytest.mark.parametrize(
    "content",
    [b"", b"name: 'net'\n", b"\x89HDF\r\n\x1a\n" + b"x" * 90, bytes(range(256)) * 9],
    ids=["empty", "text", "hdf5", "bytes"],
)
def test_random_files_are_refused(tmp_path, content, reader):
    (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(CellsegError, match="a.bin"):
        reader(tmp_path / "a.bin")


@pytest.mark.parametrize("reader", [read_weights, read_solver_state])
@pytest.mark.parametrize("name", [".", "missing"])
def test_folders_and_missing_files_are_refused(tmp_path, name, reader):
    with pytest.raises(CellsegError, match="cannot be read"):
        reader(tmp_path / name)


def test_truncated_weights_are_refused(tmp_path):
    caffemodel(tmp_path / "a.caffemodel", BLOBS)
    content = (tmp_path / "a.caffemodel").read_bytes()
    for length in range(1, len(content)):
        (tmp_path / "cut.caffemodel").write_bytes(content[:length])
        with pytest.raises(CellsegError, match=r"cut.caffemodel"):
            read_weights(tmp_path / "cut.caffemodel")


def test_an_hdf5_file_of_something_else_is_refused(tmp_path):
    with h5py.File(str(tmp_path / "train_0.h5"), "w") as file:
        file["data"] = np.zeros((2, 1, 4, 4))
    with pytest.raises(CellsegError, match="train_0.h5: holds no weights"):
        read_weights(tmp_path / "train_0.h5")


def test_weights_of_a_diverged_training_are_refused(tmp_path):
    caffemodel(tmp_path / "a.caffemodel", [np.array([1, np.nan], np.float32)])
    with pytest.raises(CellsegError, match="layer 'conv' holds NaN"):
        read_weights(tmp_path / "a.caffemodel")


def test_numbers_that_do_not_fill_their_shape_are_refused(tmp_path):
    net = NetParameter()
    blob = net.layer.add(name="conv").blobs.add()
    blob.shape.dim.extend([2, 3])
    blob.data = np.ones(5, "<f4").tobytes()
    (tmp_path / "a.caffemodel").write_bytes(net.SerializeToString())
    with pytest.raises(CellsegError, match="layer 'conv' holds 5 numbers"):
        read_weights(tmp_path / "a.caffemodel")
