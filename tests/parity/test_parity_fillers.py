"""First weights, refilled data and dropout: bit for bit those of real Caffe from the same seed."""

import random

import pytest
from engines import difference, run

from cellseg.engine.torch import TRAIN, Net, set_random_seed
from cellseg.engine.torch.context import context

CHANNELS = 6
SEEDS = [0, 1701, 2**32 - 1]

FORWARD = """
caffe.set_random_seed(given["seed"])
net = caffe.Net("net.prototxt", caffe.TRAIN)
for name, blobs in net.params.items():
    for number, blob in enumerate(blobs):
        found["%s %d" % (name, number)] = blob.data
for number in range(given.get("passes", 0)):
    net.forward()
    for name in given["blobs"]:
        found["%s %d" % (name, number)] = net.blobs[name].data.copy()
"""


def both(folder, text, seed, passes=0, blobs=()):
    """What real Caffe and what ours make of a net: parameters, and `blobs` after each of some passes."""
    (folder / "net.prototxt").write_text(text)
    theirs, _ = run("caffe", folder, FORWARD, seed=seed, passes=passes, blobs=list(blobs))
    set_random_seed(seed)
    net = Net(folder / "net.prototxt", TRAIN)
    ours = {f"{name} {i}": blob.data.copy() for name, params in net.params.items() for i, blob in enumerate(params)}
    for number in range(passes):
        net.forward()
        ours.update({f"{name} {number}": net.blobs[name].data.copy() for name in blobs})
    return ours, theirs


def assert_equal(ours, theirs, what):
    assert set(ours) == set(theirs)
    differences = {name: difference(ours[name], theirs[name]) for name in ours}
    numbers = sum(array.size for array in ours.values())
    print(f"{what}: largest difference {max(differences.values())} in {numbers} numbers of {len(ours)} arrays")
    assert not any(differences.values()), {name: value for name, value in differences.items() if value}


def some_filler(rng, outputs=None, square=False):
    """Text of a filler for a weight; `outputs`: its first axis, where it may be sparse."""
    norm = rng.choice(["", "variance_norm: FAN_IN", "variance_norm: FAN_OUT", "variance_norm: AVERAGE"])
    low, std = rng.uniform(-2, 2), 10 ** rng.uniform(-3, 1)
    kinds = [
        f'type: "constant" value: {rng.uniform(-2, 2)}',
        f'type: "uniform" min: {low} max: {low + rng.choice([0, 1e-3, 1, 100])}',
        f'type: "gaussian" std: {std} mean: {rng.choice([0, rng.uniform(-1, 1)])}',
        f'type: "xavier" {norm}',
        f'type: "msra" {norm}',
        'type: "positive_unitball"',
        "",
    ]
    if outputs:
        kinds.append(f'type: "gaussian" std: {std} sparse: {rng.randint(0, outputs)}')
    if square:
        kinds.append('type: "bilinear"')
    return rng.choice(kinds)


def some_layer(rng, name):
    kind = rng.choice(["Convolution", "Deconvolution", "InnerProduct"])
    outputs, height = rng.choice([1, 2, 6, 24]), rng.randint(1, 7)
    width = rng.choice([height, rng.randint(1, 7)])
    if kind == "InnerProduct":
        shape, first = f"transpose: {rng.choice(['true', 'false'])}", 1
    else:
        group = rng.choice([1, 2] if outputs % 2 == 0 else [1])
        shape, first = (
            f"kernel_h: {height} kernel_w: {width} group: {group}",
            outputs if kind == "Convolution" else CHANNELS,
        )
    weight = some_filler(rng, first, kind != "InnerProduct" and height == width)
    field = "inner_product_param" if kind == "InnerProduct" else "convolution_param"
    return (
        f'layer {{ name: "{name}" type: "{kind}" bottom: "data" top: "{name}" {field} {{ num_output: {outputs} {shape} '
        f"weight_filler {{ {weight} }} bias_filler {{ {some_filler(rng)} }} "
        f"bias_term: {rng.choice(['true', 'true', 'false'])} }} }}\n"
    )


