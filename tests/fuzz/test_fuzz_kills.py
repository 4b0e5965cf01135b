"""Verbs that are killed at any time: the same command again ends as if nothing had been. `make kills` tries more."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs PyTorch: make venv")
def test_a_killed_verb_leaves_nothing_that_its_next_run_does_not_mend(tmp_path):
    count, verbs = (100, ()) if os.environ.get("CELLSEG_FUZZ") else (3, ("simulate",))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(TESTS), str(TESTS.parent)))}
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.kills", "0", str(count), *verbs],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not [line for line in done.stdout.splitlines() if line.startswith("FAULT")]
    assert done.stdout.count(" after ") >= count
