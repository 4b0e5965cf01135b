"""The benchmark: its arithmetic, its ONNX graph, and a short run as a process."""

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from support import ROOT, assert_refused, evaluation_record

from benchmarks import result, rounds, tasks, worker
from benchmarks.contenders import ENTRIES, NAMES, Entry
from benchmarks.material import discs, random_weights
from cellseg.errors import CellsegError

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs PyTorch: make venv")
RATIOS = {
    "training_torch_over_caffe",
    "training_torch_over_plain",
    "inference_torch_over_best",
    "training_bf16_over_caffe",
    "training_bf16_over_torch",
}
# All kinds of layers that are converted; one blob is read twice, one layer is in place.
MIXED = """
name: "mixed"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 4 dim: 11 dim: 14 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 6 kernel_h: 3 kernel_w: 5 pad_h: 1 pad_w: 2 group: 2 weight_filler { type: "xavier" }
    bias_filler { value: 0.1 } } }
layer { name: "leak" type: "ReLU" bottom: "conv" top: "conv" relu_param { negative_slope: 0.2 } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "wide" type: "Convolution" bottom: "pool" top: "wide"
  convolution_param { num_output: 4 kernel_size: 3 pad: 2 dilation: 2 bias_term: false
    weight_filler { type: "xavier" } } }
layer { name: "up" type: "Deconvolution" bottom: "wide" top: "up"
  convolution_param { num_output: 6 kernel_size: 4 stride: 2 pad: 1 group: 2 weight_filler { type: "xavier" }
    bias_filler { value: -0.1 } } }
layer { name: "cut" type: "ReLU" bottom: "up" top: "up" }
layer { name: "prob" type: "Softmax" bottom: "up" top: "prob" }
layer { name: "mean" type: "Pooling" bottom: "up" top: "mean" pooling_param { pool: AVE global_pooling: true } }
"""


