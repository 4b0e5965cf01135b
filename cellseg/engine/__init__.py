"""pycaffe's documented surface for every script: ``caffe = cellseg.engine.load("auto")``.

What `load` returns has ``Net``, ``SGDSolver``, ``get_solver``, ``TRAIN``, ``TEST``, ``set_mode_cpu`` and so on, as real
pycaffe has them; with real Caffe it is the pycaffe module. Nothing outside this package asks which engine it got.
"""

import importlib
import os
import sys

from cellseg.errors import CellsegError

NAMES = ("auto", "caffe")
_ADVICE = "run `make caffe` once and use .caffe/bin/python"


def load(name="auto"):
    """Load an engine.

    Parameters
    ----------
    name : {"auto", "caffe"}
        "caffe" is real pycaffe, and "auto" takes it.

    Returns
    -------
    module
        pycaffe, in CPU mode.

    Raises
    ------
    CellsegError
        If the engine cannot be had here, with how to get it.
    """
    if name not in NAMES:
        raise CellsegError(f"no engine is called '{name}'; there are: {', '.join(NAMES)}")
    try:
        caffe = importlib.import_module("caffe")
    except ImportError as error:
        raise CellsegError(f"pycaffe does not import in {sys.executable} ({error}); {_ADVICE}") from error
    caffe.set_mode_cpu()
    return caffe


def describe(caffe):
    """Name and version of a loaded engine, for first lines and records.

    Returns
    -------
    dict
        Keys ``name``, ``version`` and ``blas_core`` (OpenBLAS kernels asked for; empty if it chose itself).
    """
    return {"name": "caffe", "version": caffe.__version__, "blas_core": os.environ.get("OPENBLAS_CORETYPE", "")}
