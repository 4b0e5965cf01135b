"""`make venv`: which Python it takes."""

import os
import shutil
import subprocess

import pytest
from support import ROOT, assert_refused


@pytest.fixture
def old(tmp_path):
    """A folder with the script and, as all that is in the path, a python3 of version 3.9."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "make_venv.sh", tmp_path / "tools")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "dirname").symlink_to(shutil.which("dirname"))
    put(tmp_path, "python3", 'if [ "$1" = -V ]; then echo "Python 3.9.2"; else exit 1; fi')
    return tmp_path


def put(folder, name, text):
    (folder / "bin" / name).write_text(f"#!{shutil.which('sh')}\n{text}\n")
    (folder / "bin" / name).chmod(0o755)


def make_venv(folder):
    command = [shutil.which("bash"), str(folder / "tools" / "make_venv.sh")]
    environment = {**os.environ, "PATH": str(folder / "bin")}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_an_old_python_is_refused_in_one_line(old):
    assert_refused(make_venv(old), "needs Python 3.11 or newer", "this is Python 3.9.2")


def test_a_newer_one_beside_an_old_one_is_taken(old):
    for name in ("gcc", "rm", "touch"):
        put(old, name, "exit 0")
    put(old, "python3.12", 'if [ "$1 $2" = "-m venv" ]; then echo "made with $0"; exit 7; fi')
    assert f"made with {old / 'bin' / 'python3.12'}" in make_venv(old).stdout
