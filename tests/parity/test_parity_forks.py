"""Layers of forks whose arithmetic is that of stock Caffe's layers put together: real Caffe runs those."""

import json

import numpy as np
import pytest
from caffe_server import CaffeServer, everything
from PIL import Image

from cellseg.engine.torch import Net, set_random_seed

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


def test_images_come_in_the_order_and_form_of_an_image_data_layer(caffe, tmp_path):
    """DenseImageData reads them as Caffe's ImageData does, beside labels of their own; the list is passed twice."""
    if "ImageData" not in caffe.script('found["types"] = list(caffe.layer_type_list())')["types"]:
        pytest.skip("this Caffe reads no pictures: it was built without OpenCV")
    transform = "transform_param { scale: 0.5 mean_value: [10, 20, 30] }"
    images = RNG.integers(0, 256, (9, 5, 7, 3), dtype=np.uint8)
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
        Image.fromarray(image[..., 0] // 64).save(tmp_path / f"{number}_labels.png")
    source = f'source: "{tmp_path}/%s" root_folder: "{tmp_path}/" batch_size: 20 shuffle: true'
    (tmp_path / "stock").write_text("".join(f"{number}.png {number}\n" for number in range(9)))
    (tmp_path / "dense").write_text("".join(f"{number}.png {number}_labels.png\n" for number in range(9)))
    layer = f'layer {{ name: "d" type: "%s" top: "a" top: "b" %s {{ {source} }} {transform} }}'
    # Caffe frees what a data layer gives with the net; what the next layers give stays.
    layer += "".join(
        f' layer {{ name: "{top}" type: "Power" bottom: "{of}" top: "{top}" }}' for of, top in ("ax", "by")
    )
    wanted = caffe.run(layer % ("ImageData", "image_data_param", "stock"), backward=False, seed=5)
    (tmp_path / "net.prototxt").write_text(layer % ("DenseImageData", "dense_image_data_param", "dense"))
    set_random_seed(5)
    net = Net(tmp_path / "net.prototxt", 0)
    net.forward()
    np.testing.assert_array_equal(net.blobs["x"].data, wanted["data x"])
    order = wanted["data y"].ravel().astype(int)
    assert sorted(order[:9]) == list(range(9)) and list(order[:9]) != list(order[9:18])
    np.testing.assert_array_equal(net.blobs["y"].data, images[order][..., 0][:, None] // 64)
    before = net.layers[0].state()
    (first, _), (again, _) = (_forward_from(net.layers[0], before) for _ in range(2))
    assert (first == again).all()


def _forward_from(layer, state):
    layer.set_state(json.loads(json.dumps(state)))
    return layer.forward([], [], [], [])
