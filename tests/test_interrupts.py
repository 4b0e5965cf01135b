"""A signal while a library is imported, which makes an error of its own of it."""

import signal
import subprocess
import sys

import pytest

from cellseg.engine import process

PROGRAM = """
import signal
from cellseg import cli

def main():
    try:
        SIGNAL
    except KeyboardInterrupt:
        pass
    raise ImportError("initialization failed")

cli.run(main)
"""


def import_a_library():
    """What onnxruntime does when a signal comes while it initialises."""
    try:
        signal.raise_signal(signal.SIGTERM)
    except KeyboardInterrupt:
        raise ImportError("initialization failed") from None


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_command_ends_with_a_line(name):
    program = PROGRAM.replace("SIGNAL", f"signal.raise_signal(signal.{name})")
    reset = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL)}  # under nohup it is ignored
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, **reset)
    assert (done.returncode, done.stderr) == (2, "interrupted\n")


def test_a_library_that_cannot_be_imported_keeps_its_traceback():
    done = subprocess.run([sys.executable, "-c", PROGRAM.replace("SIGNAL", "pass")], capture_output=True, text=True)
    assert done.returncode == 1 and "ImportError: initialization failed" in done.stderr


def test_a_child_process_ends_as_after_ctrl_c(capfd):
    with pytest.raises(KeyboardInterrupt):
        process.call(import_a_library)
    assert capfd.readouterr().err == ""
