"""tools/: the verbs from a clone that is not installed, and the Pythons that they refuse or leave."""

import ast
import os
import shutil
import subprocess
import sys

import pytest
from support import ROOT, assert_refused, run_tool, run_verb

TOOLS = {"inspect_files": "inspect", "make_data": "data", "make_prototxt": "prototxt", "plot_log": "plot-log"}
VERBS = sorted(path.stem for path in (ROOT / "tools").glob("[!_]*.py"))


@pytest.mark.parametrize("tool", VERBS)
def test_the_help_of_every_tool_is_its_verbs(tool, tmp_path):
    done = run_tool(tool, "--help", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("usage: cellseg"), done.stderr
    assert done.stdout == run_verb(TOOLS.get(tool, tool), "--help", cwd=tmp_path).stdout


def test_unknown_options_are_one_line(tmp_path):
    assert_refused(run_tool("evaluate", "--colour-of-the-bikeshed", cwd=tmp_path), "--help lists the options")


@pytest.fixture
def clone(tmp_path):
    """A copy of the tools, and a Python that has no libraries."""
    for folder in ("cellseg", "tools"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run():
        command = [sys.executable, "-S", "tools/evaluate.py", "a b.caffemodel"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)

    return tmp_path, run


def test_a_python_without_the_libraries_goes_on_under_venv(clone):
    folder, run = clone
    assert_refused(run(), "lacks", "make venv")
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "venv: $2"\n')
    python.chmod(0o755)
    assert run().stdout == "venv: a b.caffemodel\n"


@pytest.mark.parametrize("tool", ["_clone", *VERBS])
def test_old_pythons_can_read_the_tools(tool):
    ast.parse((ROOT / "tools" / f"{tool}.py").read_text(), feature_version=(3, 4))


def test_an_old_python_is_refused_in_a_line(clone):
    folder, run = clone
    text = (folder / "tools" / "_clone.py").read_text()
    assert "LEAST = (3, 11)" in text
    (folder / "tools" / "_clone.py").write_text(text.replace("(3, 11)", "(4, 0)"))
    assert_refused(run(), "this is Python 3.", "needs Python 4.0 or newer")
