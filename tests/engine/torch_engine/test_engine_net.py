"""Nets of the embedded engine, one property each."""

import numpy as np
import pytest
import torch
from rounding import rounding

from cellseg.errors import CellsegError

INPUT = 'layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 6 dim: 7 } } }\n'


def conv(name, bottom, outputs=4, more="", param=""):
    return (
        f'layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}" {more} convolution_param {{ '
        f'num_output: {outputs} kernel_size: 3 pad: 1 weight_filler {{ type: "xavier" }} {param} }} }}\n'
    )


def loss(bottom, more=""):
    return f'layer {{ name: "loss" type: "EuclideanLoss" bottom: "{bottom}" bottom: "target" top: "loss" {more} }}\n'


def target(channels=4, height=6, width=7):
    return (
        f'layer {{ name: "t" type: "DummyData" top: "target" dummy_data_param {{ shape {{ dim: 2 dim: {channels} '
        f'dim: {height} dim: {width} }} data_filler {{ type: "uniform" }} }} }}\n'
    )


def relu(name, blob):
    return f'layer {{ name: "{name}" type: "ReLU" bottom: "{blob}" top: "{blob}" }}\n'


def fill(net, seed=0):
    rng = np.random.RandomState(seed)
    for name in net.inputs:
        net.blobs[name].data[...] = rng.randn(*net.blobs[name].shape)


@pytest.mark.parametrize(
    "text, words",
    [
        (INPUT + conv("a", "nothing"), ["'a'", "'nothing'", "no top"]),
        (INPUT + conv("a", "b") + conv("b", "a"), ["'a'", "'b'", "later", "cycle"]),
        (
            INPUT + 'layer { name: "a" type: "Telepathy" bottom: "data" }',
            ["'a'", "Telepathy", "Convolution", "Softmax"],
        ),
        (INPUT + 'layer { name: "a" type: "SoftmaxWithLoss" bottom: "data" }', ["'a'", "2", "bottoms", "1"]),
        (INPUT + conv("a", "data") + conv("b", "data").replace('top: "b"', 'top: "a"'), ["'b'", "'a'", "earlier"]),
        (INPUT + target(5) + conv("a", "data") + loss("a"), ["'loss'", "4", "5"]),
        (INPUT + conv("a", "data", param="kernel_h: 2"), ["'a'", "kernel_size, or both"]),
        (INPUT + conv("a", "data", param="group: 2"), ["'a'", "group 2", "3"]),
        (INPUT + conv("a", "data", more="loss_weight: 1 loss_weight: 2"), ["'a'", "loss_weight"]),
        (
            INPUT + conv("a", "data", more="include { phase: TRAIN } exclude { phase: TEST }"),
            ["'a'", "include", "exclude"],
        ),
        (INPUT + conv("a", "data", more="param { } param { } param { }"), ["'a'", "2", "3"]),
    ],
)
def test_mistakes_end_in_one_line_with_the_layers_name(make_net, text, words):
    with pytest.raises(CellsegError) as caught:
        make_net(text)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_rules_choose_layers_by_phase_level_and_stage(make_net, caffe):
    text = INPUT + "".join(
        conv(name, "data", more=rule)
        for name, rule in {
            "train": "include { phase: TRAIN }",
            "deep": "include { min_level: 2 }",
            "staged": 'include { stage: "a" stage: "b" }',
            "not_staged": 'include { not_stage: "b" }',
            "excluded": 'exclude { stage: "a" }',
            "either": 'include { stage: "z" } include { phase: TEST }',
        }.items()
    )

    def convolutions(*arguments, **options):
        return set(make_net(text, *arguments, **options).params)

    assert convolutions(caffe.TRAIN) == {"train", "not_staged", "excluded"}
    assert convolutions(caffe.TEST, level=2) == {"deep", "not_staged", "excluded", "either"}
    assert convolutions(caffe.TRAIN, stages=["a", "b"]) == {"train", "staged"}


def test_a_blob_used_twice_is_split_and_its_gradients_add_up(make_net):
    text = INPUT + target() + conv("a", "data") + conv("b", "a") + conv("c", "a")
    text += 'layer { name: "sum" type: "Eltwise" bottom: "b" bottom: "c" top: "sum" }\n' + loss("sum")
    net = make_net(text)
    assert "a_a_0_split_0" in net.blobs and "a_a_0_split" in net.layer_dict
    fill(net)
    net.forward()
    net.backward()
    parts = [net.blobs[f"a_a_0_split_{i}"].diff for i in range(2)]
    assert all(np.abs(part).max() > 0 for part in parts)
    np.testing.assert_allclose(net.blobs["a"].diff, parts[0] + parts[1], rtol=1e-6)


