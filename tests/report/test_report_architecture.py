"""Figure 6 is drawn from the prototxt: what it says must be what the files say."""

import pytest
from support import ROOT

pytest.importorskip("matplotlib")

from cellseg.network import Fcn, UNet, deploy_net
from cellseg.report import architecture


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_the_reports_network(tmp_path):
    steps = architecture.read_steps(ROOT / "prototxt" / "deploy.prototxt")
    row = architecture.blocks(steps)
    assert [block.channels for block in row] == [32, 64, 128, 512, 128, 64, 32, 2]
    assert [block.side for block in row] == [128, 64, 32, 16, 32, 64, 128, 128]
    assert sum(block.parameters for block in row) == 1365282
    assert [block.pooled for block in row] == [False, True, True, True] + 4 * [False]
    said = texts(architecture.draw(ROOT / "prototxt" / "deploy.prototxt"))
    assert any("1 365 282" in text and "38 × 38" in text and "70 × 70" in text for text in said)
    assert said.count("pool") == said.count("×2") == 3


def test_a_variant_is_drawn_as_it_is(tmp_path):
    (tmp_path / "net.prototxt").write_text(deploy_net(Fcn(poolings=2, kernel=5, features=8), "net"))
    row = architecture.blocks(architecture.read_steps(tmp_path / "net.prototxt"))
    assert [(block.channels, block.side, block.kernel) for block in row] == [
        (8, 128, 5),
        (16, 64, 5),
        (128, 32, 5),
        (16, 64, 5),
        (8, 128, 5),
        (2, 128, 1),
    ]


@pytest.mark.parametrize("network", [Fcn(features=64), Fcn(poolings=1), UNet(4, 3, 32)])
def test_no_label_covers_another(network, tmp_path):
    (tmp_path / "net.prototxt").write_text(deploy_net(network, "net"))
    figure = architecture.draw(tmp_path / "net.prototxt")
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts] + [
        figure.axes[0].get_legend().get_window_extent()
    ]
    assert not [(a, b) for number, a in enumerate(boxes) for b in boxes[:number] if a.overlaps(b)]
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)


def test_an_image_of_three_colours_in_an_input_of_another_name(tmp_path):
    (tmp_path / "net.prototxt").write_text(
        'layer { name: "in" type: "Input" top: "image" input_param { shape { dim: 1 dim: 3 dim: 64 dim: 64 } } }\n'
        'layer { name: "a" type: "Convolution" bottom: "image" top: "a" '
        "convolution_param { num_output: 2 kernel_size: 5 } }\n"
    )
    assert architecture.read_steps(tmp_path / "net.prototxt")[0].trainable == 2 * 3 * 5 * 5 + 2
    assert texts(architecture.draw(tmp_path / "net.prototxt"))[0] == "3"


def test_skip_connections_and_pairs_of_convolutions(tmp_path):
    (tmp_path / "net.prototxt").write_text(deploy_net(UNet(2, 3, 16), "net"))
    steps = architecture.read_steps(tmp_path / "net.prototxt")
    row = architecture.blocks(steps)
    assert [len(block.names) for block in row] == [2, 2, 2, 2, 2, 1]
    assert [block.skips_from for block in row] == [None, None, None, "conv2_2", "conv1_2", None]
    assert sum(block.parameters for block in row) == sum(step.trainable for step in steps)
    figure = architecture.draw(tmp_path / "net.prototxt")
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert "convolution, batch normalisation, ReLU" in legend
    bent = [
        patch.get_connectionstyle().rad for patch in figure.axes[0].patches if hasattr(patch, "get_connectionstyle")
    ]
    assert sum(rad != 0 for rad in bent) == 2
