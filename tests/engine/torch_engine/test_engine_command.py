"""The engine's command: ``python -m cellseg.engine.torch``."""

import os
import re
import subprocess
import sys

import pytest
from support import ROOT, assert_refused

from cellseg.engine.torch.__main__ import parse
from cellseg.errors import CellsegError

NET = """layer { name: "data" type: "DummyData" top: "data" top: "label" dummy_data_param {
  shape { dim: 2 dim: 3 dim: 8 dim: 8 } shape { dim: 2 dim: 1 dim: 8 dim: 8 }
  data_filler { type: "uniform" } data_filler { type: "constant" value: 1 } } }
layer { name: "score" type: "Convolution" bottom: "data" top: "score" convolution_param { num_output: 2 kernel_size: 1
  weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "score" bottom: "label" top: "loss" include { phase: TRAIN } }
layer { name: "accuracy" type: "Accuracy" bottom: "score" bottom: "label" top: "accuracy" include { phase: TEST } }
"""
SOLVER = 'net: "net.prototxt" base_lr: 1 lr_policy: "fixed" max_iter: 30 snapshot_prefix: "out/net" random_seed: 0 '


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    return tmp_path


def command(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "cellseg.engine.torch", *arguments],
        cwd=str(folder),
        env={**os.environ, "PYTHONPATH": str(ROOT), "GLOG_minloglevel": "2"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_train_then_test_prints_the_mean_of_each_output(folder):
    done = command(folder, "train", "--solver", "solver.prototxt")
    assert done.returncode == 0, done.stderr
    weights = "out/net_iter_30.caffemodel"
    done = command(folder, "test", "--model", "net.prototxt", "--weights", weights, "--iterations", "3")
    assert done.stdout == "accuracy = 1\n", done.stderr


def test_weights_to_start_from(folder):
    assert command(folder, "train", "--solver", "solver.prototxt").returncode == 0
    (folder / "solver.prototxt").write_text(
        SOLVER.replace("max_iter: 30", "max_iter: 0").replace("out/net", "out/again")
    )
    done = command(folder, "train", "--solver", "solver.prototxt", "--weights", "out/net_iter_30.caffemodel")
    assert done.returncode == 0, done.stderr
    from cellseg.engine.weights import read_weights

    both = [read_weights(folder / "out" / name) for name in ("net_iter_30.caffemodel", "again_iter_0.caffemodel")]
    assert (both[0]["score"][0] == both[1]["score"][0]).all()


def test_time_prints_medians(folder):
    done = command(folder, "time", "--model", "net.prototxt", "--iterations", "3", "--precision", "bf16")
    assert re.fullmatch(r"forward: median \S+ ms of 3\nbackward: median \S+ ms of 3\n", done.stdout), done.stderr


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("train", "--solver", "none.prototxt"), ["none.prototxt", "cannot be read"]),
        (("train", "--solver", "solver.prototxt", "--weights", "none.caffemodel"), ["none.caffemodel"]),
        (("train", "--solver", "solver.prototxt", "--snapshot", "none.solverstate"), ["none.solverstate"]),
        (("train", "--solver", "solver.prototxt", "--gpu", "first"), ["--gpu first", "number"]),
        (("train", "--solver", "solver.prototxt", "--precision", "fp64"), ["--precision", "bf16"]),
        (("test", "--model", "net.prototxt", "--weights", "net.prototxt"), ["net.prototxt", ".caffemodel"]),
        (("fly",), ["fly"]),
    ],
)
def test_mistakes_are_one_line(folder, arguments, words):
    assert_refused(command(folder, *arguments), *words)


def test_without_a_gpu_it_says_so(folder, caffe):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    assert_refused(command(folder, "time", "--model", "net.prototxt", "--gpu", "0"), "no GPU")


@pytest.mark.parametrize("verb", ["test", "time"])
def test_no_iterations_are_refused(monkeypatch, verb):
    words = [verb, "--model", "net.prototxt", *(["--weights", "a.caffemodel"] if verb == "test" else [])]
    monkeypatch.setattr(sys, "argv", ["x", *words, "--iterations", "0"])
    with pytest.raises(CellsegError, match="argument --iterations: 0 is not 1 or more"):
        parse()