def test_only_layers_between_something_learnt_and_a_loss_run_backward(make_net):
    frozen = "param { lr_mult: 0 } param { lr_mult: 0 }"
    text = INPUT + target() + conv("frozen", "data", more=frozen) + relu("relu", "frozen")
    text += conv("learnt", "frozen") + loss("learnt") + conv("aside", "frozen")
    net = make_net(text)
    needs = {step.layer.name: step.needed for step in net._steps}
    assert [needs[name] for name in ("frozen", "relu", "learnt", "loss", "aside")] == [False, False, True, True, False]
    fill(net)
    net.forward()
    net.backward()
    assert not net.params["frozen"][0].diff.any() and net.params["learnt"][0].diff.any()
    assert not net.params["aside"][0].diff.any() and not net.blobs["data"].diff.any()
    forced = make_net("force_backward: true\n" + text)
    fill(forced)
    forced.forward()
    forced.backward()
    assert forced.blobs["data"].diff.any() and forced.params["frozen"][0].diff.any()


def test_propagate_down_cuts_a_branch(make_net):
    text = INPUT + target() + conv("a", "data") + conv("b", "a", more="propagate_down: false") + loss("b")
    net = make_net(text)
    assert {step.layer.name for step in net._steps if step.needed} == {"b", "loss"}
    fill(net)
    net.forward()
    net.backward()
    assert net.params["b"][0].diff.any() and not net.params["a"][0].diff.any()


def test_gradients_add_up_until_they_are_cleared(make_net):
    net = make_net(INPUT + conv("a", "data") + target().replace("uniform", "constant") + loss("a", "loss_weight: 3"))
    fill(net)
    net.forward()
    net.backward()
    once = net.params["a"][0].diff.copy()
    net.backward()
    np.testing.assert_allclose(net.params["a"][0].diff, 2 * once, rtol=1e-6)
    net.clear_param_diffs()
    assert not net.params["a"][0].diff.any()
    assert net.blob_loss_weights["loss"] == 3


def test_shared_parameters_are_one(make_net):
    shared = 'param { name: "w" lr_mult: 2 } param { name: "b" }'
    text = INPUT + conv("a", "data", 3, more=shared) + conv("b", "a", 3, more=shared) + target(3) + loss("b")
    net = make_net(text)
    assert len(net.parameters.learnable) == 2 and net.parameters.lr_mult == [2, 1]
    net.params["a"][0].data[...] = 0.25
    assert (net.params["b"][0].data == 0.25).all()
    fill(net)
    net.forward()
    net.backward()
    np.testing.assert_array_equal(net.params["a"][0].diff, net.params["b"][0].diff)
    with pytest.raises(CellsegError, match="'b'.*'w'.*lr_mult"):
        make_net(text.replace("lr_mult: 2", "lr_mult: 1", 1))
    with pytest.raises(CellsegError, match="'b'.*'w'.*shape"):
        make_net(text.replace("num_output: 3", "num_output: 4", 1))


def test_a_script_may_change_what_lies_between_two_layers(make_net):
    net = make_net("force_backward: true\n" + INPUT + conv("a", "data") + conv("b", "a"))
    fill(net)
    net.forward(end="a")
    net.blobs["a"].data[...] = 0
    net.params["b"][1].data[...] = 5
    assert (net.forward(start="b")["b"] == 5).all()
    net.blobs["b"].diff[...] = 0
    net.blobs["b"].diff[0, 1, 2, 3] = 1
    gradients = net.backward(start="b", end="b")
    np.testing.assert_allclose(gradients["a"][0, :, 1:4, 2:5], net.params["b"][0].data[1], rtol=1e-6)


def test_blobs_follow_a_new_input_shape(make_net):
    net = make_net(INPUT + conv("a", "data") + relu("r", "a"))
    net.blobs["data"].reshape(1, 3, 9, 4)
    net.reshape()
    assert net.blobs["a"].shape == (1, 4, 9, 4)
    net.blobs["data"].reshape(5, 3, 2, 2)
    assert net.forward()["a"].shape == (5, 4, 2, 2)
    net.blobs["data"].reshape(5, 2, 2, 2)
    with pytest.raises(CellsegError, match="'a'.*4x3x3x3.*3 channels.*5x2x2x2"):
        net.forward()


def test_inputs_are_given_by_name(make_net):
    net = make_net(INPUT + conv("a", "data"))
    values = np.random.RandomState(0).randn(2, 3, 6, 7)
    given = net.forward(data=values, blobs=["data"])
    np.testing.assert_array_equal(given["data"], values.astype(np.float32))
    with pytest.raises(CellsegError, match="inputs are data"):
        net.forward(other=values)
    with pytest.raises(CellsegError, match="no layer 'z'"):
        net.forward(end="z")


