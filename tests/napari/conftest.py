"""A screen that nobody sees, where there is none."""

import os
import shutil
import subprocess

import pytest


@pytest.fixture(autouse=True, scope="session")
def display():
    """An X server of our own, before anything of Qt begins; it ends with the last window of this process."""
    if os.environ.get("DISPLAY"):
        return
    if not shutil.which("Xvfb"):
        pytest.skip("needs Xvfb: apt-get install xvfb")
    ours, theirs = os.pipe()
    command = ["Xvfb", "-displayfd", str(theirs), "-screen", "0", "1600x1000x24", "-nolisten", "tcp", "-terminate"]
    subprocess.Popen(command, pass_fds=[theirs], stderr=subprocess.DEVNULL)
    os.close(theirs)
    with open(ours) as number:
        os.environ["DISPLAY"] = f":{number.readline().strip()}"
