"""`cellseg experiment`: which commands it runs, where their results lie, and how it ends."""

import json
import shlex

import pytest
from support import ENGINE, assert_refused, run_verb

from cellseg.layout import Layout


def planned(*words, cwd):
    """The commands, as words."""
    done = run_verb("experiment", *words, "--dry-run", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return [shlex.split(line)[1:] for line in done.stdout.splitlines()]


def option(command, name):
    return command[command.index(name) + 1]


def test_the_steps_of_the_reports_recipe(tmp_path):
    steps = planned(cwd=tmp_path)
    assert [" ".join(step[:2]) for step in steps] == [
        *("data stand-in", "data simulated", "train pretrain"),
        *("evaluate runs/pretrain/pretrain.caffemodel", "evaluate runs/pretrain/pretrain.caffemodel"),
        *("train finetune", *["evaluate runs/finetune/finetune.caffemodel"] * 3),
        "table runs/pretrain/before/evaluation.json",
    ]
    assert option(steps[5], "--weights") == "runs/pretrain/pretrain.caffemodel"
    assert steps[6][2:6] == ["--split", "train", "--out", "runs/finetune/chosen"]
    assert option(steps[7], "--threshold") == "runs/finetune/chosen/evaluation.json"


def test_a_recipe_without_pretraining_starts_with_the_real_images(tmp_path):
    steps = planned("--recipe", "best", "--real", "it's", cwd=tmp_path)
    assert [step[0] for step in steps] == ["data", "train", "evaluate", "evaluate", "evaluate", "table"]
    assert option(steps[0], "--real") == "it's" and option(steps[0], "--out") == "runs/best/data/real"
    assert "--weights" not in steps[1] and option(steps[1], "--out") == "runs/best/finetune"
    tuned = planned("--recipe", "best", "--real", "r", "--pretraining", "tuned", cwd=tmp_path)
    assert tuned[1][:4] == ["data", "tuned", "--real", "r"] and "--weights" in tuned[5]


def test_given_weights_take_the_place_of_a_pretraining(tmp_path):
    steps = planned("--real", "r", "--weights", "nuclei", cwd=tmp_path)
    assert [step[0] for step in steps] == ["data", "train", "evaluate", "evaluate", "evaluate", "table"]
    assert option(steps[1], "--weights") == "nuclei"
    assert [step[:2] for step in planned("finetune", "--weights", "x", cwd=tmp_path)] == [
        *(["data", "stand-in"], ["train", "finetune"])
    ]
    refused = run_verb("experiment", "pretrain", "--weights", "nuclei", "--dry-run", cwd=tmp_path)
    assert_refused(refused, "--weights nuclei", "no pretraining")
    both = run_verb("experiment", "--weights", "nuclei", "--pretraining", "tuned", "--dry-run", cwd=tmp_path)
    assert_refused(both, "--pretraining and --weights")


def test_options_reach_the_commands_that_have_them(tmp_path):
    given = "--epochs 3 --batch 4 --seed 7 --engine torch --normalisation root --copies 9 --features 4 --rgb luminance"
    steps = planned("--real", "r", *given.split(), cwd=tmp_path)
    for step in steps:
        if step[0] != "table":
            assert step[0] == "data" or option(step, "--engine") == "torch"
        if step[0] in ("data", "train"):
            assert option(step, "--seed") == "7" and option(step, "--recipe") == "report"
        if step[0] == "data":
            assert option(step, "--normalisation") == "root"
        if step[0] == "train":
            assert option(step, "--epochs") == "3" and option(step, "--batch") == "4" and "--features=4" in step
    assert "--copies" not in steps[1]
    assert option(steps[0], "--copies") == "9" and option(steps[0], "--rgb") == "luminance"


def test_every_seed_fold_and_change_has_its_folder(tmp_path):
    outs = [option(step, "--out") for step in planned("seeds", "--seeds", 0, 2, cwd=tmp_path) if step[0] == "table"]
    assert outs == ["runs/table1.md", "runs/seed-2/table1.md"]
    steps = planned("ablation", "--seeds", 0, 1, cwd=tmp_path)
    outs = [option(step, "--out") for step in steps if step[:2] == ["train", "finetune"]]
    names = ("report", "poolings-2", "kernel-5", "features-48")
    assert outs == [f"runs/ablation/{name}/{seed}finetune" for name in names for seed in ("", "seed-1/")]
    assert [step for step in steps if "runs/ablation/kernel-5/finetune" in step][0][-1] == "--kernel=5"
    assert steps[-1] == ["report", "runs"]
    steps = planned("crossvalidate", "--real", "r", "--folds", 2, "--recipe", "unet", "--name", "n", cwd=tmp_path)
    data = [(option(step, "--real"), option(step, "--out")) for step in steps if step[0] == "data"]
    folds = [(f"runs/folds-2/fold-{fold}", f"runs/crossvalidation/n/fold-{fold}/data/real") for fold in range(2)]
    assert data == folds


def test_a_missing_pretraining_is_made_and_one_that_is_there_is_kept(tmp_path):
    layout = Layout(tmp_path / "runs")
    assert [step[:2] for step in planned("finetune", cwd=tmp_path)] == [
        *(["data", "simulated"], ["train", "pretrain"], ["data", "stand-in"], ["train", "finetune"])
    ]
    layout.run("pretrain").mkdir(parents=True)
    layout.model("pretrain").touch()
    assert [step[0] for step in planned("finetune", cwd=tmp_path)] == ["data", "train"]
    assert [step[0] for step in planned("before", cwd=tmp_path)] == ["data", "evaluate", "evaluate"]
    layout.model("pretrain").unlink()
    (layout.run("pretrain") / "run.json").write_text("{}")
    assert_refused(run_verb("experiment", "finetune", cwd=tmp_path), "runs/pretrain", "not finished", "resume")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["pretrain", "--recipe", "best"], "no pretraining"),
        (["before", "--recipe", "best"], "no pretraining"),
        (["crossvalidate"], "--real FOLDER"),
        (["ablation", "--runs", "x"], "--runs: ablation has folders of its own"),
        (["ablation", "--recipe", "best"], "--recipe best: ablation changes the report's own network"),
        (["seeds", "--seed", "3"], "--seed 3: seeds takes several, --seeds"),
        (["bake"], "bake"),
        (["--real", "nowhere"], "nowhere"),
    ],
)
def test_mistakes_are_one_line(tmp_path, words, says):
    assert_refused(run_verb("experiment", *words, cwd=tmp_path), says)
    assert not (tmp_path / "runs" / "finetune").exists()