UPSAMPLED = """layer { name: "up" type: "Deconvolution" bottom: "low" top: "up" param { lr_mult: 0 decay_mult: 0 }
  convolution_param { num_output: 6 bias_term: false pad: 1 kernel_size: 4 group: 6 stride: 2
    weight_filler { type: "bilinear" } } }
"""
#: Terms of the longest sums: a window over the upsampled maps, the upsampling, a gradient of the weights before it.
SUMS = 6 * 5 * 5, 16, 2 * 12 * 14


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("precision, tolerance", [("fp32", rounding(*SUMS)), ("bf16", 3e-2)])
def test_upsampling_and_convolution_as_one_are_the_two(make_net, caffe, size, precision, tolerance):
    """Values and gradients, also of the map in between; then the same with the two layers run one by one."""
    up = conv("high", "up", 5).replace("kernel_size: 3 pad: 1", f"kernel_size: {size} pad: {size // 2}")
    text = INPUT + conv("low", "data", 6) + UPSAMPLED + up + target(5, 12, 14) + loss("high")
    caffe.set_precision(precision)
    try:
        results = []
        for alone in (False, True):
            caffe.set_random_seed(3)
            net = make_net(text)
            assert len(net._plan) == len(net._steps) - 1
            if alone:
                net._plan = net._steps
            fill(net)
            net.forward()
            net.backward()
            arrays = {name: blob.data.copy() for name, blob in net.blobs.items()}
            arrays.update({f"{name} diff": blob.diff.copy() for name, blob in net.blobs.items()})
            arrays.update({f"{name} {i}": p.diff.copy() for name, ps in net.params.items() for i, p in enumerate(ps)})
            results.append(arrays)
    finally:
        caffe.set_precision("fp32")
    assert set(results[0]) == set(results[1])
    for name, array in results[1].items():
        largest = np.abs(array).max() or 1
        assert np.abs(results[0][name] - array).max() <= tolerance * largest, name


def test_upsampling_that_is_not_bilinear_any_more_runs_alone(make_net):
    net = make_net(INPUT + conv("low", "data", 6) + UPSAMPLED + conv("high", "up", 5))
    fill(net)
    before = net.forward()["high"].copy()
    net.params["up"][0].data[...] *= 2
    net.params["high"][1].data[...] = 0
    np.testing.assert_allclose(net.forward()["high"], 2 * before, rtol=0, atol=rounding(*SUMS) * np.abs(before).max())


def test_a_pass_may_stop_between_upsampling_and_convolution(make_net):
    fixed = target(5, 12, 14).replace("uniform", "constant")
    net = make_net(INPUT + conv("low", "data", 6) + UPSAMPLED + conv("high", "up", 5) + fixed + loss("high"))
    fill(net)
    net.forward()
    net.backward()
    whole = net.params["low"][0].diff.copy()
    between = net.blobs["up"].diff.copy()
    net.clear_param_diffs()
    net.forward(end="t")
    net.forward(start="loss")
    net.backward(end="high")
    np.testing.assert_allclose(net.blobs["up"].diff, between, rtol=0, atol=rounding(*SUMS) * np.abs(between).max())
    net.backward(start="up")
    np.testing.assert_allclose(net.params["low"][0].diff, whole, rtol=0, atol=rounding(*SUMS) * np.abs(whole).max())


def test_weights_go_by_layer_name(make_net, caffe, tmp_path):
    first = make_net(INPUT + conv("a", "data") + conv("only_here", "a"))
    for suffix, save in (("", first.save), (".h5", first.save_hdf5)):
        path = f"{tmp_path}/w.caffemodel{suffix}"
        save(path)
        second = make_net(INPUT + conv("a", "data") + conv("only_there", "a"))
        kept = second.params["only_there"][0].data.copy()
        second.copy_from(path)
        np.testing.assert_array_equal(second.params["a"][0].data, first.params["a"][0].data)
        np.testing.assert_array_equal(second.params["only_there"][0].data, kept)
        with pytest.raises(CellsegError, match="'a'.*4x3x3x3.*5x3x3x3.*rename"):
            make_net(INPUT + conv("a", "data", 5)).copy_from(path)
        with pytest.raises(CellsegError, match="'a'.*2 blobs.*1"):
            make_net(INPUT + conv("a", "data", param="bias_term: false")).copy_from(path)


