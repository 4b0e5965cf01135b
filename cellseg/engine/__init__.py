"""pycaffe's documented surface for every script: ``caffe = cellseg.engine.load("auto")``.

What `load` returns has ``Net``, ``SGDSolver``, ``get_solver``, ``TRAIN``, ``TEST``, ``set_mode_cpu`` and so on, as real
pycaffe has them; with real Caffe it is the pycaffe module, else `cellseg.engine.torch`. Nothing outside this package
asks which engine it got.
"""

import functools
import importlib
import importlib.util
import os
import resource
import sys
import tempfile

from cellseg.engine import isolation
from cellseg.errors import CellsegError

#: caffe is real pycaffe; torch the embedded engine, in single precision or one of its faster ones; auto the first
#: of them that imports.
NAMES = ("auto", "caffe", "torch", "torch-tf32", "torch-bf16")

#: Where `make` puts a Python that has each engine, from the project's folder.
_DOORS = {"caffe": ".caffe/bin/python", "torch": ".venv/bin/python"}
#: With a layer that has a kernel of its own.
_TINY_NET = """
layer { name: "x" type: "DummyData" top: "x" dummy_data_param { shape { dim: 1 } } }
layer { name: "y" type: "ReLU" bottom: "x" top: "y" }
"""
_ADVICE = {"caffe": "run `make caffe` once", "torch": "run `make venv` once, or pip install torch"}


def load(name="auto"):
    """Load an engine.

    Parameters
    ----------
    name : {"auto", "caffe", "torch", "torch-tf32", "torch-bf16"}
        "caffe" is real pycaffe, "torch" the embedded engine, each on the GPU if it finds one (the first of
        ``CUDA_VISIBLE_DEVICES``; none if that is empty), else on the processor; "auto" takes pycaffe where it imports,
        else "torch". The other two compute less exactly and faster, see
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
        Keys ``name``, ``version`` and ``device`` ("cpu", or which GPU); with Caffe also ``no_gpu``
        (why it is the processor) and ``blas_core`` (OpenBLAS kernels asked for; empty if it chose itself), with PyTorch
        ``precision`` and ``threads``.
    """
    if caffe.__name__ == "caffe":
        return {
            "name": "caffe",
            "version": caffe.__version__,
            "device": "cpu" if _why_no_gpu() else "cuda:0",
            "no_gpu": _why_no_gpu(),
            "blas_core": os.environ.get("OPENBLAS_CORETYPE", ""),
        }
    return caffe.describe()


def in_words(described):
    """What `describe` gave as a line: which engine computes where, and if not on a GPU, why.

    Parameters
    ----------
    described : dict

    Returns
    -------
    str
    """
    reason = described.get("no_gpu")
    return "{name} {version} on {device}".format(**described) + (f" (no GPU: {reason})" if reason else "")


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
    if _why_no_gpu():
        caffe.set_mode_cpu()
    else:
        caffe.set_device(0)
        caffe.set_mode_gpu()
    return caffe


@functools.cache
def _why_no_gpu():
    """Why Caffe cannot compute on a GPU here, in its words; empty if it can.

    Tried in a child process, since where it cannot Caffe aborts. The answer is kept: once Caffe computes on a GPU, a
    fork of its process cannot.
    """
    try:
        isolation.call(_compute_on_gpu)
    except CellsegError as error:
        return str(error).replace("Caffe stopped: ", "")
    return ""


def _compute_on_gpu():
    import caffe

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    caffe.set_device(0)
    caffe.set_mode_gpu()
    with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as file:
        file.write(_TINY_NET)
        file.flush()
        net = caffe.Net(file.name, caffe.TEST)
    net.forward()
    return float(net.blobs["y"].data[0])


def _load_torch(name):
    engine = importlib.import_module("cellseg.engine.torch")
    engine.set_precision(name.partition("-")[2] or "fp32")
    engine.set_best_mode()
    return engine
