"""Nets in the manner of SegNet, PSPNet, SSD and so on: they run, take a step of training, and export."""

import re

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("torch")

from fork_nets import NETS

from cellseg import engine
from cellseg.engine.forks import used
from cellseg.engine.prototxt import read_net
from cellseg.export import onnx_check
from cellseg.export.onnx_graph import onnx_graph

SOLVER = 'net: "train.prototxt" base_lr: 0.01 lr_policy: "fixed" snapshot_after_train: false random_seed: 1'


def train_net(text, axis, shape):
    """The deploy net with labels, a loss, and normalisations by the batch."""
    last = re.findall(r'top: "(\w+)"', text)[-1]
    dims = ", ".join(map(str, (*shape[:axis], *shape[axis + 1 :])))
    return (
        text.replace("bn_mode: INFERENCE", "bn_mode: LEARN")
        + f'\nlayer {{ name: "label" type: "Input" top: "label" input_param {{ shape {{ dim: [{dims}] }} }} }}\n'
        + f'layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "{last}" bottom: "label" top: "loss" '
        + f"softmax_param {{ axis: {axis} }} }}"
    )


@pytest.mark.parametrize("name", NETS)
def test_it_runs_trains_and_exports(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, axis, forks = NETS[name]
    (tmp_path / "deploy.prototxt").write_text(text)
    assert set(used(read_net("deploy.prototxt"))) == forks
    caffe, rng = engine.load("torch"), np.random.default_rng(3)
    caffe.set_random_seed(2)
    net = caffe.Net("deploy.prototxt", caffe.TEST)
    (shape,) = (blob.shape for blob in net.forward().values())
    (tmp_path / "train.prototxt").write_text(train_net(text, axis, shape))
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    solver = caffe.get_solver("solver.prototxt")
    solver.net.share_with(net)
    solver.net.blobs["data"].data[...] = rng.normal(size=solver.net.blobs["data"].shape)
    solver.net.blobs["label"].data[...] = rng.integers(0, 3, solver.net.blobs["label"].shape)
    before = {layer: [blob.data.copy() for blob in blobs] for layer, blobs in solver.net.params.items()}
    losses = []
    for _ in range(3):
        solver.step(1)
        losses.append(float(solver.net.blobs["loss"].data))
    assert losses[2] < losses[0]
    assert all((blob.data != old[0]).any() for layer, old in before.items() for blob in solver.net.params[layer][:1])
    solver.net.save("net.caffemodel")
    graph = onnx_graph("deploy.prototxt", "net.caffemodel")
    images = onnx_check.random_images("deploy.prototxt")
    print(name, [image.shape for image in images])
    difference, _ = onnx_check.largest_difference(graph, "torch", "deploy.prototxt", "net.caffemodel")
    assert difference <= 1e-5
    assert len(images) == (1 if name == "pspnet" else 3) or name in ("segnet", "enet")
