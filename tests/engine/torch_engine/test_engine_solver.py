"""Solvers of the embedded engine: resuming, several processes, files; real processes where it matters."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from support import full_disk

from cellseg.errors import CellsegError

ROOT = Path(__file__).resolve().parents[3]

NET = """name: "small"
layer { name: "data" type: "HDF5Data" top: "data" top: "label" include { phase: TRAIN }
  hdf5_data_param { source: "train.txt" batch_size: BATCH shuffle: true } }
layer { name: "data" type: "HDF5Data" top: "data" top: "label" include { phase: TEST }
  hdf5_data_param { source: "test.txt" batch_size: 2 } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 6
  kernel_size: 3 pad: 1 weight_filler { type: "msra" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "drop" type: "Dropout" bottom: "conv" top: "conv" dropout_param { dropout_ratio: RATIO } }
layer { name: "score" type: "Convolution" bottom: "conv" top: "score" convolution_param { num_output: 2 kernel_size: 1
  weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "score" bottom: "label" top: "loss" }
"""
SOLVER = """net: "net.prototxt" test_iter: 2 test_interval: 5 base_lr: 0.05 lr_policy: "multistep" gamma: 0.5
stepvalue: 7 stepvalue: 15 max_iter: 24 momentum: 0.9 weight_decay: 0.01 display: 4 average_loss: 3 snapshot: 6
snapshot_prefix: "new/folder/run" random_seed: 5 type: "SGD" MORE
"""


def write_files(folder, batch=3, ratio=0.4, more="", rows=(7, 4)):
    """A net, a solver, and data in several HDF5 files."""
    folder.mkdir(exist_ok=True)
    rng = np.random.RandomState(0)
    for split, sizes in (("train", rows), ("test", (4,))):
        for number, size in enumerate(sizes):
            with h5py.File(f"{folder}/{split}_{number}.h5", "w") as file:
                image = rng.rand(size, 1, 8, 8).astype(np.float32)
                file["data"], file["label"] = image, (image > 0.6).astype(np.float32)
        (folder / f"{split}.txt").write_text("".join(f"{split}_{number}.h5\n" for number in range(len(sizes))))
    (folder / "net.prototxt").write_text(NET.replace("BATCH", str(batch)).replace("RATIO", str(ratio)))
    (folder / "solver.prototxt").write_text(SOLVER.replace("MORE", more))


def train(folder, *arguments, wait=True):
    """``train`` as a process of its own."""
    command = [
        sys.executable,
        "-m",
        "cellseg.engine.torch",
        "train",
        "--solver",
        "solver.prototxt",
        *arguments,
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=str(folder), env=environment, stderr=subprocess.PIPE, text=True)
    if not wait:
        return process
    log = process.communicate(timeout=120)[1]
    assert process.returncode == 0, log
    return log


def digest(folder, name):
    return hashlib.sha256((folder / "new" / "folder" / name).read_bytes()).hexdigest()


ENDS = ("run_iter_24.caffemodel", "run_iter_24.solverstate")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    write_files(folder)
    return folder, train(folder)


def test_snapshots_have_caffes_names_in_a_folder_that_was_made(whole):
    held = {path.name for path in (whole[0] / "new" / "folder").iterdir()}
    expected = {f"run_iter_{n}.{kind}" for n in (6, 12, 18, 24) for kind in ("caffemodel", "solverstate")}
    assert held == expected | {f"run_iter_{n}.solverstate.resume.json" for n in (6, 12, 18, 24)}


def test_a_run_killed_anywhere_and_resumed_ends_in_the_same_bytes(whole, tmp_path):
    write_files(tmp_path)
    process = train(tmp_path, wait=False)
    states = tmp_path / "new" / "folder"
    while not (states / "run_iter_12.solverstate").exists():
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    for path in states.glob("run_iter_24*"):
        path.unlink()
    state = max(states.glob("*.solverstate"), key=lambda path: int(path.stem.split("_")[-1]))
    log = train(tmp_path, "--snapshot", f"new/folder/{state.name}")
    assert "data position and random streams" in log
    for name in ENDS:
        assert digest(tmp_path, name) == digest(whole[0], name), state


def test_ctrl_c_writes_a_snapshot_to_go_on_from(whole, tmp_path):
    write_files(tmp_path)
    (tmp_path / "solver.prototxt").write_text(SOLVER.replace("MORE", "").replace("snapshot: 6", "snapshot: 5000"))
    text = (tmp_path / "solver.prototxt").read_text()
    (tmp_path / "solver.prototxt").write_text(text.replace("max_iter: 24", "max_iter: 24000000"))
    process = train(tmp_path, wait=False)
    lines = []
    while "Iteration 8 " not in "".join(lines):
        lines.append(process.stderr.readline())
    process.send_signal(signal.SIGINT)
    assert "interrupted" in process.communicate(timeout=60)[1] and process.returncode == 2
    (state,) = (tmp_path / "new" / "folder").glob("*.solverstate")
    iteration = int(state.stem.split("_")[-1])
    (tmp_path / "solver.prototxt").write_text(text.replace("max_iter: 24", f"max_iter: {iteration + 10}"))
    train(tmp_path, "--snapshot", f"new/folder/{state.name}")
    (tmp_path / "straight").mkdir()
    write_files(tmp_path / "straight")
    (tmp_path / "straight" / "solver.prototxt").write_text(text.replace("max_iter: 24", f"max_iter: {iteration + 10}"))
    train(tmp_path / "straight")
    name = f"run_iter_{iteration + 10}.caffemodel"
    assert digest(tmp_path, name) == digest(tmp_path / "straight", name)


def test_without_the_side_file_it_resumes_as_caffe_does_and_says_so(whole, tmp_path):
    write_files(tmp_path)
    (tmp_path / "new" / "folder").mkdir(parents=True)
    for name in ("run_iter_12.caffemodel", "run_iter_12.solverstate"):
        (tmp_path / "new" / "folder" / name).write_bytes((whole[0] / "new" / "folder" / name).read_bytes())
    log = train(tmp_path, "--snapshot", "new/folder/run_iter_12.solverstate")
    assert "as Caffe does; the data starts anew" in log and "resume.json is missing" in log
    assert digest(tmp_path, ENDS[0]) != digest(whole[0], ENDS[0])


def test_a_side_file_of_another_state_is_not_used(whole, tmp_path):
    write_files(tmp_path)
    (tmp_path / "new" / "folder").mkdir(parents=True)
    for name in ("run_iter_12.caffemodel", "run_iter_12.solverstate", "run_iter_12.solverstate.resume.json"):
        (tmp_path / "new" / "folder" / name).write_bytes((whole[0] / "new" / "folder" / name).read_bytes())
    side = tmp_path / "new" / "folder" / "run_iter_12.solverstate.resume.json"
    side.write_text(json.dumps({**json.loads(side.read_text()), "solverstate_sha256": "0"}))
    assert "belongs to another solver state" in train(tmp_path, "--snapshot", "new/folder/run_iter_12.solverstate")


@pytest.mark.parametrize(
    "change, words",
    [
        (('net: "net.prototxt"', ""), ["solver.prototxt", "without a net"]),
        (('net: "net.prototxt"', 'net: "none.prototxt"'), ["none.prototxt", "cannot be read"]),
        (('type: "SGD"', 'type: "LBFGS"'), ["LBFGS", "SGD", "Adam"]),
        (('"multistep"', '"sometimes"'), ["sometimes", "multistep"]),
        (("test_iter: 2", "test_iter: 2 test_iter: 2 test_state { stage: 'a' }"), ["test_state", "2"]),
        (("base_lr", "base_rl"), ["solver.prototxt:1:", "base_rl"]),
    ],
)
def test_mistakes_in_a_solver_end_in_one_line(tmp_path, monkeypatch, caffe, change, words):
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "solver.prototxt").write_text(SOLVER.replace("MORE", "").replace(*change))
    with pytest.raises(CellsegError) as caught:
        caffe.get_solver("solver.prototxt")
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_labels_that_are_no_class_are_refused(tmp_path, monkeypatch, caffe):
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    with h5py.File("train_0.h5", "r+") as file:
        file["label"][0, 0, 0, 0] = 2
    with pytest.raises(CellsegError, match="train_0.h5.*'label'.*label 2.*0 to 1"):
        caffe.get_solver("solver.prototxt")


def test_a_state_of_another_net_is_refused(whole, tmp_path, monkeypatch, caffe):
    monkeypatch.chdir(whole[0])
    text = (whole[0] / "net.prototxt").read_text().replace("num_output: 6", "num_output: 7")
    (tmp_path / "net.prototxt").write_text(text)
    (tmp_path / "solver.prototxt").write_text(
        SOLVER.replace("MORE", "").replace("net.prototxt", f"{tmp_path}/net.prototxt")
    )
    solver = caffe.get_solver(str(tmp_path / "solver.prototxt"))
    with pytest.raises(CellsegError, match="history of 4 blobs does not fit the 4"):
        solver.restore("new/folder/run_iter_12.solverstate")
    with pytest.raises(CellsegError, match="not a solver state"):
        solver.restore("new/folder/run_iter_12.caffemodel")


@pytest.mark.parametrize("form", ["BINARYPROTO", "HDF5"])
def test_a_full_disk_leaves_no_part_of_a_snapshot(tmp_path, monkeypatch, caffe, form):
    write_files(tmp_path, more=f"snapshot_format: {form}")
    monkeypatch.chdir(tmp_path)
    solver = caffe.get_solver("solver.prototxt")
    with full_disk(400), pytest.raises(CellsegError, match="run_iter_0.*cannot be written .File too large"):
        solver.snapshot()
    assert list((tmp_path / "new/folder").iterdir()) == []
    solver.snapshot()
    assert len(list((tmp_path / "new/folder").iterdir())) == 3


def test_a_damaged_side_file_is_refused_with_its_name(tmp_path, monkeypatch, caffe):
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    solver = caffe.get_solver("solver.prototxt")
    solver.snapshot()
    path = tmp_path / "new/folder/run_iter_0.solverstate.resume.json"
    whole = json.loads(path.read_text())
    solver.restore("new/folder/run_iter_0.solverstate")
    rows = whole["layers"][0]["data"]
    for change in (
        {"random": []},
        {"random": {**whole["random"], "position": 0.5}},
        {"rand": {"words": ["1"] * 31}},
        {"rand": {"words": [10**400] * 31}},
        {"layers": whole["layers"][:1]},
        {"layers": [{"data": {**rows, "rows": 10**12, "row": 5}}, *whole["layers"][1:]]},
        {"layers": [{"data": {**rows, "file": True}}, *whole["layers"][1:]]},
    ):
        path.write_text(json.dumps({**whole, **change}))
        with pytest.raises(CellsegError, match="run_iter_0.solverstate.resume.json: "):
            solver.restore("new/folder/run_iter_0.solverstate")


def test_after_a_step_the_gradient_blob_holds_the_update(tmp_path, monkeypatch, caffe):
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    solver = caffe.SGDSolver("solver.prototxt")
    before = solver.net.params["score"][0].data.copy()
    solver.step(1)
    param = solver.net.params["score"][0]
    assert param.diff.any()
    np.testing.assert_allclose(before - param.diff, param.data, rtol=1e-6)
    assert solver.iter == 1


@pytest.mark.parametrize("kind", ["SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam"])
def test_a_solver_is_of_the_class_that_its_file_names(tmp_path, monkeypatch, caffe, kind):
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    momentum = "0" if kind in ("AdaGrad", "RMSProp") else "0.9"
    text = (tmp_path / "solver.prototxt").read_text().replace('"SGD"', f'"{kind}"')
    (tmp_path / "solver.prototxt").write_text(text.replace("momentum: 0.9", f"momentum: {momentum}"))
    solver = caffe.get_solver("solver.prototxt")
    assert type(solver) is getattr(caffe, f"{kind}Solver") and isinstance(solver, caffe.SGDSolver)


def test_the_log_names_layers_whose_state_a_resume_does_not_keep(tmp_path, monkeypatch, caffe, capfd):
    (tmp_path / "net.prototxt").write_text(
        'layer { name: "arrays" type: "MemoryData" top: "data" top: "label" '
        "memory_data_param { batch_size: 1 channels: 1 height: 1 width: 1 } }\n"
        'layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc" inner_product_param { num_output: 2 } }\n'
        'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }'
    )
    (tmp_path / "solver.prototxt").write_text('net: "net.prototxt" base_lr: 1 lr_policy: "fixed" snapshot_prefix: "m"')
    monkeypatch.chdir(tmp_path)
    solver = caffe.get_solver("solver.prototxt")
    solver.snapshot()
    solver.restore("m_iter_0.solverstate")
    assert "Layer arrays starts anew" in capfd.readouterr().err


def test_a_loop_of_a_script_counts_its_updates(tmp_path, monkeypatch, caffe):
    """What `step` does, by hand, under a policy that looks at the iteration: the same weights."""
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    text = (tmp_path / "solver.prototxt").read_text().replace('"SGD"', '"Adam"').replace("test_iter: 2 ", "")
    (tmp_path / "solver.prototxt").write_text(text.replace("test_interval: 5", ""))
    net = tmp_path / "net.prototxt"
    net.write_text(net.read_text().replace("shuffle: true", ""))  # its order goes on from solver to solver
    ends = []
    for by_hand in (True, False):
        caffe.set_random_seed(5)
        solver = caffe.get_solver("solver.prototxt")
        if by_hand:
            for _ in range(9):
                solver.net.clear_param_diffs()
                solver.net.forward()
                solver.net.backward()
                solver.apply_update()
        else:
            solver.step(9)
        assert solver.iter == 9
        ends.append(solver.net.params["score"][0].data.copy())
    np.testing.assert_array_equal(*ends)
