"""Trainings that are killed, asked to end, or started twice: each run ends as one that was never disturbed."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import ENGINE, ROOT, assert_refused, run_verb

from cellseg.training.history import read_history, write_history

pytestmark = [pytest.mark.engine, pytest.mark.skipif(ENGINE == "caffe", reason="the order of patches starts anew")]

RUN = Path("runs/pretrain")
PLAN = ("pretrain", "--data", "runs/data/tiny", "--batch", 5, "--features", 4, "--epochs", 30)


def start(*arguments):
    """A training in a session of its own."""
    command = [sys.executable, str(ROOT / "tools/train.py"), *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, start_new_session=True, **pipes)


def wait_for(process, words):
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(process.stderr.read())


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def training(*arguments):
    return run_verb("train", *arguments, cwd=os.getcwd())


def end(process, send, number):
    """Ask a training to end; gives the state from which it says to go on."""
    send(process.pid, number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2 and len(errors.strip().splitlines()) == 1, errors
    assert json.loads((RUN / "run.json").read_text())["status"] == "interrupted"
    return re.search(r"cellseg train resume (\S+)", errors)[1]


def rows(folder):
    return [{**row, "seconds": 0} for row in read_history(folder / "history.csv")]


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_training_that_is_killed_and_asked_to_end_again_and_again(tiny_data):
    assert training(*PLAN, "--out", "runs/whole").returncode == 0

    process = start(*PLAN)
    wait_for(process, "epoch 2 ")
    orphans = children_of(process.pid)  # the training, and the reader of its data
    assert orphans
    process.kill()
    second = start(*PLAN)  # at once: it waits for the orphan
    wait_for(second, "kept as runs/pretrain.1")
    left = files_of(Path("runs/pretrain.1"))
    assert ".lock" not in left
    wait_for(second, "epoch 2 ")
    assert not [orphan for orphan in orphans if Path(f"/proc/{orphan}").exists()]
    assert_refused(training(*PLAN), "runs/pretrain: process", second.pid, "writes into it")
    state = end(second, os.kill, signal.SIGHUP)  # the parent alone

    assert files_of(Path("runs/pretrain.1")) == left
    third = start("resume", state)
    wait_for(third, "(epoch ")
    state = end(third, os.killpg, signal.SIGTERM)
    assert len(read_history(RUN / "history.csv")) < 30
    assert training("resume", state).returncode == 0
    assert rows(RUN) == rows(Path("runs/whole"))
    whole = Path("runs/whole/pretrain.caffemodel").read_bytes()
    assert (RUN / "pretrain.caffemodel").read_bytes() == whole
    assert not [name for name in files_of(RUN) if name.startswith(".")]


def test_a_run_that_was_killed_behind_its_last_snapshot_is_ended(tiny_data):
    assert training(*PLAN, "--epochs", 2).returncode == 0
    model, record, before = (RUN / "pretrain.caffemodel").read_bytes(), RUN / "run.json", rows(RUN)
    (RUN / "pretrain.caffemodel").unlink()
    record.write_text(json.dumps({**json.loads(record.read_text()), "status": "running"}))
    write_history(RUN / "history.csv", read_history(RUN / "history.csv")[:-1])
    done = training("resume", RUN / "pretrain_iter_8.solverstate")
    assert done.returncode == 0, done.stderr
    assert (RUN / "pretrain.caffemodel").read_bytes() == model and rows(RUN) == before
    ended = json.loads(record.read_text())
    assert ended["status"] == "finished" and ended["last_epoch"]["iteration"] == 8
    assert_refused(training("resume", RUN / "pretrain_iter_8.solverstate"), "this run is finished")
