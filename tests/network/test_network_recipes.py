"""The networks of the recipes as the tools write them."""

import re

import pytest
from support import ROOT, assert_refused, run_verb

from cellseg.engine.geometry import trainable_parameters
from cellseg.layout import Layout
from cellseg.network import ADAM, Schedule, UNet, solver
from cellseg.recipes import RECIPES


@pytest.mark.parametrize("recipe", ["best", "cells"])
def test_committed_files_of_a_recipe_are_what_the_generator_writes(recipe, tmp_path):
    done = run_verb("prototxt", "--recipe", recipe, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for place in ("prototxt/{}/deploy", "prototxt/{}/finetune", "solvers/{}/finetune"):
        name = f"{place.format(recipe)}.prototxt"
        assert (tmp_path / name).read_text() == (ROOT / name).read_text(), name


def test_a_recipe_without_pretraining_has_no_net_for_it(tmp_path):
    done = run_verb("prototxt", "--recipe", "unet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "solvers" / "unet").iterdir()} == {"finetune.prototxt"}


def test_a_parameter_that_the_network_does_not_have_is_refused(tmp_path):
    assert_refused(run_verb("prototxt", "--recipe", "unet", "--score-kernel", 3, cwd=tmp_path), "score_kernel")


def test_the_unets_size():
    convolutions = 9 * (16 + 2 * 256 + 48 * 16 + 16 * 32 + 2 * 32 * 32 + 96 * 32 + 32 * 64 + 2 * 64 * 64 + 192 * 64)
    lowest = 9 * (64 * 128 + 128 * 128)
    scales = 2 * (4 * 16 + 4 * 32 + 4 * 64 + 2 * 128)
    assert trainable_parameters(UNet()) == convolutions + lowest + scales + 2 * 16 + 2


def test_the_rate_of_adam_falls_to_nothing():
    schedule = Schedule(100, 10, batch=10, epochs=4, updates=ADAM)
    assert schedule.learning_rate(0) == 0.001
    assert schedule.learning_rate(20) == pytest.approx(0.001 * 0.5**0.9)
    text = solver(schedule, "net.prototxt", "prefix")
    fields = dict(re.findall(r"^(\w+): (.*)$", text, re.MULTILINE))
    assert fields["type"] == '"Adam"' and fields["lr_policy"] == '"poly"' and fields["momentum2"] == "0.999"
    assert "stepsize" not in fields and fields["max_iter"] == "40"


def test_every_recipe_stays_out_of_the_folders_of_the_others():
    kinds = {recipe.name: [kind for kind, *_ in recipe.samples.values()] for recipe in RECIPES.values()}
    folders = [Layout.of_recipe(name).data(kind) for name in kinds for kind in kinds[name]]
    assert len(set(folders)) == len(folders)
