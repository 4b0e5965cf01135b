"""The command on odd terminals: closed or full output, names that would act on it, drawing without a screen."""

import os
import subprocess
import sys

import pytest
from PIL import Image
from support import ROOT, assert_refused, run_verb, smooth

from cellseg.errors import CellsegError


def shell(line, cwd, **environment):
    command = ["sh", "-c", line.replace("cellseg", '"$PYTHON" -m cellseg')]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHON": sys.executable, **environment}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment)


def test_closed_or_full_output_gives_no_traceback(tmp_path):
    done = shell("cellseg prototxt <&- >&- 2>&-", tmp_path)
    assert done.returncode == 0 and not done.stdout + done.stderr
    assert {path.read_text()[:5] for path in tmp_path.glob("*/pretrain.prototxt")} <= {"name:", "# 60 "}
    done = shell("cellseg prototxt > /dev/full", tmp_path)
    assert_refused(done, "output: No space left on device")


def test_matplotlibs_screen_does_not_matter(tmp_path):
    assert_refused(shell("cellseg plot-log none.log --epoch-iterations 4", tmp_path, MPLBACKEND="bogus"), "none.log")


@pytest.mark.engine
def test_names_do_not_act_on_the_terminal(model, tmp_path):
    assert str(CellsegError("a\x1b[2Jb\u202e\udcff\nc\N{GREEK SMALL LETTER MU}")) == (
        "a\\x1b[2Jb\\u202e\\udcff c\N{GREEK SMALL LETTER MU}"
    )
    (tmp_path / "in").mkdir()
    Image.fromarray(smooth(40, 40)).save(tmp_path / "in/\x1b[2Jgood.png")
    (tmp_path / "in/\x1b[2Jbad.png").write_text("")
    done = run_verb("segment", model, "in", "--out", "out", cwd=tmp_path)
    assert done.returncode == 1 and "\\x1b[2Jgood.png: " in done.stdout and "\\x1b[2Jbad.png" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert (tmp_path / "out/\x1b[2Jgood.png/labels.tif").exists()


@pytest.mark.engine
def test_an_image_may_have_the_longest_name_of_the_system(model, tmp_path):
    name = "\N{GREEK SMALL LETTER MU}" * 125 + "x.png"
    Image.fromarray(smooth(40, 40)).save(tmp_path / name)
    for _ in range(2):
        done = run_verb("segment", model, name, "--out", "out", "--overwrite", cwd=tmp_path)
        assert done.returncode == 0 and (tmp_path / "out" / name / "labels.tif").exists(), done.stderr
