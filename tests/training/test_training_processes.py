"""One training in two processes that torchrun starts: it ends as that of one process, interrupted or not."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import ENGINE, ROOT, assert_refused, run_verb

from cellseg.engine.weights import read_weights
from cellseg.training.history import read_history

pytestmark = [pytest.mark.engine, pytest.mark.skipif(ENGINE == "caffe", reason="torchrun is PyTorch's")]

PLAN = ("--data", "runs/data/tiny", "--batch", 4, "--features", 4, "--epochs", 8)
ALONE, TWO = Path("runs/alone"), Path("runs/two")


def torchrun(*arguments):
    launch = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2, "-m", "cellseg")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*map(str, launch), "train", *map(str, arguments)], env=environment, **pipes)


def training(*arguments):
    return run_verb("train", *arguments, cwd=os.getcwd())


def assert_as_alone():
    """Both processes' training has ended, and learnt what one process with the same batch learns."""
    record = json.loads((TWO / "run.json").read_text())
    assert record["status"] == "finished" and record["engine"]["processes"] == 2
    assert record["schedule"]["batch"] == 4 and record["schedule"]["iterations"] == 40
    both = [read_weights(folder / "pretrain.caffemodel") for folder in (TWO, ALONE)]
    for layer, arrays in both[1].items():
        for ours, alone in zip(both[0][layer], arrays, strict=True):
            assert np.abs(ours - alone).max() < 1e-4 * np.abs(alone).max(), layer
    losses = [[row["test_loss"] for row in read_history(folder / "history.csv")] for folder in (TWO, ALONE)]
    np.testing.assert_allclose(*losses, atol=1e-4)


def test_two_processes_train_as_one_with_the_same_batch(tiny_data):
    assert training("pretrain", *PLAN, "--out", ALONE).returncode == 0
    printed, errors = torchrun("pretrain", *PLAN, "--out", TWO).communicate(timeout=300)
    assert printed.count("engine: torch") == printed.count(f"trained: {TWO}") == 1, errors
    assert_as_alone()
    state = TWO / "pretrain_iter_40.solverstate"
    assert_refused(training("resume", state), "begun with 2 patches of 4 a process", "torchrun --nproc-per-node 2")


@pytest.mark.skipif(not os.environ.get("CELLSEG_FUZZ"), reason="starts six processes that load PyTorch: make kills")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_two_processes_end_together_and_go_on_together(tiny_data, number):
    assert training("pretrain", *PLAN, "--out", ALONE).returncode == 0
    process = torchrun("pretrain", *PLAN, "--out", TWO)
    while "(epoch 2 " not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(number)
    errors = process.communicate(timeout=300)[1]
    (state,) = TWO.glob("*.solverstate")
    assert process.returncode and errors.count(f"train resume {state}") == 1
    assert state.with_name(f"{state.name}.resume1.json").exists()
    assert 2 <= len(read_history(TWO / "history.csv")) < 8
    printed, errors = torchrun("resume", state).communicate(timeout=300)
    assert printed.count("going on at") == printed.count("trained: ") == 1, errors
    assert_as_alone()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("train", "pretrain", *PLAN, "--batch", 5), "a batch of 5 cannot be shared by 2 processes"),
        (("train", "pretrain", *PLAN, "--engine", "caffe"), "the embedded engine alone"),
        (("segment", "images", "--out", "out"), "and run-script alone"),
    ],
)
def test_what_two_processes_cannot_do_is_refused(tiny_data, monkeypatch, words, says):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert_refused(run_verb(*words, cwd=os.getcwd()), says)
    assert not Path("runs/pretrain").exists()
