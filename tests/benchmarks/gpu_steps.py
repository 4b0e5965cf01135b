"""Steps for the test of `benchmarks.gpu_check`; each runs in a process of its own, so this imports little."""

import os
import sys

from benchmarks.gpu_check.run import run_command
from cellseg.errors import CellsegError


def finds_a_fault(setting):
    return {"seconds": 1.5, "failed": "<b>too far</b>"}


def cannot_be_tried(setting):
    return {"skipped": "one GPU"}


def refuses(setting):
    raise CellsegError("no GPU 3")


def has_a_defect(setting):
    os._exit(9)


def hangs(setting):
    run_command([sys.executable, "-c", "import time; time.sleep(60)"], setting.folder)
