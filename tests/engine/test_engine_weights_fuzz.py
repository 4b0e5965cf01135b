"""Thousands of damaged weights and solver states: each is read or refused in one line, quickly."""

import os
import random
import time
import warnings

import h5py
import numpy as np
import pytest

from cellseg.engine import schema
from cellseg.engine.weights import read_solver_state, read_weights
from cellseg.errors import CellsegError

COUNT = {"protobuf": 20000, "hdf5": 5000} if os.environ.get("CELLSEG_FUZZ") else {"protobuf": 2000, "hdf5": 300}


def array_blob(blob, array):
    blob.shape.dim.extend(array.shape)
    blob.data = array.astype("<f4").tobytes()


def protobuf_files(folder):
    rng = np.random.RandomState(0)
    net = schema.NetParameter(name="net")
    for name, shape in (("conv", (3, 2, 3, 3)), ("score", (2, 3, 1, 1))):
        layer = net.layer.add(name=name, type="Convolution")
        array_blob(layer.blobs.add(), rng.randn(*shape))
        array_blob(layer.blobs.add(), rng.randn(shape[0]))
    net.layer.add(name="relu", type="ReLU")
    old = schema.NetParameter(name="old")
    blob = old.layers.add(name="fc").blobs.add(num=1, channels=1, height=2, width=3)
    blob.data = np.ones(6, "<f4").tobytes()
    nested = old.layers.add().layer
    nested.name = "older"
    array_blob(nested.blobs.add(), np.ones(4))
    state = schema.SolverState(iter=4, learned_net=f"{folder}/net.caffemodel", current_step=1)
    for shape in ((3, 2, 3, 3), (3,)):
        array_blob(state.history.add(), rng.randn(*shape))
    return [message.SerializeToString() for message in (net, old, state)]


def hdf5_files(folder):
    with h5py.File(f"{folder}/weights.h5", "w") as file:
        file["data/conv/0"], file["data/conv/1"] = np.ones((3, 2, 3, 3), "f4"), np.ones(3, "f4")
    with h5py.File(f"{folder}/state.h5", "w") as file:
        file["iter"], file["current_step"] = np.array([4], "i4"), np.array([0], "i4")
        file["learned_net"] = np.bytes_(f"{folder}/net.caffemodel")
        file["history/0"] = np.ones((3, 2, 3, 3), "f4")
    return [(folder / name).read_bytes() for name in ("weights.h5", "state.h5")]


def damaged(content, others, rng):
    """A file with one to four of the things that happen to files."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(content) + 1)
        end = min(len(content), at + rng.randint(1, 40))
        kind = rng.randrange(6)
        if kind == 0:
            del content[at:]
        elif kind == 1:
            del content[at:end]
        elif kind == 2:
            content[at:at] = content[at:end]
        elif kind == 3:
            content[at:at] = rng.choice(others)[: rng.randint(1, 200)]
        elif kind == 4:
            content[at:end] = bytes(rng.choice([0, 255, rng.randrange(256)]) for _ in range(end - at))
        elif at < len(content):
            content[at] ^= 1 << rng.randrange(8)
    return bytes(content)


@pytest.mark.parametrize("form", ["protobuf", "hdf5"])
def test_damaged_files_are_read_or_refused(tmp_path, form):
    (tmp_path / "net.caffemodel").write_bytes(b"")
    whole = {"protobuf": protobuf_files, "hdf5": hdf5_files}[form](tmp_path)
    rng, read, refused, slowest = random.Random(0), 0, 0, 0.0
    path = tmp_path / "file"
    for content in whole:  # each whole one is read by one of the two
        path.write_bytes(content)
        assert sum(outcome(reader, path) is None for reader in (read_weights, read_solver_state)) == 1
    for number in range(COUNT[form]):
        content = rng.randbytes(rng.randrange(300)) if number % 20 == 0 else damaged(rng.choice(whole), whole, rng)
        path.write_bytes(content)
        for reader in (read_weights, read_solver_state):
            started = time.monotonic()
            message = outcome(reader, path)
            slowest = max(slowest, time.monotonic() - started)
            read, refused = read + (message is None), refused + (message is not None)
            assert message is None or ("\n" not in message and str(path) in message), message
    print(f"{form}: {read} read, {refused} refused, slowest {slowest:.3f} s")
    assert read > COUNT[form] / 50 and refused > COUNT[form]
    assert slowest < 5


def outcome(reader, path):
    """None if the file is read, else the message with which it is refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            reader(path)
        except CellsegError as error:
            return str(error)
    return None