def benchmark(*arguments, cwd):
    """``python -m benchmarks`` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


def record(**rates):
    """Tasks of a record with these rates."""
    return {
        task: {"results": {name.replace("_", "-"): {"rate": rate} for name, rate in found.items()}}
        for task, found in rates.items()
    }


def test_a_round_is_divided_among_its_repetitions():
    task = tasks.Task("inference", 10, 128)
    found = result.summarise(task, {"seconds": [4.0, 1.0, 2.0], "repetitions": 4, "peak_memory_mib": 1.0})
    assert (found["median_seconds"], found["min_seconds"]) == (0.5, 0.25)
    assert found["rate"] == pytest.approx(10 * 128 * 128 / 1e6 / 0.5)
    found = result.summarise(tasks.Task("training", 10, 128), {"seconds": [4.0, 1.0, 2.0], "repetitions": 4})
    assert found["rate"] == 2


def test_ratios_compare_with_the_best_other_of_the_same_precision():
    found = result.ratios(
        record(
            training_a={"caffe": 2.0, "torch": 8.0, "plain": 10.0, "torch_bf16": 16.0},
            inference_a={"caffe": 1.0, "torch": 6.0, "opencv": 4.0, "torch_bf16": 20.0, "plain_bf16": 10.0},
            inference_b={"caffe": 1.0, "torch": 3.0, "opencv": 4.0},
        )
    )
    assert found["training_torch_over_caffe"] == 4
    assert found["training_torch_over_plain"] == 0.8
    assert found["training_bf16_over_caffe"] == 8
    assert found["training_bf16_over_torch"] == 2
    assert found["inference_torch_over_best"] == found["inference_torch_over_best_b"] == 0.75
    assert found["inference_torch_over_best_a"] == 1.5
    assert found["inference_bf16_over_torch"] is None


def test_ratios_of_the_unet_are_by_themselves():
    report = record(training_a={"torch": 8.0, "plain": 10.0}, inference_a={"torch": 1.0, "opencv": 4.0})
    unet = record(
        unet_training_a={"torch": 3.0, "plain": 2.0},
        unet_inference_a={"torch": 6.0, "opencv": 4.0, "torch_bf16": 9.0},
    )
    found = result.ratios(report | unet)
    assert (found["training_torch_over_plain"], found["inference_torch_over_best"]) == (0.8, 0.25)
    assert found["unet_training_torch_over_plain"] == found["unet_inference_torch_over_best"] == 1.5
    assert found["unet_inference_bf16_over_torch"] == 1.5


def test_ratios_of_those_that_did_not_run_are_empty():
    found = result.ratios(record(training_a={"plain": 1.0}, inference_a={"torch": 1.0}))
    assert set(found) >= RATIOS and not any(found.values())


def test_images_smaller_than_the_network_halves_them():
    with pytest.raises(CellsegError, match="side 12"):
        tasks.tasks(12)


def test_results_that_differ_are_found_only_inside_the_ring():
    task = tasks.Task("inference", 1, 64)
    first = np.zeros((1, 2, 64, 64))
    other = first.copy()
    other[0, 0, 15, 30] = 1
    assert rounds.difference(task, 0, first, other) == 1
    assert rounds.difference(task, 16, first, other) == 0
    assert rounds.difference(task, 0, first, other[:, :, :32]) == float("inf")
    assert rounds.difference(tasks.Task("training", 1, 64), 0, np.array([2.0]), np.array([3.0])) == 0.5


@needs_torch
def test_a_contender_that_is_not_installed_is_named_with_the_reason():
    nobody = Entry("nobody", "Nobody", "nothing_like_it")
    about, results = rounds.measure(tasks.Task("inference", 1, 16), [nobody], tasks.Effort(1, 0, 1), lambda what: None)
    assert "nothing_like_it" in about["nobody"]["missing"] and results == {}


@needs_torch
def test_a_contender_that_stops_is_one_line(tmp_path):
    plain = next(entry for entry in ENTRIES if entry.name == "plain")
    with rounds.start(plain, tmp_path, tasks.Effort(1, 0, 1)) as child:
        assert "about" in rounds.ask(plain, child, worker.load, plain.module, plain.option)
        with pytest.raises(CellsegError, match=r"plain PyTorch stopped \(.*caffemodel.*\); --skip plain"):
            rounds.ask(plain, child, worker.prepare, "inference", 1, 0)


@needs_torch
@pytest.mark.parametrize("network", [tasks.REPORT, tasks.UNET], ids=["report", "U-Net"])
def test_the_onnx_graph_is_the_network_in_plain_pytorch(tmp_path, network):
    onnxruntime = pytest.importorskip("onnxruntime")
    torch = pytest.importorskip("torch")
    from benchmarks.contenders.plain import load_net
    from cellseg.export.onnx_graph import onnx_graph

    rng = np.random.RandomState(1)
    (tmp_path / "net.caffemodel").write_bytes(random_weights(rng, 2, network.layers).SerializeToString())
    images = discs(rng, 2, 64)[0][:, None]
    model = onnx_graph(ROOT / network.deploy, tmp_path / "net.caffemodel").SerializeToString()
    (theirs,) = onnxruntime.InferenceSession(model).run(["prob"], {"data": images})
    with torch.no_grad():
        net = load_net(tmp_path / "net.caffemodel").folded()
        ours = torch.softmax(net(torch.from_numpy(images)), 1).numpy()
    inside = (..., slice(24, -24), slice(24, -24))
    assert ours.shape == theirs.shape == (2, 2, 64, 64)
    assert np.ptp(ours[inside]) > 0.2
    np.testing.assert_allclose(theirs[inside], ours[inside], atol=1e-5)


@needs_torch
def test_the_onnx_graph_has_all_kinds_of_layers(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    from cellseg import engine
    from cellseg.export.onnx_graph import onnx_graph

    caffe = engine.load("torch")
    caffe.set_mode_cpu()
    (tmp_path / "mixed.prototxt").write_text(MIXED)
    net = caffe.Net(str(tmp_path / "mixed.prototxt"), caffe.TEST)
    net.save(str(tmp_path / "mixed.caffemodel"))
    images = np.random.RandomState(0).normal(size=net.blobs["data"].data.shape).astype(np.float32)
    net.blobs["data"].data[...] = images
    ours = net.forward()
    session = onnxruntime.InferenceSession(
        onnx_graph(tmp_path / "mixed.prototxt", tmp_path / "mixed.caffemodel").SerializeToString()
    )
    assert {value.name for value in session.get_outputs()} == {"prob", "mean"}
    for name, theirs in zip(("prob", "mean"), session.run(["prob", "mean"], {"data": images})):
        np.testing.assert_allclose(theirs, ours[name], atol=1e-6)


@needs_torch
def test_a_quick_run_writes_the_record_and_the_table(tmp_path):
    scores = []
    for name, mcc in (("fp32", 0.9), ("bf16", 0.898)):
        scores.append(tmp_path / f"{name}.json")
        scores[-1].write_text(json.dumps(evaluation_record(mcc=mcc)))
    left_out = ("caffe", "opencv", "torch-bf16", "plain-bf16")
    options = ("--quick", "--threads", 1, "--device", "cpu", "--mcc", *scores, "--skip", *left_out)
    done = benchmark("--out", tmp_path / "bench", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "bench" / "bench.json").read_text())
    assert (tmp_path / "bench" / "bench.md").read_text() in done.stdout
    assert {"command", "date", "machine", "threads", "rounds", "contenders", "tasks", "ratios", "mcc"} <= set(found)
    assert tuple(found["contenders"]) == NAMES
    assert all(found["contenders"][name] == {"missing": "skipped"} for name in left_out)
    assert set(found["ratios"]) >= RATIOS
    assert found["ratios"]["training_torch_over_plain"] > 0 and found["ratios"]["training_torch_over_caffe"] is None
    assert found["mcc"] == {"fp32": 0.9, "bf16": 0.898, "difference": pytest.approx(-0.002)}
    assert "MCC 0.9000, in bfloat16 0.8980: -0.0020" in done.stdout
    names = ["training_2x64x64", "inference_1x128x128"]
    assert list(found["tasks"]) == [*names, "unet_training_2x64x64", "unet_inference_1x128x128"]
    assert found["ratios"]["unet_training_torch_over_plain"] > 0
    assert found["ratios"]["unet_inference_torch_over_best"] > 0
    for task in found["tasks"].values():
        assert {"torch", "plain"} <= set(task["results"])
        for one in task["results"].values():
            assert len(one["seconds"]) == found["rounds"] and one["peak_memory_mib"] > 10
            assert one["rate"] > 0 and one["min_seconds"] <= one["median_seconds"]


@needs_torch
@pytest.mark.parametrize(
    "options, words",
    [
        (("--rounds", 0), ("--rounds", "1 or more")),
        (("--skip", "tensorflow"), ("--skip", "tensorflow")),
        (("--large", 100), ("side 100", "multiple of 8")),
        (("--mcc", "none.json", "none.json"), ("none.json",)),
    ],
)
def test_bad_options_are_one_line(tmp_path, options, words):
    assert_refused(benchmark(*options, cwd=tmp_path), *words)
    assert not list(tmp_path.iterdir())
