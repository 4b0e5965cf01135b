"""pycaffe's documented surface for every script: ``caffe = cellseg.engine.load("auto")``.

What `load` returns has ``Net``, ``SGDSolver``, ``get_solver``, ``TRAIN``, ``TEST``, ``set_mode_cpu`` and so on, as real
pycaffe has them; with real Caffe it is the pycaffe module, else `cellseg.engine.torch`. Nothing outside this package
asks which engine it got.
"""

import importlib
import importlib.util
import os
import sys

from cellseg.errors import CellsegError

#: caffe is real pycaffe; torch the embedded engine, in single precision or one of its faster ones; auto the first
#: of them that imports.
NAMES = ("auto", "caffe", "torch", "torch-tf32", "torch-bf16")

#: Where `make` puts a Python that has each engine, from the project's folder.
_DOORS = {"caffe": ".caffe/bin/python", "torch": ".venv/bin/python"}
_ADVICE = {"caffe": "run `make caffe` once", "torch": "run `make venv` once, or pip install torch"}


def load(name="auto"):
    """Load an engine.

    Parameters
    ----------
    name : {"auto", "caffe", "torch", "torch-tf32", "torch-bf16"}
        "caffe" is real pycaffe, in CPU mode; "torch" the embedded engine, on the GPU if PyTorch finds one; "auto" takes
        pycaffe where it imports, else "torch". The other two compute less exactly and faster, see
        `cellseg.engine.torch.set_precision`.

    Returns
    -------
    module
        With pycaffe's surface.

    Raises
    ------
    CellsegError
        If the engine cannot be had here, with how to get it.
    """
    kinds = _kinds(name)
    for kind in kinds:
        if _found(kind):
            return _load_caffe() if kind == "caffe" else _load_torch(name)
    raise CellsegError(f"{' and '.join(kinds)} cannot be imported in {sys.executable}; {advice(name)}")


def describe(caffe):
    """Name and version of a loaded engine, for first lines and records.

    Returns
    -------
    dict
        Keys ``name`` and ``version``; with Caffe ``blas_core`` (OpenBLAS kernels asked for; empty if it chose itself),
        with PyTorch ``precision``, ``device`` and ``threads``.
    """
    if caffe.__name__ == "caffe":
        return {"name": "caffe", "version": caffe.__version__, "blas_core": os.environ.get("OPENBLAS_CORETYPE", "")}
    return caffe.describe()


def keeps_data_position(name, state):
    """Say whether an engine goes on in the data where a ``.solverstate`` was written.

    Real Caffe starts the data anew; the embedded engine keeps a file beside the state.

    Parameters
    ----------
    name : str
        See `load`.
    state : str or path
    """
    if next((kind for kind in _kinds(name) if _found(kind)), None) != "torch":
        return False
    return not importlib.import_module("cellseg.engine.resume").why_not(state)


def missing(name):
    """The modules that an engine lacks in this Python, as a list of names."""
    kinds = _kinds(name)
    return [] if any(_found(kind) for kind in kinds) else [" or ".join(kinds)]


def doors(name):
    """The Pythons that `make` made for an engine, the first the best; paths from the project's folder."""
    return [_DOORS[kind] for kind in _kinds(name)]


def advice(name):
    """How to get an engine, in words."""
    return "; or ".join(_ADVICE[kind] for kind in _kinds(name))


def _kinds(name):
    if name not in NAMES:
        raise CellsegError(f"no engine is called '{name}'; there are: {', '.join(NAMES)}")
    return ("caffe", "torch") if name == "auto" else (name.split("-")[0],)


def _found(kind):
    if kind in sys.modules:
        return sys.modules[kind] is not None
    return importlib.util.find_spec(kind) is not None


def _load_caffe():
    try:
        caffe = importlib.import_module("caffe")
    except ImportError as error:
        raise CellsegError(f"pycaffe does not import in {sys.executable} ({error}); {_ADVICE['caffe']}") from error
    caffe.set_mode_cpu()
    return caffe


def _load_torch(name):
    engine = importlib.import_module("cellseg.engine.torch")
    engine.set_precision(name.partition("-")[2] or "fp32")
    engine.set_best_mode()
    return engine
