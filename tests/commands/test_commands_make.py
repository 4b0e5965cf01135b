"""The Makefile: its verbs and its variables."""

import json
import os
import re
import shutil
import subprocess

import pytest
from support import ENGINE, ROOT


@pytest.mark.engine
def test_the_whole_report_from_a_clone_in_a_folder_with_a_space(tmp_path, real_folder):
    """`make reproduce` on five small real images, on the engine of this Python."""
    clone = tmp_path / "a clone"
    names = ("cellseg", "tools", "prototxt", "solvers")
    for name in names:
        shutil.copytree(str(ROOT / name), str(clone / name))
    shutil.copy(str(ROOT / "Makefile"), str(clone))
    shutil.copy2(str(ROOT / "requirements.lock"), str(clone))  # with its date: older than .venv/made
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


def test_fine_tuning_without_real_images_starts_with_the_stand_in():
    plan = subprocess.run(["make", "-n", "finetune", "REAL="], cwd=str(ROOT), capture_output=True, text=True).stdout
    first = next(line for line in plan.splitlines() if "tools/" in line and "make_caffe" not in line)
    assert "tools/make_data.py stand-in" in first  # whose own first line says STAND-IN


def test_make_alone_lists_the_verbs():
    done = subprocess.run(["make"], cwd=str(ROOT), capture_output=True, text=True)
    for verb in ("caffe", "prototxt", "data", "pretrain", "finetune", "reproduce", "test"):
        assert re.search(rf"^  {verb} +\w", done.stdout, re.MULTILINE), done.stdout
