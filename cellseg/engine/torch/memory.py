"""What a net takes of the memory, and keeping freed memory in the process."""

import contextlib
import ctypes
import re

from cellseg.engine import fits
from cellseg.errors import CellsegError

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # parameters of glibc's mallopt
#: Layers that the engine may compute as one with others, so that their tops are never made.
_MAYBE_UNMADE = ("BatchNorm", "Concat", "Deconvolution", "ReLU", "Scale")
_NO_MEMORY = re.compile("can't allocate memory|out of memory", re.IGNORECASE)


def check(steps, phase, histories=0):
    """Refuse a net that takes more memory than may be used, before it takes any.

    Counted are the tops of those layers that are always made; see `cellseg.engine.fits.check`.

    Parameters
    ----------
    steps : list of cellseg.engine.torch.steps.Step
        With known shapes.
    phase : int
    histories : int
        Arrays that the solver keeps for each parameter.

    Raises
    ------
    CellsegError
        With the layer that takes most.
    """
    parts, seen = [], set()
    for step in steps:
        layer = step.layer
        tops = [top for top in step.tops if id(top) not in seen and layer.type not in _MAYBE_UNMADE]
        seen.update(map(id, step.tops))
        parts.append(fits.Part(layer.parameter, layer.shapes, sum(top.count for top in tops)))
    fits.check(parts, phase, histories)


@contextlib.contextmanager
def enough():
    """Let a failure to get memory be one line."""
    try:
        yield
    except MemoryError:
        raise CellsegError(f"the net needs more memory than there is; {fits.ADVICE}") from None
    except RuntimeError as error:  # PyTorch has no type of its own for it on the CPU
        if not _NO_MEMORY.search(str(error)):
            raise
        raise CellsegError(f"the net needs more memory than there is; {fits.ADVICE}") from None


def keep():
    """Let the C library hand out freed memory again instead of giving it back to the system.

    Each pass through a net frees and takes the same large arrays; with glibc's defaults the system clears all their
    pages each time, which takes a third of the time of a large image. Elsewhere than under glibc nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, -1)
