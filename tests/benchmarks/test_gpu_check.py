"""The check for the day a GPU is there: its steps by themselves, and a rehearsal of some on the processor."""

import json
import os
import subprocess
import sys
import time

import gpu_steps
import pytest
from support import ROOT

from benchmarks.gpu_check.page import page
from benchmarks.gpu_check.run import Setting, Step, run_step


@pytest.mark.parametrize(
    ("function", "status", "why"),
    [
        (gpu_steps.finds_a_fault, "failed", "<b>too far</b>"),
        (gpu_steps.cannot_be_tried, "left out", "one GPU"),
        (gpu_steps.refuses, "failed", "no GPU 3"),
        (gpu_steps.has_a_defect, "failed", "exit code 9"),
        (gpu_steps.hangs, "out of time", "ended after 8 s"),
    ],
)
def test_a_step_ends_in_a_result_whatever_happens(tmp_path, function, status, why):
    started = time.monotonic()
    result = run(function, 8 if function is gpu_steps.hangs else 90, tmp_path)
    assert result.status == status and why in result.why, result
    assert time.monotonic() - started < 60
    assert ("seconds" in result.found) == (function is gpu_steps.finds_a_fault)


def test_a_step_for_which_no_time_is_left_is_not_begun(tmp_path):
    assert run(gpu_steps.refuses, 0.5, tmp_path).status == "out of time"


def run(function, limit, folder):
    return run_step("one", Step("One", function, 90), Setting(str(folder)), limit, folder / "log")


def test_a_rehearsal_writes_the_record_and_the_page_and_fails_as_a_step_does(tmp_path):
    command = [sys.executable, "-m", "benchmarks.gpu_check", "--rehearse", "--out", "out", "--steps", "segment"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    record = json.loads((tmp_path / "out/gpu_check.json").read_text())
    look, segment = record["steps"]
    assert look["status"] == "passed" and look["found"]["gpus"] == 0 and record["rehearsal"], done.stderr
    assert segment["found"]["there are"] == 36 and segment["found"]["side"] == 256
    assert (done.returncode, record["passed"]) == (0, True), segment
    text = (tmp_path / "out/gpu_check.html").read_text()
    assert "A rehearsal." in text and "GPU check: all passed" in text and "Segmentation of a large image" in text
    failed = {**record, "passed": False, "steps": [{**segment, "status": "failed", "why": "<b>too far</b>"}]}
    assert "not all passed" in page(failed) and "&lt;b&gt;too far" in page(failed)
