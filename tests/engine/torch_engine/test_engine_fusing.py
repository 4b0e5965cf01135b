"""Layers that are computed as one: what scripts see of them is what the layers give one by one."""

import numpy as np
import pytest
from rounding import rounding

INPUT = 'layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 6 dim: 8 } } }\n'
TRAIN, TEST = 0, 1
#: Terms of the longest sums: a window over the joined maps, the upsampling, what a number for each channel sums over.
ALIKE = rounding(7 * 9, 16, 2 * 6 * 8, 2 * 6 * 8)
#: A Scale's parameters, a BatchNorm's sums and what divides them, by index; all change what they are applied to.
PARAMS = [("high", 0), ("norm", 0), ("norm", 1), ("norm", 2), ("scale", 0), ("scale", 1)]


def layer(kind, name, bottoms, top, fields="", more=""):
    bottoms = "".join(f'bottom: "{bottom}" ' for bottom in bottoms.split())
    return f'layer {{ name: "{name}" type: "{kind}" {bottoms} top: "{top}" {more} {fields} }}\n'


def conv(name, bottom, outputs, bias=False):
    fields = (
        f'num_output: {outputs} kernel_size: 3 pad: 1 bias_term: {str(bias).lower()} weight_filler {{ type: "msra" }}'
    )
    return layer("Convolution", name, bottom, name, f"convolution_param {{ {fields} }}")


def norm(bottom, top=None, scale=True, relu=True):
    top = top or bottom
    text = layer("BatchNorm", "norm", bottom, top)
    text += layer("Scale", "scale", top, top, "scale_param { bias_term: true }") if scale else ""
    return text + (layer("ReLU", "relu", top, top) if relu else "")


UP = layer(
    "Deconvolution",
    "up",
    "low",
    "up",
    "convolution_param { num_output: 4 bias_term: false pad: 1 kernel_size: 4 group: 4 stride: 2 "
    'weight_filler { type: "bilinear" } }',
    "param { lr_mult: 0 decay_mult: 0 }",
)
#: "up" is twice as large as "data" pooled; both have 6x8 pixels.
JOINED = (
    layer("Pooling", "half", "data", "half", "pooling_param { pool: AVE kernel_size: 2 stride: 2 }")
    + conv("low", "half", 4)
    + conv("skip", "data", 3)
    + UP
    + layer("Concat", "joined", "up skip", "joined")
)
TARGET = INPUT.replace("data", "target").replace('"in"', '"t"').replace("dim: 3", "dim: 5")


def loss(bottom):
    return TARGET + layer("EuclideanLoss", "loss", f"{bottom} target", "loss")


NETS = {
    "in place": conv("high", "data", 5) + norm("high") + loss("high"),
    "without a Scale": conv("high", "data", 5) + norm("high", scale=False) + loss("high"),
    "with a bias": conv("high", "data", 5, bias=True) + norm("high") + loss("high"),
    "another top": conv("high", "data", 5) + norm("high", "other") + loss("other"),
    "joined": JOINED + conv("high", "joined", 5) + norm("high") + loss("high"),
    "joined, another top": JOINED + conv("high", "joined", 5) + norm("high", "other", relu=False) + loss("other"),
    "joined alone": JOINED + conv("high", "joined", 5) + loss("high"),
}


#: In training the batch's mean takes a bias away again, and its gradient is 0 but for rounding.
ONLY_IN_TESTING = {"without a Scale", "with a bias"}
BOTH = [(name, phase) for name in NETS for phase in (TRAIN, TEST) if phase == TEST or name not in ONLY_IN_TESTING]


@pytest.fixture
def net_of(make_net, caffe):
    """A function that makes one of `NETS`; `alone`: one that runs layer by layer."""

    def make(name, phase, alone=False):
        caffe.set_random_seed(3)
        net = make_net(INPUT + NETS[name], phase)
        assert any(len(step.steps) > 1 for step in net._plan)
        if alone:
            net._plan = net._steps
        rng = np.random.RandomState(0)
        for blob in net.inputs:
            net.blobs[blob].data[...] = rng.randn(*net.blobs[blob].shape)
        for layer_name, blobs in net.params.items():
            for blob in blobs[layer_name == "high" :] if layer_name in ("high", "norm", "scale") else ():
                blob.data[...] = rng.uniform(0.5, 2, blob.shape)
        return net

    return make


def seen(net):
    """All that a script can see of a net."""
    arrays = {name: blob.data.copy() for name, blob in net.blobs.items()}
    arrays.update({f"{name} diff": blob.diff.copy() for name, blob in net.blobs.items()})
    for name, blobs in net.params.items():
        arrays.update({f"{name} {i}": blob.data.copy() for i, blob in enumerate(blobs)})
        arrays.update({f"{name} {i} diff": blob.diff.copy() for i, blob in enumerate(blobs)})
    return arrays


