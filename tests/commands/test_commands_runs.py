"""cellseg runs: which runs there are, and what is removed of those that were kept."""

import json
from pathlib import Path

import pytest
from support import assert_refused, run_record, run_verb

from cellseg.locks import only_writer
from cellseg.results import replacing_files, replacing_folder


@pytest.fixture
def runs(tmp_path):
    for name, status in (("pretrain", "running"), ("finetune", "finished"), ("finetune.1", "interrupted")):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        last = {"epoch": 2, "test_mcc": 0.25}
        (folder / "run.json").write_text(json.dumps(run_record(status=status, last_epoch=last, started="2026-01-02")))
        for file in ("train.log", "finetune_iter_8.solverstate.resume.json", "finetune.caffemodel", "deploy.prototxt"):
            (folder / file).write_text("x" * 1000)
    kept = tmp_path / "runs/finetune.1"
    with replacing_files(kept, ("evaluation.json",)) as beside:
        (beside / "evaluation.json").write_text("{}")
    with replacing_folder(kept / "chosen") as beside:
        (beside / "sweep.csv").write_text("x")
    return tmp_path


def test_all_runs_are_listed_and_those_that_were_killed_are_told_from_those_that_run(runs):
    lines = run_verb("runs", cwd=runs).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["runs/finetune", "runs/finetune.1", "runs/pretrain"]
    assert "finished, finetune, recipe report, 2 of 3 epochs, test MCC 0.2500, 2026-01-02, 0.0 MB" in lines[0]
    assert "interrupted" in lines[1] and "killed" in lines[2]
    with only_writer(runs / "runs/pretrain"):
        assert "running" in run_verb("runs", cwd=runs).stdout
    assert_refused(run_verb("runs", "elsewhere", cwd=runs), "elsewhere: no such folder")


def test_a_kept_run_is_removed_but_no_file_of_the_users(runs):
    kept, others = runs / "runs/finetune.1", sorted(Path(runs / "runs/finetune").iterdir())
    (kept / "thesis.txt").write_text("mine")
    (kept / "chosen/sweep.csv").write_text("y")
    done = run_verb("runs", "--remove", "runs/finetune.1", cwd=runs)
    assert "removed: runs/finetune.1; left there" in done.stdout and "chosen/sweep.csv, thesis.txt" in done.stdout
    left = sorted(str(path.relative_to(kept)) for path in kept.rglob("*") if path.is_file())
    assert left == ["chosen/sweep.csv", "thesis.txt"]
    assert_refused(run_verb("runs", "--remove", "runs/finetune", cwd=runs), "is no earlier run")
    assert_refused(run_verb("runs", "--remove", "runs/finetune.1", cwd=runs), "run.json")
    assert sorted(Path(runs / "runs/finetune").iterdir()) == others


def test_a_kept_run_of_which_all_is_ours_is_gone(runs):
    assert run_verb("runs", "--remove", "runs/finetune.1", cwd=runs).stdout == "removed: runs/finetune.1\n"
    assert not (runs / "runs/finetune.1").exists()
