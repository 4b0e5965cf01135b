"""Channels, sizes, parameters and receptive fields, followed through any net; the fields against the engine itself."""

import numpy as np
import pytest

from cellseg import engine
from cellseg.engine import isolation
from cellseg.errors import CellsegError
from cellseg.network import Fcn, UNet, deploy_net
from cellseg.network.geometry import field, lowest, trace


def seen_by_outputs(deploy, side):
    """Width in pixels of what the outputs see, measured: one pixel lights up at a time, through positive weights."""
    caffe = engine.load()
    net = caffe.Net(str(deploy), caffe.TEST)
    for name, blobs in net.params.items():
        for number, blob in enumerate(blobs):
            blob.data[...] = (0, 1, 1)[number] if name.startswith("bn_") else (0.1, 0)[number]
    net.blobs["data"].reshape(side, 1, side, side)
    net.blobs["data"].data[...] = 0
    for column in range(side):
        net.blobs["data"].data[column, 0, side // 2, column] = 1e6
    net.forward()
    lit = net.blobs["score"].data[:, 1].max(axis=1) > 0
    return max(int(np.ptp(np.flatnonzero(lit[:, column]))) + 1 for column in range(side))


@pytest.mark.engine
@pytest.mark.parametrize("network, side", [(Fcn(features=1), 112), (Fcn(2, 5, 1), 112), (UNet(2, 3, 1), 96)])
def test_what_an_output_pixel_sees_is_what_changes_it(network, side, tmp_path):
    steps = trace(network.layers())
    (tmp_path / "net.prototxt").write_text(deploy_net(network, "net", side, side))
    assert isolation.call(seen_by_outputs, tmp_path / "net.prototxt", side) == field(steps, steps[-1])


def test_a_net_is_followed_through_its_skip_connections():
    steps = {step.name: step for step in trace(UNet(features=16).layers())}
    assert steps["concat1"].channels == 48 and steps["concat1"].bottoms == ("upsample1", "conv1_2")
    assert steps["pool2"].stride == 4 and steps["upsample2"].stride == 2
    assert lowest(list(steps.values())).name == "relu_conv4_2"
    assert steps["bn_conv1_1"].shapes == ((16,), (16,), (1,)) and steps["bn_conv1_1"].trainable == 0
    assert steps["scale_conv1_1"].trainable == 32 and steps["upsample1"].trainable == 0


def test_a_layer_that_is_not_known_is_named():
    with pytest.raises(CellsegError, match="'x'.*LRN"):
        trace([{"name": "x", "type": "LRN", "bottom": "data", "top": "x"}])
    with pytest.raises(CellsegError, match="'x'.*'nothing'"):
        trace([{"name": "x", "type": "ReLU", "bottom": "nothing", "top": "x"}])
