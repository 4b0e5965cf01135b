"""Nets in the manner of SegNet, PSPNet, SSD and so on: they run, take a step of training, and export."""

import re

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("torch")

from fork_nets import DETECTORS, NETS

from cellseg import engine
from cellseg.engine.forks import used
from cellseg.engine.layers.forks.ssd import DetectionOutput
from cellseg.engine.prototxt import read_net
from cellseg.errors import CellsegError
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
    images = onnx_check.random_inputs("deploy.prototxt")
    print(name, [one["data"].shape for one in images])
    difference, _ = onnx_check.largest_difference(graph, "torch", "deploy.prototxt", "net.caffemodel")
    assert difference <= 1e-5
    assert len(images) == (1 if name == "pspnet" else 3) or name in ("segnet", "enet")


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A function that writes a net of `DETECTORS` with random weights, and gives its graph."""
    monkeypatch.chdir(tmp_path)

    def make(name):
        (tmp_path / "deploy.prototxt").write_text(DETECTORS[name])
        net, rng = engine.load("torch").Net("deploy.prototxt", 1), np.random.default_rng(4)
        for blobs in net.params.values():
            blobs[0].data[...] = rng.normal(0, 1.5 / np.sqrt(blobs[0].data[0].size), blobs[0].data.shape)
        net.save("net.caffemodel")
        return onnx_graph("deploy.prototxt", "net.caffemodel")

    return make


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_exports(name, made):
    """What it picks depends on rounding: so the layer that picks is compared on equal scores."""
    graph, inputs = made(name), onnx_check.random_inputs("deploy.prototxt")
    assert [len(one["rois"]) for one in inputs if "rois" in one] in ([], [7, 8, 9])
    assert len(inputs) == 3 and {value.name for value in graph.graph.input} == set(inputs[0])
    difference, _ = onnx_check.largest_difference(graph, "torch", "deploy.prototxt", "net.caffemodel")
    assert difference <= 1e-5
    found = onnx_check.run(graph, inputs[1])
    if "found" in found:
        rows = found["found"]
        assert rows.shape[:2] == (1, 1) and rows.shape[3] == 7
        assert (rows[0, 0, :, 1] == -1).all() == (name == "nothing found")


def test_a_wrong_choice_among_boxes_is_seen(made, monkeypatch):
    graph, right = made("ssd"), DetectionOutput.onnx

    def wrong(layer, *arguments):
        layer.parameter.detection_output_param.nms_param.nms_threshold = 0.9
        right(layer, *arguments)

    monkeypatch.setattr(DetectionOutput, "onnx", wrong)
    with pytest.raises(CellsegError, match="differs from the engine by"):
        onnx_check.largest_difference(graph, "torch", "deploy.prototxt", "net.caffemodel")
