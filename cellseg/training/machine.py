"""What a run depends on besides its data and settings: the versions of libraries, the machine, and our own commit."""

import os
import platform
import subprocess
from functools import partial
from pathlib import Path

import google.protobuf
import h5py
import numpy as np
import scipy


def git_commit():
    """Commit of this package's clone, with "-dirty" if files are changed; in the image the commit of the build.

    None for an installed package, even if it lies in the clone of another project.
    """
    git = ["git", "-C", str(Path(__file__).parent)]
    run = partial(subprocess.run, check=True, capture_output=True, text=True)
    try:
        run([*git, "ls-files", "--error-unmatch", Path(__file__).name])
        return run([*git, "describe", "--always", "--abbrev=40", "--dirty"]).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return os.environ.get("CELLSEG_COMMIT")


def machine():
    """What the run depends on besides this package."""
    libraries = {module.__name__: module.__version__ for module in (google.protobuf, h5py, np, scipy)}
    return {"python": platform.python_version(), **libraries, "system": platform.platform(), "cores": os.cpu_count()}
