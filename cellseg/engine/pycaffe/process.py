"""What pycaffe offers for the whole process: its log, a timer, its layer types, and several processes."""

import os
import time

from cellseg.engine.layers import TYPES
from cellseg.engine.layers.forks import FORKS
from cellseg.engine.torch.log import info
from cellseg.errors import CellsegError

_SEVERAL = "to train in several processes: torchrun --nproc_per_node 2 -m cellseg.engine.torch train --solver FILE"


class Timer:
    """A stopwatch.

    Attributes
    ----------
    ms : float
        Milliseconds from `start` to `stop`.
    """

    def __init__(self):
        self._start, self.ms = None, 0.0

    def start(self):
        """Start it."""
        self._start = time.perf_counter()

    def stop(self):
        """Stop it."""
        if self._start is not None:
            self.ms = (time.perf_counter() - self._start) * 1000


def init_log(level=0, stderr=True):
    """Let the log hold what is of a level at least: 0 is all, 1 leaves out what is no warning."""
    os.environ["GLOG_minloglevel"] = str(int(level))  # noqa: SIM112 (glog's own name)


def log(text):
    """Write a line into the log."""
    info(text)


def layer_type_list():
    """Names of all layer types that the engine knows, those of forks too."""
    return sorted({*TYPES, *(name for fork in FORKS.values() for name in fork.types)})


def solver_count():
    """How many solvers train together: one, from a script."""
    return 1


def solver_rank():
    """Which of them this is: the first."""
    return 0


def has_nccl():
    """Whether `NCCL` can be used: no."""
    return False


def set_solver_count(count):
    """Take the one count that a script can have, 1; others are refused."""
    _only(count, 1, "set_solver_count")


def set_solver_rank(rank):
    """Take the one rank that a script can have, 0; others are refused."""
    _only(rank, 0, "set_solver_rank")


def set_multiprocess(multiprocess):
    """Take False; True is refused."""
    _only(multiprocess, False, "set_multiprocess")


class NCCL:
    """Refused: what makes several processes of one script train together."""

    def __init__(self, *_):
        raise CellsegError(f"caffe.NCCL is not supported; {_SEVERAL}")

    @staticmethod
    def new_uid():
        """Refused, too."""
        raise CellsegError(f"caffe.NCCL is not supported; {_SEVERAL}")


def _only(value, possible, name):
    if value != possible:
        raise CellsegError(f"caffe.{name}({value}) is not supported; {_SEVERAL}")