def assert_alike(found, expected, tolerance=ALIKE):
    assert set(found) == set(expected)
    for name, array in expected.items():
        largest = np.abs(array).max() or 1
        assert np.abs(found[name] - array).max() <= tolerance * largest, name


@pytest.mark.parametrize("name, phase", BOTH)
def test_values_and_gradients_are_those_of_the_layers_one_by_one(net_of, name, phase):
    results = []
    for alone in (False, True):
        net = net_of(name, phase, alone)
        net.forward()
        forward = seen(net)
        net.backward()
        results.append((forward, seen(net)))
    for found, expected in zip(*results):
        assert_alike(found, expected)
    for blob in net.blobs:
        np.testing.assert_array_equal(results[0][1][blob], results[0][0][blob], "changed by the backward pass")


@pytest.mark.parametrize("name", NETS)
def test_a_pass_that_lets_go_of_blobs_gives_the_same_and_keeps_only_those_asked_for(net_of, name):
    net = net_of(name, TEST)
    net.forward()
    expected = seen(net)
    for blob in ("loss", "high", "loss"):
        net.forward_only([blob])
        for one in net.blobs:
            values = expected[one] if one in (blob, *net.inputs) else 0
            np.testing.assert_array_equal(net.blobs[one].data, values, one)
    net.forward()
    assert_alike(seen(net), expected, 0)


@pytest.mark.parametrize("name", ["in place", "joined"])
def test_in_the_fast_mode_too(net_of, caffe, name):
    caffe.set_precision("bf16")
    try:
        for phase in (TRAIN, TEST):
            results = []
            for alone in (False, True):
                net = net_of(name, phase, alone)
                net.forward()
                results.append({name: blob.data.copy() for name, blob in net.blobs.items()})
            assert_alike(*results, tolerance=5e-2)
    finally:
        caffe.set_precision("fp32")


@pytest.mark.parametrize(
    "name, layer_name, index",
    [(name, *param) for name in ("another top", "joined") for param in PARAMS] + [("with a bias", "high", 1)],
)
def test_a_changed_parameter_shows_in_the_next_pass(net_of, name, layer_name, index):
    results = []
    for alone in (False, True):
        net = net_of(name, TEST, alone)
        net.forward()
        before = net.blobs["loss"].data.copy()
        net.params[layer_name][index].data[...] += 0.5
        net.forward()
        assert net.blobs["loss"].data != before
        results.append(seen(net))
    assert_alike(*results)


def test_a_map_that_is_looked_at_later_is_that_of_its_pass(net_of):
    """Not of the parameters and inputs that have been set since."""
    net, alone = net_of("joined, another top", TEST), net_of("joined, another top", TEST, alone=True)
    net.forward()
    alone.forward()
    for one in (net, alone):
        one.params["high"][0].data[...] = 0
        one.blobs["data"].data[...] = 0
        one.forward(end="skip")
    for name in ("up", "joined", "high", "other"):
        expected = alone.blobs[name].data
        assert np.abs(net.blobs[name].data - expected).max() <= ALIKE * np.abs(expected).max(), name


@pytest.mark.parametrize("phase", [TRAIN, TEST])
@pytest.mark.parametrize("name", ["in place", "another top", "joined"])
def test_a_pass_may_stop_between(net_of, name, phase):
    results = []
    for alone in (False, True):
        net = net_of(name, phase, alone)
        net.forward(end="high")
        net.forward(start="norm", end="norm")
        net.forward(start="scale")
        net.backward()
        results.append(seen(net))
    assert_alike(*results)


@pytest.mark.parametrize("phase", [TRAIN, TEST])
@pytest.mark.parametrize("name", ["in place", "another top", "joined"])
def test_a_backward_pass_may_stop_between(net_of, name, phase):
    results = []
    for alone in (False, True):
        net = net_of(name, phase, alone)
        net.forward()
        net.backward(end="scale")
        net.backward(start="norm", end="norm")
        net.backward(start="high")
        results.append(seen(net))
    assert_alike(*results)


def test_an_upsampling_that_is_not_bilinear_any_more_runs_alone(net_of):
    for name in ("joined alone", "joined"):
        results = []
        for alone in (False, True):
            net = net_of(name, TEST, alone)
            net.forward()
            net.params["up"][0].data[...] *= 2
            net.forward()
            net.backward()
            results.append(seen(net))
        assert_alike(*results)
