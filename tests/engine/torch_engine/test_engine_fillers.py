"""The fillers: known values, bounds, what each refuses; tests/parity compares them with real Caffe."""

import numpy as np
import pytest
from google.protobuf import text_format

from cellseg.engine.caffe_schema import MESSAGES
from cellseg.engine.torch.fillers import fill
from cellseg.engine.torch.random import MersenneTwister
from cellseg.errors import CellsegError

SHAPE = (6, 4, 3, 3)


def filled(text, shape=SHAPE, random=None):
    parameter = text_format.Parse(text, MESSAGES["FillerParameter"]())
    return fill(parameter, shape, random or MersenneTwister(1))


@pytest.mark.parametrize(
    "text", ["", 'type: "uniform"', 'type: "gaussian"', 'type: "xavier"', 'type: "msra"', 'type: "positive_unitball"']
)
def test_every_filler_gives_single_precision_of_the_shape(text):
    for shape in (SHAPE, (5,), (3, 2), (2, 3, 4, 1, 2)):
        values = filled(text, shape)
        assert values.shape == shape and values.dtype == np.float32 and values.flags["C_CONTIGUOUS"]


def test_constants_draw_nothing():
    random = MersenneTwister(1)
    assert (filled("", random=random) == 0).all()
    assert (filled('type: "constant" value: -2.5', random=random) == -2.5).all()
    filled('type: "bilinear"', random=random)
    assert random.state() == MersenneTwister(1).state()


@pytest.mark.parametrize(("norm", "n"), [("", 36), ("FAN_IN", 36), ("FAN_OUT", 54), ("AVERAGE", 45)])
def test_xavier_and_msra_scale_by_the_chosen_fan(norm, n):
    norm = norm and f" variance_norm: {norm}"
    bound = np.sqrt(3 / n)
    assert 0.95 * bound < np.abs(filled(f'type: "xavier"{norm}')).max() <= bound * (1 + 1e-6)
    unit = MersenneTwister(1).gaussian(6 * 36, 0, 1).reshape(SHAPE)
    np.testing.assert_allclose(filled(f'type: "msra"{norm}'), unit * np.sqrt(2 / n), rtol=1e-6)


def test_bilinear_weights():
    for side, row in ((1, [1]), (2, [0.5, 0.5]), (3, [0.5, 1, 0.5]), (4, [0.25, 0.75, 0.75, 0.25])):
        values = filled('type: "bilinear"', (2, 3, side, side))
        np.testing.assert_array_equal(values, np.broadcast_to(np.outer(row, row), values.shape))
    assert filled('type: "bilinear"', (1, 1, 4, 4)).flags.writeable  # for PyTorch, which warns of others


def test_sparse_keeps_about_that_many_weights_an_input():
    values = filled('type: "gaussian" sparse: 3', (40, 500))
    assert abs((values != 0).mean() - 3 / 40) < 0.01
    assert not filled('type: "gaussian" sparse: 0', (40, 5)).any()
    assert filled('type: "gaussian" sparse: 40', (40, 5)).all()


def test_rows_of_the_unit_ball_add_up_to_one():
    values = filled('type: "positive_unitball"')
    assert (values >= 0).all()
    np.testing.assert_allclose(values.reshape(6, -1).sum(1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "shape", "words"),
    [
        ('type: "Xavier"', SHAPE, ["'Xavier'", "constant", "uniform", "gaussian", "bilinear", "positive_unitball"]),
        ('type: "bilinear"', (3, 4), ["4 axes", "3x4"]),
        ('type: "bilinear"', (3, 4, 2, 5), ["square", "2x5"]),
        ('type: "uniform" min: 2', SHAPE, ["2", "1"]),
        ('type: "uniform" max: inf', SHAPE, ["inf"]),
        ('type: "gaussian" std: 0', SHAPE, ["standard deviation", "0"]),
        ('type: "gaussian" sparse: 7', SHAPE, ["7", "6"]),
        ('type: "gaussian" sparse: -2', SHAPE, ["-2"]),
        ('type: "uniform" sparse: 1', SHAPE, ["sparse", "uniform"]),
        ('type: "xavier"', (), ["scalar"]),
        ('type: "constant"', (3, 0), ["3x0"]),
    ],
)
def test_what_does_not_fit_is_refused(text, shape, words):
    with pytest.raises(CellsegError) as refused:
        filled(text, shape)
    assert len(str(refused.value).splitlines()) == 1
    assert all(word in str(refused.value) for word in words), refused.value
