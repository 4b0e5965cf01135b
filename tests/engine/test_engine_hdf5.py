"""HDF5 files from others: each hostile one is refused in one line, and a full disk leaves what was there."""

import os
import time

import h5py
import numpy as np
import pytest
from support import full_disk

from cellseg.data.hdf5 import read_list
from cellseg.engine import hdf5
from cellseg.engine.hdf5_file import arrays, optional
from cellseg.engine.weights import read_solver_state, read_weights
from cellseg.errors import CellsegError
from cellseg.evaluation.predictions import Prediction, read_predictions, write_predictions
from cellseg.files import replacing

_SECRET = b"not for others " * 20


def _external(file, folder):
    (folder / "secret").write_bytes(_SECRET)
    file.create_dataset("data", (4, 1, 2, 2), "u1", external=[(str(folder / "secret"), 0, h5py.h5f.UNLIMITED)])


def _fifo_storage(file, folder):
    os.mkfifo(folder / "fifo")
    file.create_dataset("data", (4, 1, 2, 2), "u1", external=[(str(folder / "fifo"), 0, h5py.h5f.UNLIMITED)])


def _virtual(file, folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other["data"] = np.ones((4, 1, 2, 2), "u1")
    layout = h5py.VirtualLayout((4, 1, 2, 2), "u1")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "data", (4, 1, 2, 2))
    file.create_virtual_dataset("data", layout)


def _link_to_a_fifo(file, folder):
    os.mkfifo(folder / "fifo")
    file["data"] = h5py.ExternalLink(str(folder / "fifo"), "/data")


def _link_to_a_file(file, folder):
    file["inside"] = h5py.ExternalLink(str(folder / "other.h5"), "/")
    file["data"] = h5py.SoftLink("/inside/data")


def _circle(file, folder):
    file["data"] = h5py.SoftLink("/data")


def _rows_of_nothing(file, folder):
    file.create_dataset("data", (10**12, 1, 2, 2), "u1", chunks=(1, 1, 2, 2))


def _billion(file, folder):
    file.create_dataset("data", (10**9, 1), "f4", chunks=(1024, 1))


def _huge_pieces(file, folder):
    file.create_dataset("data", (4, 1, 2, 2), "f4", chunks=(2**15, 1, 2**7, 2**7), maxshape=(None,) * 4)


def _one_piece_many_times(file, folder):
    file.create_dataset("data", (2**24, 4), "u1", compression="gzip", chunks=(2**20, 4))
    for name in ("a", "b", "c"):
        file[name] = file["data"]


def _group(file, folder):
    file.create_group("data")


def _text(file, folder):
    file["data"] = ["text"] * 4


def _empty(file, folder):
    pass


HOSTILE = [value for name, value in list(globals().items()) if name[0] == "_" != name[1] and callable(value)]
NAMES = ("data", "a", "b", "c")


@pytest.mark.parametrize("fill", HOSTILE, ids=lambda fill: fill.__name__)
def test_a_hostile_file_is_refused_in_one_line(tmp_path, monkeypatch, fill):
    monkeypatch.chdir(tmp_path)
    with h5py.File("hostile.h5", "w") as file:
        fill(file, tmp_path)
    started = time.process_time()
    with pytest.raises(CellsegError, match=r"hostile\.h5: ") as error:
        hdf5.read("hostile.h5", arrays, NAMES if fill is _one_piece_many_times else ("data",))
    assert "not for" not in str(error.value)
    (tmp_path / "list.txt").write_text("hostile.h5")
    with pytest.raises(CellsegError, match=r"hostile\.h5: "):
        read_list("list.txt")
    for reader in (read_weights, read_solver_state, read_predictions):
        with pytest.raises(CellsegError, match=r"hostile\.h5: "):
            reader("hostile.h5")
    assert time.process_time() - started < 1


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_what_is_no_file_is_not_opened(tmp_path, make):
    make(tmp_path / "odd.h5")
    with pytest.raises(CellsegError, match="odd.h5: "):
        read_predictions(tmp_path / "odd.h5")


def predictions(count):
    planes = np.random.RandomState(0).uniform(size=(count, 8, 8)).astype(np.float32)
    return [Prediction(f"image {number}", plane, plane > 0.5, plane) for number, plane in enumerate(planes)]


def test_a_heap_without_end_is_left_after_seconds_and_the_next_file_is_read(tmp_path):
    write_predictions(tmp_path / "good.h5", predictions(2))
    content = bytearray((tmp_path / "good.h5").read_bytes())
    heap = content.index(b"GCOL")
    content[heap + 16 : heap + 32] = bytes(16)  # its first object is free space of size 0, which has no end
    (tmp_path / "bad.h5").write_bytes(content)
    with pytest.raises(CellsegError, match="bad.h5: damaged .reading it takes too long.; make it again"):
        read_predictions(tmp_path / "bad.h5")
    assert len(read_predictions(tmp_path / "good.h5")) == 2


def test_arrays_come_back_as_they_are_and_can_be_changed(tmp_path):
    held = {"data": np.arange(6.0).reshape(2, 3), "b": np.array([[1], [2]], ">i2"), "c": np.ones((2, 1, 1), "u1")}
    scalar = np.float32(2.5)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, array in held.items():
            file[name] = array
        file["scalar"] = scalar
    assert hdf5.read(tmp_path / "a.h5", optional, "scalar") == scalar
    assert hdf5.read(tmp_path / "a.h5", optional, "none") is None
    first = hdf5.read(tmp_path / "a.h5", arrays, tuple(held))
    for one, other in zip(first, hdf5.read(tmp_path / "a.h5", arrays, tuple(held)), strict=True):
        one += 1  # each call has memory of its own
        np.testing.assert_array_equal(one, other + 1)
    assert [array.dtype for array in first] == [array.dtype for array in held.values()]


def test_more_than_the_memory_that_may_be_used_is_refused(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = np.zeros((2**19, 1), "f4")
    monkeypatch.setattr("cellseg.engine.hdf5._reader", None)  # a child that knows of the limit
    monkeypatch.setenv("CELLSEG_MEMORY", "1M")
    with pytest.raises(CellsegError, match="a.h5: dataset 'data' holds 524288x1 numbers .2 MB, and 1 MB may be used"):
        hdf5.read(tmp_path / "a.h5", arrays, ("data",))
    hdf5._forget()


def test_a_full_disk_leaves_what_was_there(tmp_path):
    path = tmp_path / "p.h5"
    write_predictions(path, predictions(1))
    before = path.read_bytes()
    refused = pytest.raises(CellsegError, match="p.h5: cannot be written .File too large")
    with full_disk(), refused, replacing(path) as beside:
        write_predictions(beside, predictions(20))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