def test_variables_of_make_are_options(tmp_path, monkeypatch):
    variables = {"REAL": "it's $(x)", "EPOCHS": "", "SEEDS": "3  4", "VARIANT": "--features 4 --poolings 2"}
    for name, value in variables.items():
        monkeypatch.setenv(f"CELLSEG_{name}", value)
    steps = planned("seeds", "--from-make", cwd=tmp_path)
    assert option(steps[0], "--real") == "it's $(x)"
    trainings = [step for step in steps if step[0] == "train"]
    assert [option(step, "--seed") for step in trainings] == ["3", "3", "4", "4"]
    assert all({"--features=4", "--poolings=2"} <= set(step) and "--epochs" not in step for step in trainings)
    assert option(planned("seeds", cwd=tmp_path)[0], "--out") == "runs/data/stand-in"  # without the flag
    monkeypatch.setenv("CELLSEG_VARIANT", "--features '4")
    assert_refused(run_verb("experiment", "--from-make", cwd=tmp_path), "VARIANT", "quotation")


@pytest.mark.engine
def test_a_whole_crossvalidation(tmp_path, real_folder):
    """Two folds of one or two images, with a tiny network."""
    words = ["--real", real_folder, "--folds", 2, "--recipe", "unet", "--epochs", 1, "--batch", 4, "--features", 4]
    done = run_verb("experiment", "crossvalidate", *words, "--engine", ENGINE, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("3 held-out images in 2 folds, pooled: MCC ")
    run = json.loads((tmp_path / "runs/crossvalidation/unet/fold-1/finetune/run.json").read_text())
    assert run["status"] == "finished" and run["command"].startswith("cellseg train finetune ")
