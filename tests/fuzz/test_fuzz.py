"""Damaged files of each format: read as they are, or refused in one line, with bounded time and memory.

The seed is fixed. `make fuzz` tries as many as a day's search needs; see COUNTS.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
#: For each format, how many are tried here and in `make fuzz`; those of a row in one process.
COUNTS = {
    "engine": {"net": (60, 3300), "solver": (15, 500), "resume": (40, 1200)},
    "records": {"records": (150, 1000), "report": (50, 1000), "predictions": (60, 3000), "log": (6, 250)},
}
NEEDED = {"engine": ("torch",), "records": ("matplotlib", "jinja2")}


@pytest.mark.parametrize("group", COUNTS)
def test_damaged_files_are_read_or_refused(tmp_path, group):
    if not all(map(importlib.util.find_spec, NEEDED[group])):
        pytest.skip(f"needs {', '.join(NEEDED[group])}")
    whole = bool(os.environ.get("CELLSEG_FUZZ"))
    words = [f"{name}={counts[whole]}" for name, counts in COUNTS[group].items()]
    paths = [str(TESTS), str(TESTS.parent)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "GLOG_minloglevel": "2", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.run", "0", *words], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"the last attempt: {lines[-1:]}, exit code {done.returncode}\n{done.stderr[-2000:]}"
    assert not [line for line in lines if line.startswith("FAULT")]
    for name in COUNTS[group]:
        (counts,) = (line for line in lines if line.startswith(f"{name}: "))
        print(counts)
        assert "refused" in counts or name == "log", "a log with a damaged line is still a log"
