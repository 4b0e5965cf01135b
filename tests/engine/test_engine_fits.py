"""Nets too large for the memory are refused before real Caffe gets them; it would take what it can."""

import contextlib

import numpy as np
import pytest

from cellseg.engine.fits import check_net, check_solver
from cellseg.errors import CellsegError
from cellseg.inference.network import open_network
from cellseg.network import Fcn, Schedule, deploy_net, solver, training_net

WIDE = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 1 dim: 64 dim: 64 } } }
layer { name: "flat" type: "Flatten" bottom: "data" top: "flat" }
layer { name: "wide" type: "InnerProduct" bottom: "flat" top: "wide" inner_product_param { num_output: 65536 } }
layer { name: "relu" type: "ReLU" bottom: "wide" top: "wide" }
"""


def test_a_net_too_large_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "net.prototxt"
    path.write_text(WIDE)
    least = 4 * (65536 * 4096 + 65536 + 4096 + 65536)  # weights, offsets, image, top
    monkeypatch.setenv("CELLSEG_MEMORY", f"{(least + 1) / 2**20:.6f}M")
    check_net(path)
    with pytest.raises(
        CellsegError, match="net.prototxt: the net takes at least 1 GB.*'wide' .InnerProduct.*--memory$"
    ):
        check_net(path, (2, 1, 64, 64))


def test_a_training_takes_gradients_and_what_the_solver_keeps(tmp_path, monkeypatch):
    (tmp_path / "train.prototxt").write_text(training_net(Fcn(features=4), "net", "a.txt", "b.txt", 5, 5))
    (tmp_path / "solver.prototxt").write_text(solver(Schedule(10, 10, 5, 1), str(tmp_path / "train.prototxt"), "x"))
    monkeypatch.setenv("CELLSEG_MEMORY", "4M")
    check_solver(tmp_path / "solver.prototxt", (5, 1, 32, 32))
    with pytest.raises(CellsegError, match="train.prototxt: the net takes at least"):
        check_solver(tmp_path / "solver.prototxt", (500, 1, 32, 32))


@pytest.mark.caffe
def test_a_network_is_not_opened_and_not_given_an_image_too_large(tmp_path, monkeypatch):
    torch = pytest.importorskip("cellseg.engine.torch")
    deploy, weights = tmp_path / "deploy.prototxt", tmp_path / "net.caffemodel"
    deploy.write_text(deploy_net(Fcn(features=4), "net", 32, 32))
    torch.Net(str(deploy), torch.TEST).save(str(weights))
    monkeypatch.setenv("CELLSEG_MEMORY", "0.1M")
    with pytest.raises(CellsegError, match="deploy.prototxt: the net takes at least 1 MB"):
        open_network("caffe", deploy, weights)
    monkeypatch.setenv("CELLSEG_MEMORY", "1M")
    network = open_network("caffe", deploy, weights)
    with contextlib.closing(network):
        assert network(np.zeros((1, 30, 32), np.float32)).shape == (1, 1, 30, 32)
        with pytest.raises(CellsegError, match="deploy.prototxt: the net takes at least .* MB"):
            network(np.zeros((1, 300, 320), np.float32))
