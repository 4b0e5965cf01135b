import numpy as np
import pytest

from cellseg.engine.geometry import parameter_shapes
from cellseg.engine.transfer import format_transfer, plan_transfer
from cellseg.errors import CellsegError
from cellseg.network import Fcn

TARGET = {"conv1": [(4, 1, 3, 3), (4,)], "score": [(2, 4, 1, 1), (2,)]}


def source(**layers):
    return {name: [np.zeros(shape, np.float32) for shape in shapes] for name, shapes in layers.items()}


def test_each_parameter_is_copied_left_or_ignored():
    rows = plan_transfer(source(conv1=TARGET["conv1"], old=[(7,)]), TARGET)
    assert [(row.layer, row.blob, row.status) for row in rows] == [
        ("conv1", 0, "copied"),
        ("conv1", 1, "copied"),
        ("score", 0, "left as initialised"),
        ("score", 1, "left as initialised"),
        ("old", 0, "ignored"),
    ]
    text = format_transfer(rows)
    assert "conv1 bias" in text and "4x1x3x3" in text
    assert text.endswith("2 copied, 2 left as initialised, 1 ignored")


def test_other_shapes_stop_with_both():
    with pytest.raises(CellsegError, match=r"a.caffemodel: layer 'conv1' has the shapes 4x1x5x5 \+ 4.*4x1x3x3 \+ 4"):
        plan_transfer(source(conv1=[(4, 1, 5, 5), (4,)]), TARGET, "a.caffemodel")


def test_a_missing_bias_stops():
    with pytest.raises(CellsegError, match="conv1"):
        plan_transfer(source(conv1=[(4, 1, 3, 3)]), TARGET)


def test_weights_of_another_architecture_stop():
    with pytest.raises(CellsegError, match="no layer has a name of this net"):
        plan_transfer(source(fc6=[(5, 5)]), TARGET)
    blobs = source(**parameter_shapes(Fcn(kernel=5)))
    with pytest.raises(CellsegError, match="32x1x5x5.*32x1x3x3"):
        plan_transfer(blobs, parameter_shapes(Fcn()))


def test_shapes_of_older_files_have_ones_in_front():
    rows = plan_transfer(source(conv1=[(4, 1, 3, 3), (1, 1, 1, 4)]), TARGET)
    assert rows[1].status == "copied"