def data(*shape):
    sides = " ".join(f"dim: {side}" for side in shape)
    return f'layer {{ name: "data" type: "DummyData" top: "data" dummy_data_param {{ shape {{ {sides} }} }} }}\n'


@pytest.mark.parametrize("seed", SEEDS)
def test_parameters_of_many_layers(tmp_path, seed):
    rng = random.Random(seed)
    layers = "".join(some_layer(rng, f"layer{number}") for number in range(120))
    assert_equal(*both(tmp_path, data(2, CHANNELS, 9, 9) + layers, seed), "parameters")


@pytest.mark.parametrize("filler", ['type: "gaussian" std: 0.01', 'type: "msra"', 'type: "xavier"'])
def test_parameters_of_large_layers(tmp_path, filler):
    layers = "".join(
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "data" top: "{name}" inner_product_param {{ '
        f"num_output: {outputs} weight_filler {{ {filler} }} bias_filler {{ {filler} }} }} }}\n"
        for name, outputs in (("one", 1000), ("two", 333), ("three", 1))
    )
    assert_equal(*both(tmp_path, data(1, 3, 16, 16) + layers, 7), filler)


def test_bilinear_weights_of_all_sizes(tmp_path):
    layers = "".join(
        f'layer {{ name: "up{size}" type: "Deconvolution" bottom: "data" top: "up{size}" convolution_param {{ '
        f'num_output: 2 group: 2 kernel_size: {size} weight_filler {{ type: "bilinear" }} }} }}\n'
        for size in range(1, 70)
    )
    assert_equal(*both(tmp_path, data(1, 2, 2, 2) + layers, 1), "bilinear")


@pytest.mark.parametrize("seed", SEEDS)
def test_data_that_is_filled_anew_at_each_pass(tmp_path, seed):
    rng = random.Random(seed)
    fillers = [some_filler(rng, 3), 'type: "uniform"', "", some_filler(rng, 3), 'type: "gaussian" sparse: 2']
    tops = "".join(f'top: "top{number}" ' for number in range(5))
    several = "".join(f"data_filler {{ {filler} }} " for filler in fillers)
    text = (
        f'layer {{ name: "a" type: "DummyData" {tops} dummy_data_param {{ {several} shape {{ dim: 3 dim: 70 }} }} }}\n'
        'layer { name: "b" type: "DummyData" top: "same0" top: "same1" dummy_data_param { num: 2 num: 3 channels: 4 '
        'height: 5 width: 6 data_filler { type: "gaussian" std: 0.5 } } }\n'
        'layer { name: "fc" type: "InnerProduct" bottom: "same0" top: "fc" inner_product_param { num_output: 3 '
        'weight_filler { type: "xavier" } } }\n'
    )
    blobs = [f"top{number}" for number in range(5)] + ["same0", "same1"]
    assert_equal(*both(tmp_path, text, seed, passes=3, blobs=blobs), "refilled data")


@pytest.mark.parametrize("seed", SEEDS)
def test_dropout_drops_the_same(tmp_path, seed):
    ratios = [0.5, 0.1, 0.3, 0.75, 0.9, 0.5]
    text = (
        'layer { name: "ones" type: "DummyData" top: "data" dummy_data_param { shape { dim: 2 dim: 3 dim: 40 dim: 41 } '
        "data_filler { value: 1 } } }\n"
    ) + "".join(
        f'layer {{ name: "drop{number}" type: "Dropout" bottom: "data" top: "drop{number}" '
        f"dropout_param {{ dropout_ratio: {ratio} }} }}\n"
        for number, ratio in enumerate(ratios)
    )
    ours, theirs = both(tmp_path, text, seed, passes=3, blobs=[f"drop{number}" for number in range(len(ratios))])
    assert_equal(ours, theirs, "dropout")
    assert len({values.tobytes() for values in theirs.values()}) == 3 * len(ratios)


def test_a_seed_begins_anew_and_nothing_else_does():
    set_random_seed(5)
    first = context.random.raw(3).tolist()
    assert context.random.raw(3).tolist() != first
    set_random_seed(5)
    assert context.random.raw(3).tolist() == first
