"""Layers of forks whose arithmetic is that of stock Caffe's layers put together: real Caffe runs those."""

import numpy as np
import pytest
from caffe_server import CaffeServer, everything

from cellseg.engine.torch import Net

C = 4
X = f'layer {{ name: "in x" type: "Input" top: "x" input_param {{ shape {{ dim: [2, {C}, 9, 11] }} }} }}\n'
SMALL = f'layer {{ name: "in s" type: "Input" top: "s" input_param {{ shape {{ dim: [2, {C}, 6, 7] }} }} }}\n'
FACTORS = f'layer {{ name: "in f" type: "Input" top: "f" input_param {{ shape {{ dim: [2, {C}] }} }} }}\n'
RNG = np.random.default_rng(5)
A, B, MEAN = (RNG.normal(0.5, 1, C) for _ in range(3))
VARIANCE, WEIGHTS = RNG.uniform(0.3, 3, C), RNG.normal(size=(C, 1, 3, 3))
WINDOW = "kernel_size: 3 pad: 1 stride: 2"
TRIANGLE = np.broadcast_to(np.outer([0.5, 1, 0.5], [0.5, 1, 0.5]), (C, 1, 3, 3))
NORMAL = """
layer { name: "n" type: "BatchNorm" bottom: "x" top: "n" batch_norm_param { use_global_stats: true } }
layer { name: "y" type: "Scale" bottom: "n" top: "y" scale_param { bias_term: true } }
"""
STATISTICS = {"n": [MEAN, VARIANCE, [1]], "y": [A, B]}


def one(kind, fork, fields="", bottoms="x"):
    """A fork's layer."""
    names = " ".join(f'bottom: "{name}"' for name in bottoms)
    return f'layer {{ name: "y" type: "{kind}" {names} top: "y" {fields} fork: "{fork}" }}'


#: The fork's layer and its parameters; stock Caffe's and theirs; and inputs beside x.
CASES = {
    "pspnet BN": (one("BN", "pspnet"), [A, B, MEAN, VARIANCE], NORMAL, STATISTICS, ""),
    "nvidia BatchNorm": (one("BatchNorm", "nvidia"), [MEAN, VARIANCE, [7], A, B], NORMAL, STATISTICS, ""),
    "segnet BN": (
        one("BN", "segnet", "bn_param { bn_mode: INFERENCE }"),
        [A, B],
        'layer { name: "y" type: "Scale" bottom: "x" top: "y" scale_param { bias_term: true } }',
        {"y": [A, B]},
        "",
    ),
    "mobilenet DepthwiseConvolution": (
        one("DepthwiseConvolution", "mobilenet", f"convolution_param {{ num_output: {C} {WINDOW} }}"),
        [WEIGHTS, B],
        f'layer {{ name: "y" type: "Convolution" bottom: "x" top: "y" '
        f"convolution_param {{ num_output: {C} group: {C} {WINDOW} }} }}",
        {"y": [WEIGHTS, B]},
        "",
    ),
    "mobilenet Pooling": (
        one("Pooling", "mobilenet", f"pooling_param {{ {WINDOW} ceil_mode: false }}"),
        [],
        f'layer {{ name: "y" type: "Pooling" bottom: "x" top: "y" pooling_param {{ {WINDOW} round_mode: FLOOR }} }}',
        {},
        "",
    ),
    "pspnet Interp": (
        one("Interp", "pspnet", "interp_param { zoom_factor: 2 }"),
        [],
        f'layer {{ name: "y" type: "Deconvolution" bottom: "x" top: "y" '
        f"convolution_param {{ num_output: {C} group: {C} {WINDOW} bias_term: false }} }}",
        {"y": [TRIANGLE]},
        "",
    ),
    "senet Axpy": (
        one("Axpy", "senet", bottoms="fxx"),
        [],
        'layer { name: "p" type: "Scale" bottom: "x" bottom: "f" top: "p" scale_param { axis: 0 } }\n'
        'layer { name: "y" type: "Eltwise" bottom: "p" bottom: "x" top: "y" }',
        {},
        FACTORS,
    ),
    "greentea MergeCrop": (
        one("MergeCrop", "greentea", "mergecrop_param { backward: [1, 1] }", bottoms="sx"),
        [],
        'layer { name: "c" type: "Crop" bottom: "x" bottom: "s" top: "c" crop_param { offset: [1, 2] } }\n'
        'layer { name: "y" type: "Concat" bottom: "s" bottom: "c" top: "y" }',
        {},
        SMALL,
    ),
}


@pytest.fixture(scope="module")
def caffe():
    with CaffeServer() as server:
        yield server


@pytest.mark.parametrize("name", CASES)
def test_a_layer_is_what_it_is_put_together_of(name, caffe, tmp_path):
    text, mine, stock, theirs, inputs = CASES[name]
    (tmp_path / "net.prototxt").write_text("force_backward: true\n" + X + inputs + text)
    net = Net(tmp_path / "net.prototxt", 1)
    feeds = {blob: RNG.normal(size=net.blobs[blob].shape).astype(np.float32) for blob in net.inputs}
    for blob, values in feeds.items():
        net.blobs[blob].data[...] = values
    for blob, values in zip(net.params.get("y", ()), mine):
        blob.data[...] = np.reshape(values, blob.data.shape)
    net.forward()
    diff = RNG.normal(size=net.blobs["y"].shape)
    net.blobs["y"].diff[...] = diff
    net.backward()
    found = everything(net)
    whole = "force_backward: true\n" + X + inputs + stock
    wanted = caffe.run(whole, feeds=feeds, params=theirs, diffs={"y": diff}, phase=1)
    for blob in ("data y", *(f"diff {name}" for name in feeds if name != "s")):
        scale = np.abs(wanted[blob]).max()
        assert found[blob].shape == wanted[blob].shape
        assert np.abs(found[blob] - wanted[blob]).max() <= 3e-6 * scale, blob
