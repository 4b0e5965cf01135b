"""Every layer type over random fields: the rows and columns that it says it sees are those that change its output."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layer_cases import CASES, SOURCES, Draw, net_around, plain

from cellseg.engine.layers import TYPES
from cellseg.engine.layers.base import EVERYTHING

TEST = 1
#: Types of which no image comes out.
NO_IMAGE = {name for name, kind in TYPES.items() if kind.SCORES} | {"Silence", "Reduction"}
#: Along the axis on which they work: where a row goes depends on the size, so they say that they see everything.
MOVING = {"Concat", "Slice", "Tile", "Reshape", "Flatten"}

compared = {}  # layer type: how many pairs of a bottom's and a top's axis


def test_every_type_is_tried():
    assert set(TYPES) == set(CASES) | SOURCES


def changes(net, feeds, name, axis, rng):
    """For each row or column of the bottom `name`, and each top: which of its rows or columns depend on it."""
    tops = [top for top in net.top_names["layer"] if net.blobs[top].data.ndim == 4]

    def run(values):
        for blob, value in {**feeds, name: values}.items():
            net.blobs[blob].data[...] = value
        net.forward()
        return {top: net.blobs[top].data.copy() for top in tops}

    others = tuple(one for one in range(4) if one != axis)
    before, found = run(feeds[name]), {top: [] for top in tops}
    for place in range(feeds[name].shape[axis]):
        moved = dict.fromkeys(tops, False)
        for _ in range(4):
            values = feeds[name].copy()
            row = values.swapaxes(0, axis)[place]
            row += rng.normal(0, 1000, row.shape)
            with np.errstate(invalid="ignore"):
                after = run(values)
            for top in tops:
                same = (before[top] == after[top]) | (np.isnan(before[top]) & np.isnan(after[top]))
                moved[top] = moved[top] | ~same.all(others)
        for top in tops:
            found[top].append(moved[top])
    return {top: np.array(rows).T for top, rows in found.items()}  # (of the top, of the bottom)


def compare(kind, layer, bottom, top, axis, depends):
    """What is measured lies in what is said; of units whose range lies in the image, one sees all of its range."""
    side, said, inside = depends.shape[1], [], []
    for unit, row in enumerate(depends):
        seen = layer.sees(axis, unit, unit, top)[bottom]
        said.append(seen)
        if seen is None:
            assert not row.any()
            continue
        places = np.flatnonzero(row)
        if len(places):
            assert seen[0] <= places[0] and places[-1] <= seen[1], (layer.parameter, unit, seen, places)
        low, high = (0, side - 1) if seen == EVERYTHING else seen
        if 0 <= low <= high < side and not (seen == EVERYTHING and kind in MOVING):
            inside.append((np.ptp(places) + 1 if len(places) else 0, high - low + 1))
    spread = kind == "Deconvolution" and layer.window.dilation != (1, 1)  # of a range not every one counts
    if depends.any() and inside and not spread:
        assert max(width for width, _ in inside) == max(width for _, width in inside), (layer.parameter, axis, inside)
        compared[kind] = compared.get(kind, 0) + 1


@pytest.mark.parametrize("kind", sorted(set(CASES) - NO_IMAGE))
@settings(max_examples=15, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_layer_sees_what_it_says(kind, make_net, data):
    draw = Draw(data)
    case = CASES[kind](draw)
    if all(len(shape) < 4 for shape in case.shapes.values()):
        case.shapes = {name: (2, 3, *shape)[-4:] if len(shape) > 1 else shape for name, shape in case.shapes.items()}
    try:
        net = make_net(net_around(kind, case), TEST)
    except Exception:  # the axes that were drawn do not fit those added
        return
    rng = np.random.default_rng(draw.number(0, 10**6))
    feeds = {name: case.values.get(name, plain)(rng, shape).astype(np.float32) for name, shape in case.shapes.items()}
    for bottom, (name, shape) in enumerate(case.shapes.items()):
        for axis in (2, 3) if len(shape) == 4 else ():
            for top, depends in changes(net, feeds, name, axis, rng).items():
                compare(kind, net.layer_dict["layer"], bottom, int(top[3:]), axis, depends)


def test_all_were_compared():
    """Runs last."""
    assert set(compared) == set(CASES) - NO_IMAGE
