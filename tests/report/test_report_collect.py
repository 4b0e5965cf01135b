"""Finding experiments: what belongs together, what is left out, and which damage is named."""

import json
import shutil

import pytest

from cellseg.errors import CellsegError
from cellseg.network import Fcn, UNet
from cellseg.report.collect import collect

FEW = {"evaluations": ("after",)}


def rewrite(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_experiments_that_differ_in_the_seed_alone_are_one_group(tmp_path, make_experiment):
    for place in ("seed-10", "", "seed-2"):
        make_experiment(place, seed=int(place[5:] or 0), **FEW)
    make_experiment("best", recipe="best", network=UNet(), **FEW)
    make_experiment("unet", recipe="unet", network=UNet(), stages=("finetune",), **FEW)
    make_experiment("ablation/kernel-5", network=Fcn(kernel=5), **FEW)
    make_experiment("ablation/kernel-5/seed-1", network=Fcn(kernel=5), seed=1, **FEW)
    make_experiment("ablation/report", **FEW)
    found = collect(tmp_path / "runs")
    assert [(group.recipe, group.seeds) for group in found.groups] == [
        ("report", [0, 2, 10]),
        ("best", [0]),
        ("unet", [0]),
    ]
    assert [(group.ablation, group.seeds) for group in found.ablations] == [("report", [0]), ("kernel-5", [0, 1])]
    assert found.main.network == Fcn(features=8) and found.main.first.folder == tmp_path / "runs"
    assert found.notes == []


def test_earlier_runs_and_data_sets_are_passed_over(tmp_path, make_experiment):
    runs = make_experiment(**FEW)
    shutil.copytree(str(runs / "finetune"), str(runs / "finetune.1"))
    for place in ("finetune.1/finetune", "data/finetune", ".report.0123/finetune"):
        shutil.copytree(str(runs / "finetune.1"), str(runs / place))
    found = collect(runs)
    assert [len(group.experiments) for group in found.groups] == [1] and found.notes == []


def test_a_run_that_is_not_finished_is_left_out_and_named(tmp_path, make_experiment, change):
    runs = make_experiment(**FEW)
    change(runs / "finetune" / "run.json", status="running")
    found = collect(runs)
    assert list(found.main.first.stages) == ["pretrain"] and not found.main.first.evaluations
    assert any("finetune" in note and "running" in note for note in found.notes)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("finetune/run.json", '{"stage": "finetune", "sta'),
        ("finetune/run.json", '{"status": "finished"}'),
        ("finetune/history.csv", ""),
        ("finetune/history.csv", "epoch,lr,train_loss,test_loss,test_mcc\n1,0.1,x,0.1,0.1\n"),
        ("pretrain/data.json", None),
        ("finetune/evaluation.json", '{"mcc": 1}'),
    ],
)
def test_a_damaged_record_is_named(make_experiment, file, text):
    runs = make_experiment(**FEW)
    (runs / file).unlink()
    if text is not None:
        (runs / file).write_text(text)
    with pytest.raises(CellsegError, match=file):
        collect(runs)


@pytest.mark.parametrize(
    ("key", "lost"),
    [
        ("methods.otsu", "mcc"),
        ("methods.cleaned.objects", "f1"),
        ("sweep.3", "tp"),
        ("per_image.0", "name"),
        ("settings", "largest_hole"),
        ("baseline_otsu", "recall"),
    ],
)
def test_a_damaged_part_of_an_evaluation_is_named(make_experiment, key, lost):
    path = make_experiment() / "finetune" / "honest" / "evaluation.json"
    record = json.loads(path.read_text())
    part = record
    for name in key.split("."):
        part = part[int(name) if name.isdigit() else name]
    del part[lost]
    path.write_text(json.dumps(record))
    with pytest.raises(CellsegError, match="honest/evaluation.json"):
        collect(path.parents[2])


def test_an_evaluation_of_other_weights_is_left_out(make_experiment, change):
    runs = make_experiment(evaluations=("after", "before"))
    change(runs / "finetune" / "evaluation.json", model_sha256="of an older model")
    found = collect(runs)
    assert list(found.main.first.evaluations) == ["before"]
    assert any("finetune/evaluation.json" in note and "other weights" in note for note in found.notes)


def test_a_fine_tuning_of_another_pretraining_is_noted(make_experiment, change):
    runs = make_experiment(**FEW)
    change(runs / "finetune" / "run.json", initial_weights={"file": "w", "sha256": "of an older model"})
    assert any("did not start from" in note for note in collect(runs).notes)


def test_what_cannot_be_averaged_or_compared_is_left_out(make_experiment, change):
    runs = make_experiment(**FEW)
    make_experiment("again", **FEW)
    make_experiment("quick", seed=1, epochs=3, **FEW)
    other = make_experiment("best", recipe="best", network=UNet(), **FEW)
    change(other / "finetune" / "evaluation.json", foreground=0.3)
    found = collect(runs)
    assert [group.seeds for group in found.groups] == [[0]] and found.main.first.folder == runs
    for place, why in (("again", "seed"), ("quick", "schedule"), ("best", "other images")):
        assert any(f"runs/{place} is left out" in note and why in note for note in found.notes), found.notes


def test_records_from_before_recipes_are_the_reports(make_experiment, change):
    runs = make_experiment(evaluations=("after", "before"))
    for stage in ("pretrain", "finetune"):
        path = runs / stage / "run.json"
        record = json.loads(path.read_text())
        del record["recipe"], record["orientations"], record["variant"]["network"]
        path.write_text(json.dumps(record))
    path = runs / "finetune" / "evaluation.json"
    record = json.loads(path.read_text())
    for key in ("methods", "settings", "per_image", "median_mcc", "recipe", "seed", "orientations"):
        del record[key]
    path.write_text(json.dumps(record))
    (path.parent / "predictions.h5").unlink()
    found = collect(runs).main
    assert (found.recipe, found.network) == ("report", Fcn(features=8))
    after = found.first.evaluations["after"]
    assert after.predictions() is None and set(after.methods) == {"network", "otsu"}
    assert after.methods["network"].mcc == record["mcc"]


def test_a_folder_without_runs(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(CellsegError, match=str(folder)):
            collect(folder)
