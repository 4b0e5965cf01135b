"""Nets that do not fit in the memory are refused in one line before they take any."""

import resource
import time

import pytest
import torch

from cellseg.engine.torch import memory
from cellseg.engine.torch.net import TEST, TRAIN, Net
from cellseg.engine.torch.solver import Solver
from cellseg.errors import CellsegError

NET = """name: "wide"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 1 dim: 64 dim: 64 } } }
layer { name: "wide" type: "InnerProduct" bottom: "data" top: "wide" inner_product_param { num_output: OUT
  weight_filler { type: "constant" } } }
layer { name: "loss" type: "Reduction" bottom: "wide" top: "loss" loss_weight: 1 }
"""


def write(folder, outputs):
    (folder / "net.prototxt").write_text(NET.replace("OUT", str(outputs)))
    return folder / "net.prototxt"


def test_a_net_is_refused_before_it_takes_memory(tmp_path, monkeypatch):
    path = write(tmp_path, 65536)  # 4096 * 65536 numbers: 1 GB
    monkeypatch.setenv("CELLSEG_MEMORY", "900M")
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(CellsegError, match="at least 1 GB of memory.*layer 'wide' .InnerProduct.*900 MB may be used"):
        Net(path, TEST)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # kilobytes
    assert time.process_time() - started < 1


def test_training_takes_more_than_testing_and_a_solver_that_remembers_most(tmp_path, monkeypatch):
    path = write(tmp_path, 64)  # 1 MB of weights
    monkeypatch.setenv("CELLSEG_MEMORY", "1.5M")
    Net(path, TEST)
    with pytest.raises(CellsegError, match="at least 2 MB"):
        Net(path, TRAIN)
    monkeypatch.setenv("CELLSEG_MEMORY", "3.5M")
    (tmp_path / "solver.prototxt").write_text(f'net: "{path}" base_lr: 1 lr_policy: "fixed" type: "Adam" momentum: 0.9')
    with pytest.raises(CellsegError, match="at least 4 MB"):
        Solver(tmp_path / "solver.prototxt")


def test_an_image_that_is_too_large_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "net.prototxt"
    path.write_text(NET.split("layer")[0] + "".join(f"layer{part}" for part in NET.split("layer")[1:2]))
    net = Net(path, TEST)
    monkeypatch.setenv("CELLSEG_MEMORY", "1M")
    net.blobs["data"].reshape(1, 1, 1024, 1024)
    with pytest.raises(CellsegError, match="at least 4 MB"):
        net.forward()


def test_what_the_allocator_refuses_is_one_line():
    with pytest.raises(CellsegError, match="^the net needs more memory than there is; .*--memory$"), memory.enough():
        torch.empty(2**55, dtype=torch.uint8)
    with pytest.raises(RuntimeError, match="shape"), memory.enough():
        torch.ones(2) @ torch.ones(3, 4)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("average_loss: 0", "average_loss is 0"),
        ('type: "Adam" momentum: 1', "momentum is 1; Adam takes"),
        ('type: "Adam" momentum2: -1e38', "momentum2 is -1e.38; Adam takes"),
        ('type: "AdaDelta" momentum: 2', "momentum is 2; AdaDelta takes"),
        ("iter_size: 0", "iter_size is 0"),
        ("base_lr: inf", "base_lr is inf"),
        ("weight_decay: nan", "weight_decay is nan"),
        ("test_iter: 0 test_interval: 1", "test_iter is 0"),
        ("max_iter: -1", "max_iter is -1"),
    ],
)
def test_fields_that_are_no_such_quantity_are_refused(tmp_path, fields, words):
    net = write(tmp_path, 2)
    path = tmp_path / "solver.prototxt"
    path.write_text(f'net: "{net}" lr_policy: "fixed" {fields}\n' + ("" if "base_lr" in fields else "base_lr: 0.1"))
    with pytest.raises(CellsegError, match=words):
        Solver(path)


def test_a_reduction_of_nothing_is_refused(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(
        'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 3 dim: 0 } } }'
        'layer { name: "mean" type: "Reduction" bottom: "data" top: "mean" reduction_param { axis: 1 } }'
    )
    with pytest.raises(CellsegError, match="layer 'mean' .Reduction.: there is nothing to reduce in the shape 3x0"):
        Net(path, TEST)
