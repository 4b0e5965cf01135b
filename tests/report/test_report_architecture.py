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
