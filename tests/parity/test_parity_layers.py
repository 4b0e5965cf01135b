"""Every layer type over random fields and shapes: values and gradients are real Caffe's."""

import numpy as np
import pytest
import torch
from caffe_server import CaffeServer, everything
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layer_cases import CASES, SOURCES, Draw, plain
from rounding import rounding

from cellseg.engine.layers import TYPES
from cellseg.engine.torch import Net, set_random_seed
from cellseg.engine.torch.context import context

#: Operations for one number beside the longest sum: the exponential of 8 is off by 8 units, as 64 operations may be.
FEW = 64

found = {}  # layer type: largest part of the tolerance for values and for gradients, how many layers


@pytest.fixture(scope="module")
def caffe(reference, ours):
    if reference == "caffe":
        with CaffeServer() as server:
            yield server
    else:
        yield OnTheProcessor(ours)
    for kind, (data, diff, many) in sorted(found.items()):
        print(f"{kind}: {data:.2f} of what rounding explains for values, {diff:.2f} for gradients, {many} layers")


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """What `CaffeServer.run` does, by the embedded engine."""
    path = tmp_path_factory.mktemp("layers") / "net.prototxt"

    def run(text, feeds=None, params=None, diffs=None, phase=0, seed=1, backward=True):
        path.write_text(text)
        set_random_seed(seed)
        net = Net(path, phase)
        for name, value in (feeds or {}).items():
            net.blobs[name].data[...] = value
        for name, values in (params or {}).items():
            for blob, value in zip(net.params[name], values):
                blob.data[...] = value
        net.forward()
        for name, value in (diffs or {}).items():
            net.blobs[name].diff[...] = value
        if backward:
            net.backward()
        return everything(net)

    return run


class OnTheProcessor:
    """What stands in for `CaffeServer` where there is no real Caffe."""

    def __init__(self, ours):
        self._ours = ours

    def run(self, text, **given_values):
        before, context.device = context.device, torch.device("cpu")
        try:
            return self._ours(text, **given_values)
        finally:
            context.device = before


def net_of(kind, case, in_place):
    """The prototxt of a net around a layer; with `in_place` it works on a Convolution's top, which is a copy of x."""
    lines = ["force_backward: true" if case.forced and case.backward else ""]
    for name, shape in case.shapes.items():
        dims = " ".join(f"dim: {side}" for side in shape)
        lines.append(f'layer {{ name: "in {name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims} }} }} }}')
    bottoms, tops = list(case.shapes), [f"top{i}" for i in range(case.tops)]
    if in_place:
        bottoms[0] = tops[0] = "y"
        fields = f"num_output: {case.shapes['x'][1]} kernel_size: 1"
        lines.append(
            f'layer {{ name: "before" type: "Convolution" bottom: "x" top: "y" convolution_param {{ {fields} }} }}'
        )
    elif not case.forced:
        bottoms[0] = "y"
        lines.append('layer { name: "before" type: "Scale" bottom: "x" top: "y" }')
    names = " ".join([f'bottom: "{name}"' for name in bottoms] + [f'top: "{name}"' for name in tops])
    lines.append(f'layer {{ name: "layer" type: "{kind}" {names} {case.fields} }}')
    return "\n".join(lines)


def parts_of_tolerance(kind, mine, theirs, terms):
    """Differences of arrays by name, 1 being what rounding explains.

    The numbers that go into a layer are of size 1 or so. A sum of them may cancel, so its rounding goes by 1 or by the
    largest result, whichever is more. The gradients of a loss are no such sums, but scaled; they go by the largest.
    """
    parts = {}
    for name, array in theirs.items():
        assert mine[name].shape == array.shape, name
        assert np.isfinite(array).all(), name
        scale = max(np.abs(array).max(initial=0), 0 if "Loss" in kind and "diff " in name else 1)
        difference = np.abs(mine[name] - array).max(initial=0)
        parts[name] = float(difference / scale / rounding(terms)) if scale else float(difference > 0)
    return parts


def test_every_layer_type_is_tried():
    assert set(CASES) == set(TYPES) - SOURCES


@pytest.mark.parametrize("kind", sorted(CASES))
@settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_layer(kind, caffe, ours, data):
    draw = Draw(data)
    case = CASES[kind](draw)
    in_place = case.in_place and len(case.shapes["x"]) == 4 and draw.flag()
    seed = draw.number(0, 10**6)
    text = net_of(kind, case, in_place)
    rng = np.random.default_rng(seed)
    given_values = {
        "feeds": {name: case.values.get(name, plain)(rng, shape) for name, shape in case.shapes.items()},
        "phase": case.phase,
        "seed": seed,
    }
    given_values["params"] = {"before": [np.eye(case.shapes["x"][1])[..., None, None]]} if in_place else {}
    first = ours(text, backward=False, **given_values)
    if case.params:
        shapes = [first[f"param layer {i}"].shape for i in range(len(case.params))]
        given_values["params"]["layer"] = [make(rng, shape) for make, shape in zip(case.params, shapes)]
    if case.backward and "Loss" not in kind:
        tops = ["y"] if in_place else [f"top{i}" for i in range(case.tops)]
        given_values["diffs"] = {top: plain(rng, first[f"data {top}"].shape) for top in tops}
    theirs = caffe.run(text, backward=case.backward, **given_values)
    mine = ours(text, backward=case.backward, **given_values)
    unlike = {name for name in theirs if "(automatic)" in name or name.startswith("param diff before")}
    if not case.forced:
        unlike.add("diff x")  # Caffe's Scale leaves an intermediate result there
    theirs = {name: array for name, array in theirs.items() if name not in unlike}
    # No sum is longer than an array of the net: a bottom, the weights for one output, a top for a weight's gradient.
    parts = parts_of_tolerance(kind, mine, theirs, FEW + max(array.size for array in theirs.values()))
    gradients = [part for name, part in parts.items() if "diff " in name]
    values = [part for name, part in parts.items() if "diff " not in name]
    before = found.get(kind, (0, 0, 0))
    found[kind] = max(before[0], *values), max([before[1], *gradients]), before[2] + 1
    assert max(parts.values()) <= 1, (text, parts)
