"""The `cellseg` command: its verbs, its help and how it refuses."""

import os
import subprocess
import sys

import pytest
from support import ROOT, assert_refused, run_verb

from cellseg import __version__, commands


def test_help_lists_the_verbs_with_their_summaries(tmp_path):
    shown = " ".join(run_verb("--help", cwd=tmp_path).stdout.split())
    for verb in commands.VERBS:
        summary = commands.module(verb).__doc__.splitlines()[0].rstrip(".")
        assert f"{verb} {summary}" in shown


@pytest.mark.parametrize("verb", ["", *commands.VERBS])
def test_help_loads_no_library(verb):
    """Else it would be slow. The readers of images, whose suffixes `segment --help` names, need numpy."""
    slow = {"torch", "scipy", "h5py", "matplotlib", "google", "skimage", *({"numpy"} if verb != "segment" else ())}
    code = f"import sys; from cellseg.commands import main\ntry: main({[*verb.split(), '--help']})\n"
    code += f"except SystemExit: pass\nprint(sorted({slow} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


def test_version(tmp_path):
    assert run_verb("--version", cwd=tmp_path).stdout == f"cellseg {__version__}\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["trian"], ["'trian'", "did you mean 'train'?"]),
        (["zzz"], ["'zzz'", "simulate", "plot-log"]),
        (["train"], ["STAGE"]),
        (["evaluate", ""], ["model is empty"]),
        (["evaluate", "m", "--colour"], ["--colour", "--help lists the options"]),
    ],
)
def test_mistakes_are_one_line(tmp_path, words, says):
    assert_refused(run_verb(*words, cwd=tmp_path), *says)


def test_without_a_verb_it_helps(tmp_path):
    command = [sys.executable, "-m", "cellseg"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("usage: cellseg")
