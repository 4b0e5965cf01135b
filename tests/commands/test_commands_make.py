"""The Makefile: its verbs and its variables."""

import json
import os
import re
import shutil
import subprocess

import pytest
from support import ENGINE, ROOT


@pytest.mark.long
@pytest.mark.engine
def test_the_whole_report_from_a_clone_in_a_folder_with_a_space(tmp_path, real_folder):
    """`make reproduce` on five small real images, on the engine of this Python."""
    clone = tmp_path / "a clone"
    names = ("cellseg", "tools", "prototxt", "solvers")
    for name in names:
        shutil.copytree(str(ROOT / name), str(clone / name))
    shutil.copy(str(ROOT / "Makefile"), str(clone))
    for name in ("requirements.lock", "requirements-torch.lock"):
        shutil.copy2(ROOT / name, clone)  # with its date: older than .venv/made
    for door in (".caffe", ".venv"):
        if (ROOT / door).exists():
            (clone / door).symlink_to(ROOT / door)
    real = tmp_path / "my images"
    real_folder.rename(real)
    command = ["make", "reproduce", f"REAL={real}", "EPOCHS=1", "BATCH=4", f"ENGINE={ENGINE}"]
    # As in a shell: not inside `make test`, and without what the door of .caffe/ sets.
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PYTHON"))}
    environment = {**outside, "OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run(command, cwd=str(clone), capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    rows = [line for line in (clone / "runs" / "table1.md").read_text().splitlines() if line.startswith("| ")]
    names = ("report, before", "report, after", "ours, before", "ours, after")
    assert [row[2:].startswith(name) for row, name in zip(rows[1:], names)] == [True] * 4
    before = json.loads((clone / "runs" / "pretrain" / "before" / "evaluation.json").read_text())
    after = json.loads((clone / "runs" / "finetune" / "evaluation.json").read_text())
    assert before["data"] == after["data"] == "runs/data/real/test.txt" and after["images"] == 2
    honest = json.loads((clone / "runs" / "finetune" / "honest" / "evaluation.json").read_text())
    assert honest["threshold_chosen_on"] == "chosen on runs/data/real/train.txt"
    assert "STAND-IN" not in done.stdout
    assert done.stdout.splitlines()[-1] == "runs/report/report.html"
    page = (clone / "runs" / "report" / "report.html").read_text()
    assert "Figure 11" in page and f"{after['mcc']:.3f}" in page


@pytest.fixture
def make(tmp_path):
    """The Makefile beside a Python that only says how it was called, and with which variables."""
    for name in (".venv/bin/python", ".caffe/bin/python"):
        python = tmp_path / name
        python.parent.mkdir(parents=True)
        python.write_text('#!/bin/sh\necho "$@"\nenv -0 | grep -z ^CELLSEG_ >variables\n')
        python.chmod(0o755)
    for name in ("Makefile", "requirements.lock", "requirements-torch.lock"):
        shutil.copy2(ROOT / name, tmp_path)
    (tmp_path / ".venv" / "made").touch()

    def run(*words, **variables):
        outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        done = subprocess.run(
            ["make", *words], cwd=tmp_path, capture_output=True, text=True, env={**outside, **variables}
        )
        assert done.returncode == 0, done.stderr
        values = (tmp_path / "variables").read_text().rstrip("\0").split("\0")
        return done.stdout, dict(value.split("=", 1) for value in values)

    return run


@pytest.mark.parametrize("verb", ["data", "pretrain", "before", "finetune", "after", "table", "seeds", "ablation"])
def test_a_verb_calls_the_command(make, verb):
    said, variables = make(verb, "EPOCHS=3", "SEEDS=0 1", "VARIANT=--features 4", "WEIGHTS=nuclei")
    assert said == f"-m cellseg experiment {verb} --from-make\n"
    given = {name: variables[f"CELLSEG_{name}"] for name in ("EPOCHS", "SEEDS", "VARIANT", "WEIGHTS", "REAL")}
    assert given == {"EPOCHS": "3", "SEEDS": "0 1", "VARIANT": "--features 4", "WEIGHTS": "nuclei", "REAL": ""}


@pytest.mark.parametrize(
    "value",
    [
        "a b",
        "a:b",
        "it's",
        'a "b"',
        "$(touch x)",
        "$(shell touch x)",
        "`touch x`",
        "x; touch x",
        "$HOME",
        "a\nb",
        "#a",
        "a\\",
    ],
)
@pytest.mark.parametrize("where", ["command line", "environment"])
def test_no_value_is_read_by_a_shell_or_by_make(make, tmp_path, value, where):
    given = ((f"REAL={value}", f"NOBODYS={value}"), {}) if where == "command line" else ((), {"REAL": value})
    _, variables = make("finetune", *given[0], **given[1])
    assert variables["CELLSEG_REAL"] == value and not (tmp_path / "x").exists()


def test_the_image_has_one_python(tmp_path, make):
    named = tmp_path / "it's `a` Python"
    shutil.copy(tmp_path / ".caffe/bin/python", named)
    said, _ = make("table", CELLSEG_PYTHON=str(named))
    assert said == "-m cellseg experiment table --from-make\n"


def test_make_alone_lists_the_verbs():
    done = subprocess.run(["make"], cwd=str(ROOT), capture_output=True, text=True)
    for verb in ("caffe", "prototxt", "data", "pretrain", "finetune", "reproduce", "test"):
        assert re.search(rf"^  {verb} +\w", done.stdout, re.MULTILINE), done.stdout
