"""The same script run by real Caffe's Python and by `cellseg run-script`: texts, nets and arrays are the same."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from engines import assert_close
from support import ROOT, caffe_program

from cellseg.engine.caffe_schema import NetParameter
from cellseg.engine.prototxt import parse

SCRIPT = Path(__file__).parent / "scripts" / "main.py"


def script(start, folder):
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GLOG_minloglevel": "2", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*start, str(SCRIPT), str(folder), "7"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder.parent)
    assert done.returncode == 7, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """What each engine printed, and the folder with what it wrote."""
    folder = tmp_path_factory.mktemp("scripts")
    starts = {"caffe": [caffe_program("python")], "torch": [sys.executable, "-m", "cellseg", "run-script"]}
    return {name: (script(start, folder / name), folder / name) for name, start in starts.items()}


def test_scripts_print_the_same(runs):
    assert runs["torch"][0] == runs["caffe"][0]
    assert len(runs["caffe"][0].splitlines()) > 30


def test_nets_are_the_same(runs):
    nets = {name: [parse(path.read_text(), NetParameter, path) for path in sorted(folder.glob("net*.prototxt"))]
            for name, (_, folder) in runs.items()}  # fmt: skip
    assert len(nets["caffe"]) == 5
    assert nets["torch"] == nets["caffe"]


def test_arrays_are_the_same(runs):
    found = {name: dict(np.load(folder / "found.npz")) for name, (_, folder) in runs.items()}
    assert_close(found["torch"], found["caffe"], 1e-5, "scripts")
    assert len(found["caffe"]) > 60