def test_a_net_that_shares_with_another_stays_the_same(make_net):
    first, second = (make_net(INPUT + conv("a", "data")) for _ in range(2))
    second.share_with(first)
    first.params["a"][0].data[...] = 7
    assert (second.params["a"][0].data == 7).all()


def test_without_bfloat16_instructions_factors_are_rounded_and_products_are_in_single_precision(
    make_net, caffe, monkeypatch
):
    monkeypatch.setattr("cellseg.engine.layers.convolution._has_bfloat16", lambda: False)
    net = make_net(INPUT + conv("a", "data"))
    fill(net)
    exact = net.forward()["a"].copy()
    caffe.set_precision("bf16")
    try:
        found = net.forward()["a"].copy()
    finally:
        caffe.set_precision("fp32")
    for blob in (net.blobs["data"], *net.params["a"]):
        blob.data[...] = torch.from_numpy(blob.data).bfloat16().float()
    assert np.abs(found - exact).max() > 1e-4
    np.testing.assert_allclose(found, net.forward()["a"], rtol=0, atol=rounding(27) * np.abs(exact).max())


def test_in_the_fast_mode_scripts_still_see_and_set_single_precision(make_net, caffe):
    caffe.set_precision("bf16")
    try:
        net = make_net(INPUT + conv("a", "data") + conv("b", "a"))
        fill(net)
        net.forward()
        values = net.blobs["a"].data
        assert values.dtype == np.float32
        values[...] = 0
        net.params["b"][1].data[...] = 1
        assert (net.forward(start="b")["b"] == 1).all()
    finally:
        caffe.set_precision("fp32")


@pytest.mark.parametrize("name, tf32", [("torch", False), ("torch-tf32", True), ("torch-bf16", True), ("torch", False)])
def test_records_name_the_precision_and_tf32_is_off_unless_asked_for(name, tf32):
    import torch

    from cellseg import engine

    assert engine.describe(engine.load(name))["name"] == name
    assert torch.backends.cuda.matmul.allow_tf32 is tf32 and torch.backends.cudnn.allow_tf32 is tf32


def test_a_skip_over_a_frozen_encoder_trains(make_net):
    """A layer that passes gradients on to nobody, beside one that learns."""
    frozen = conv("encoder", "data", more="param { lr_mult: 0 } param { lr_mult: 0 }")
    skip = 'layer { name: "skip" type: "Crop" bottom: "encoder" bottom: "decoder" top: "skip" }\n'
    both = 'layer { name: "both" type: "Concat" bottom: "decoder" bottom: "skip" top: "both" }\n'
    net = make_net(INPUT + frozen + conv("decoder", "encoder") + skip + both + target(8) + loss("both"))
    fill(net)
    net.forward()
    net.backward()
    assert net.params["decoder"][0].diff.any() and not net.params["encoder"][0].diff.any()


def test_a_parameter_used_twice_adds_to_nobody_elses_gradient(make_net):
    """The gradient of a Bias over all axes is that of its top, as it is."""
    scales = "".join(f'layer {{ name: "s{i}" type: "Scale" bottom: "data" top: "s{i}" }}\n' for i in (1, 2))
    biases = "".join(
        f'layer {{ name: "b{i}" type: "Bias" bottom: "s{i}" top: "b{i}" param {{ name: "b" }} '
        "bias_param { axis: 0 num_axes: -1 } }\n"
        for i in (1, 2)
    )
    total = 'layer { name: "sum" type: "Eltwise" bottom: "b1" bottom: "b2" top: "sum" }\n'
    net = make_net(INPUT + scales + biases + total + target(3).replace("uniform", "constant") + loss("sum"))
    fill(net)
    net.forward()
    net.backward()
    np.testing.assert_allclose(net.params["b1"][0].diff, 2 * net.blobs["sum"].diff, rtol=1e-6)
    np.testing.assert_array_equal(net.blobs["b1"].diff, net.blobs["sum"].diff)
    np.testing.assert_array_equal(net.params["s1"][0].diff, net.params["s2"][0].diff)


def test_flat_views_of_blobs_write_to_them(make_net):
    net = make_net("force_backward: true\n" + INPUT + conv("a", "data") + conv("b", "a"))
    fill(net)
    net.forward()
    net.blobs["a"].data.reshape(-1)[:] = 0
    net.params["b"][1].data.ravel()[:] = 3
    assert (net.forward(start="b")["b"] == 3).all()
    net.blobs["b"].diff.reshape(-1)[:] = 1
    net.backward()
    gradient = net.params["a"][0].diff
    gradient.reshape(-1)[:] = 7
    assert (net.params["a"][0].diff == 7).all()
