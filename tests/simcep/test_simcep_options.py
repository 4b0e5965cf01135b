import json
import math

import numpy as np
import pytest

from cellseg.errors import CellsegError
from cellseg.simcep import Options


def test_defaults_are_those_of_the_public_copies():
    options = Options()
    population, measurement, cell = options.population, options.measurement, options.cell_obj
    assert population.template == (256, 256) and population.N == 40
    assert (population.clust, population.clustprob, population.spatvar, population.overlap) == (3, 0, 0.05, 1)
    assert (measurement.illumscale, measurement.autofluorscale, measurement.ccd) == (1, 0.05, 0.0001)
    assert (measurement.misalign_x, measurement.misalign_y, measurement.comp) == (0, 0, 0)
    assert measurement.focus_sigma == (0.5, 5)
    assert (cell.nucleus.radius, cell.nucleus.shape, cell.nucleus.texture) == (10, (0.1, 0.1), (0.5, 2, 5, 0.2))
    assert (cell.cytoplasm.radius, cell.cytoplasm.shape) == (25, (0.3, 0.05))
    assert cell.cytoplasm.texture == (0.9, 2, 8, 0.2)
    assert cell.subcell.ns == 4 and not cell.subcell.include


def test_round_trip_through_json():
    options = Options().replace({"population.N": 7, "cell_obj.nucleus.shape": [0.2, 0.3]})
    assert Options.from_dict(json.loads(json.dumps(options.to_dict()))) == options
    assert options.cell_obj.nucleus.shape == (0.2, 0.3)


def test_partial_dictionary_keeps_the_other_defaults():
    assert Options.from_dict({"population": {"N": 3}}) == Options().replace("population.N", 3)


def test_replace_returns_a_copy_and_also_works_on_a_group():
    options = Options()
    assert options.replace("population.N", 3).population.N == 3
    assert options.population.N == 40
    assert options.population.replace("population.N", 4).N == 4
    with pytest.raises(AttributeError):
        options.population.N = 3


def test_plain_values_whatever_numpy_gives():
    options = Options().replace(
        {
            "population.N": np.int64(3),
            "measurement.ccd": np.float32(0.5),
            "population.template": np.array([32, 64]),
            "measurement.always_jpeg": np.bool_(True),
        }
    )
    assert type(options.population.N) is int and type(options.measurement.ccd) is float
    assert options.population.template == (32, 64) and options.measurement.always_jpeg is True
    json.dumps(options.to_dict())


@pytest.mark.parametrize(
    "name, value, part",
    [
        ("population.N", -1, "whole number from 0"),
        ("population.N", 2.5, "whole number"),
        ("population.N", "many", "not 'many'"),
        ("population.N", True, "whole number"),
        ("population.N", None, "whole number"),
        ("population.template", 256, "list of 2 numbers"),
        ("population.template", (256, 0), "the width must be"),
        ("population.template", "ab", "list of 2"),
        ("population.clust", 0, "from 1"),
        ("population.clustprob", 1.1, "from 0 to 1"),
        ("population.spatvar", -0.1, "from 0"),
        ("population.overlap", float("nan"), "from 0 to 1"),
        ("population.overlap_obj", 3, "from 1 to 2"),
        ("population.overlap_obj", 2, "cytoplasm, which is not included"),
        ("measurement.illumscale", -1, "from 0"),
        ("measurement.misalign_x", math.inf, "from -100"),
        ("measurement.ccd", -0.1, "from 0"),
        ("measurement.comp", 2, "from 0 to 1"),
        ("measurement.focus_sigma", (5, 0.5), "least"),
        ("measurement.always_jpeg", 2, "true"),
        ("cell_obj.nucleus.radius", 0, "from 1"),
        ("cell_obj.nucleus.shape", (0.1,), "alpha, beta"),
        ("cell_obj.nucleus.shape", (-0.1, 0.1), "the alpha"),
        ("cell_obj.nucleus.texture", (0.5, 2, 5), "list of 4"),
        ("cell_obj.nucleus.texture", (0, 2, 5, 0.2), "the persistence"),
        ("cell_obj.nucleus.texture", (0.5, 2.5, 5, 0.2), "the first octave"),
        ("cell_obj.nucleus.texture", (0.5, 8, 5, 0.2), "above 11"),
        ("cell_obj.nucleus.include", 0, "nothing to draw"),
        ("cell_obj.nucleus.include", "yes", "true"),
        ("cell_obj.subcell.include", 1, "cytoplasm"),
        ("cell_obj.subcell.ns", 0, "from 1"),
    ],
)
def test_bad_value_is_one_line_that_names_the_option(name, value, part):
    with pytest.raises(CellsegError) as caught:
        Options().replace(name, value)
    message = str(caught.value)
    assert part in message and "\n" not in message
    assert name in message or name == "cell_obj.nucleus.include"


@pytest.mark.parametrize(
    "record",
    [
        {"populations": {}},
        {"population": {"M": 3}},
        {"cell_obj": {"nucleus": {"size": 3}}},
    ],
)
def test_unknown_name_lists_the_known_ones(record):
    with pytest.raises(CellsegError, match="unknown; the options are .*"):
        Options.from_dict(record)
    with pytest.raises(CellsegError, match="population.N, .*cell_obj.subcell.texture"):
        Options().replace("population", 3)


@pytest.mark.parametrize("record", [None, [], 3, {"population": 3}, {"cell_obj": {"nucleus": []}}])
def test_something_else_than_groups(record):
    with pytest.raises(CellsegError, match="must be a group of named options"):
        Options.from_dict(record)


def test_group_of_the_wrong_kind():
    with pytest.raises(CellsegError, match="Population"):
        Options(population=3)


def test_options_that_depend_on_each_other_can_change_together():
    options = Options().replace(
        {"cell_obj.nucleus.include": 0, "cell_obj.cytoplasm.include": 1, "population.overlap_obj": 2}
    )
    assert options.cell_obj.cytoplasm.include and not options.cell_obj.nucleus.include
