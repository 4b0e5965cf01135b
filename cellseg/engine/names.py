"""The names of engines, and the Python that holds each; runs under Python 3.9, too."""

import importlib.util
import os
import sys
from pathlib import Path

from cellseg.errors import CellsegError

#: caffe is real pycaffe; torch the embedded engine, in single precision or one of its faster ones; auto the embedded
#: engine where PyTorch can be imported, else real Caffe.
NAMES = ("auto", "caffe", "torch", "torch-tf32", "torch-bf16")

_CAFFE_PYTHON = ".caffe/bin/python"  # where `make caffe` puts it
_ADVICE = {"caffe": "run `make caffe` once", "torch": "run `make venv` once, or pip install torch"}


def kind_of(name):
    """Which engine a name means here.

    Parameters
    ----------
    name : str
        One of `NAMES`.

    Returns
    -------
    {"caffe", "torch"}

    Raises
    ------
    CellsegError
        If there is no such name.
    """
    if name not in NAMES:
        raise CellsegError(f"no engine is called '{name}'; there are: {', '.join(NAMES)}")
    if name == "auto":
        return "torch" if found("torch") or not (found("caffe") or _caffe_python()) else "caffe"
    return name.partition("-")[0]


def python_with(name):
    """The Python that holds an engine.

    Real Caffe is in the Python that ``CELLSEG_CAFFE`` names, else in this one, else in ``.caffe/`` of the working
    folder or of the sources, as `make caffe` makes it.

    Parameters
    ----------
    name : str
        One of `NAMES`.

    Returns
    -------
    str or None
        Its path; None if it is this Python.

    Raises
    ------
    CellsegError
        If there is none, with how to get it.
    """
    kind = kind_of(name)
    if kind == "caffe" and _caffe_python():
        return _caffe_python()
    if not found(kind):
        raise CellsegError(missing(kind))
    return None


def missing(kind):
    """The message that an engine cannot be had in this Python, with how to get it."""
    return f"{kind} cannot be imported in {sys.executable}; {_ADVICE[kind]}"


def found(kind):
    """Whether an engine can be imported in this Python."""
    if kind in sys.modules:
        return getattr(sys.modules[kind], "__name__", None) == kind  # else our engine in Caffe's place
    spec = importlib.util.find_spec(kind)
    return spec is not None and spec.origin is not None  # a folder of that name has none


def _caffe_python():
    """Another Python with real Caffe, or None."""
    named = os.environ.get("CELLSEG_CAFFE")
    if named:
        if not os.access(named, os.X_OK):
            raise CellsegError(f"CELLSEG_CAFFE={named}: no such program; it is to name a Python that has pycaffe")
        return None if os.path.realpath(named) == os.path.realpath(sys.executable) else named
    if found("caffe"):
        return None
    for folder in (Path.cwd(), Path(__file__).resolve().parents[2]):
        if os.access(folder / _CAFFE_PYTHON, os.X_OK):
            return str(folder / _CAFFE_PYTHON)
    return None
