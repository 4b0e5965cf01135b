"""What a benchmark does in a contender's own process, in a folder with the task's files; also under Python 3.9."""

import contextlib
import importlib
import os
import resource
import sys
import time

import numpy as np

from cellseg.errors import CellsegError

#: The first iterations of a training whose losses are compared: what they learned shows in the later ones.
_LOSSES = 3

_held = {}  # the contender, and the function that runs it


def threads():
    """How many threads a contender is to use."""
    return int(os.environ["OMP_NUM_THREADS"])


def load(module, option):
    """Import a contender; gives its versions as ``about``, or why it cannot take part as ``missing``."""
    try:
        _held["contender"] = importlib.import_module(f"benchmarks.contenders.{module}").Contender(option)
    except (ImportError, CellsegError) as error:
        return {"missing": " ".join(str(error).split())}
    return {"about": _held["contender"].about()}


def prepare(kind, batch, seconds):
    """Build what runs; gives what it computes at first, and how many repetitions fit into so many seconds."""
    with _one_line():
        if kind == "training":
            _held["run"] = _held["contender"].training(batch)
            result = np.array([_held["run"](1) for _ in range(_LOSSES)])
        else:
            _held["run"] = _held["contender"].inference()
            result = np.asarray(_held["run"](1))
        return result, max(1, round(seconds / _time(1)))


def do_round(repetitions):
    """Run once untimed, then so often; gives seconds, and the largest resident memory so far in MiB."""
    with _one_line():
        _held["run"](1)
        seconds = _time(repetitions)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
        return seconds, peak


def _time(repetitions):
    start = time.perf_counter()
    _held["run"](repetitions)
    return time.perf_counter() - start


@contextlib.contextmanager
def _one_line():
    """What goes wrong in a contender is no defect of ours."""
    try:
        yield
    except Exception as error:
        raise CellsegError(f"{type(error).__name__}: {error}") from error
