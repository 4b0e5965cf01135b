"""A screen that nobody sees, where there is none; and napari's own test viewer."""

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


@pytest.fixture
def make_viewer(request):
    """napari's own ``make_napari_viewer``; see `_own`."""
    return _own(request, "napari.utils._testsupport", "make_napari_viewer")


@pytest.fixture
def plugins(request):
    """npe2's own ``npe2pm``, in which plugins are registered for a test; see `_own`."""
    return _own(request, "npe2._pytest_plugin", "npe2pm")


def _own(request, plugin, fixture):
    """A fixture of one of pytest's plugins that take seconds to load, so that only these tests load them."""
    request.config.pluginmanager.import_plugin(plugin)
    return request.getfixturevalue(fixture)
