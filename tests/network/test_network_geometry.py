"""Channels, sizes, parameters and receptive fields, followed through any net; the fields against the engine itself."""

import pytest
from nets import seen_by_outputs
from support import with_engine

from cellseg.engine.geometry import field, lowest, reach
from cellseg.engine.tracing import trace
from cellseg.errors import CellsegError
from cellseg.network import Fcn, UNet, deploy_net
from cellseg.network.layers import layer, pooling


def conv(name, bottom, **parameters):
    return layer(name, "Convolution", bottom, convolution_param={"num_output": 2, "kernel_size": 3, **parameters})


class Summed:
    """A net as FCN-8s: upsampled maps are cut to the size of finer ones and added to them."""

    def layers(self):
        return [
            conv("fine", "data", pad=1),
            pooling("pool", "fine"),
            conv("coarse", "pool", pad=4, dilation=2),
            layer(
                "up",
                "Deconvolution",
                "coarse",
                convolution_param={"num_output": 2, "kernel_size": 4, "stride": 2, "bias_term": False},
            ),
            layer("crop", "Crop", ["up", "fine"], crop_param={"axis": 2, "offset": 5}),
            layer("score", "Eltwise", ["crop", "fine"]),
        ]


@pytest.mark.engine
@pytest.mark.parametrize(
    "network, side", [(Fcn(features=1), 112), (Fcn(2, 5, 1), 112), (UNet(2, 3, 1), 96), (Summed(), 32)]
)
def test_what_an_output_pixel_sees_is_what_changes_it(network, side, tmp_path):
    steps = trace(network.layers())
    (tmp_path / "net.prototxt").write_text(deploy_net(network, "net", side, side))
    assert with_engine(seen_by_outputs, tmp_path / "net.prototxt", side) == field(steps, steps[-1])


def test_a_net_is_followed_through_its_skip_connections():
    steps = {step.name: step for step in trace(UNet(features=16).layers())}
    assert steps["concat1"].channels == 48 and steps["concat1"].bottoms == ("upsample1", "conv1_2")
    assert steps["pool2"].stride == 4 and steps["upsample2"].stride == 2
    assert lowest(list(steps.values())).name == "relu_conv4_2"
    assert steps["bn_conv1_1"].shapes == ((16,), (16,), (1,)) and steps["bn_conv1_1"].trainable == 0
    assert steps["scale_conv1_1"].trainable == 32 and steps["upsample1"].trainable == 0


def test_a_crop_keeps_the_maps_it_cuts():
    steps = {step.name: step for step in trace(Summed().layers())}
    assert (steps["crop"].channels, steps["crop"].stride, steps["crop"].bottoms) == (2, 1, ("up",))


def test_losses_and_scores_are_passed_over_whatever_the_labels_are_called():
    ends = [layer("loss", "SoftmaxWithLoss", ["a", "truth"]), layer("accuracy", "Accuracy", ["a", "truth"])]
    assert [step.name for step in trace([conv("a", "data"), *ends])] == ["a"]


@pytest.mark.parametrize("first, second", [(1, 5), (5, 1)])
def test_of_two_ways_the_one_that_sees_more_counts(first, second):
    ways = [conv(name, "data", kernel_size=side, pad=side // 2) for name, side in (("a", first), ("b", second))]
    steps = trace([*ways, layer("c", "Eltwise", ["a", "b"])])
    assert field(steps, steps[-1]) == 5


def test_many_ways_through_a_net_take_no_time():
    layers, bottom = [], "data"
    for number in range(60):
        layers += [conv(f"a{number}", bottom, pad=1), layer(f"b{number}", "Eltwise", [bottom, f"a{number}"])]
        bottom = f"b{number}"
    steps = trace(layers, channels=2)
    assert field(steps, steps[-1]) == 121


def test_a_layer_that_is_not_known_is_named():
    with pytest.raises(CellsegError, match="'x'.*HeatMap"):
        trace([{"name": "x", "type": "HeatMap", "bottom": "data", "top": "x"}])
    with pytest.raises(CellsegError, match="'x'.*'nothing'"):
        trace([{"name": "x", "type": "ReLU", "bottom": "nothing", "top": "x"}])


def test_an_output_that_depends_on_the_whole_image_has_no_reach():
    steps = trace([layer("x", "MVN", "data"), conv("y", "x", pad=1)])
    assert field(steps, steps[-1]) == float("inf")
    with pytest.raises(CellsegError, match="'y'.*whole image"):
        reach(steps)


def test_rows_and_columns_are_followed_apart():
    wide = {"num_output": 1, "kernel_h": 1, "kernel_w": 7, "pad_w": 3}
    steps = trace([layer("x", "Convolution", "data", convolution_param=wide)])
    assert field(steps, steps[-1]) == 7 and reach(steps) == 3
