"""pycaffe's documented surface for every script: ``caffe = cellseg.engine.load("auto")``.

What `load` returns has ``Net``, ``SGDSolver``, ``get_solver``, ``TRAIN``, ``TEST``, ``set_mode_cpu`` and so on, as real
pycaffe has them; with real Caffe it is the pycaffe module, else `cellseg.engine.pycaffe`. Nothing outside this package
asks which engine it got. Real Caffe may be in another Python (3.9, numpy 1.19): what is to run there goes through
`cellseg.engine.process`, and this module, too, keeps to Python 3.9.
"""

import contextlib
import functools
import gc
import importlib
import os
import resource
import tempfile

from cellseg.engine.names import NAMES, found, kind_of, missing, python_with
from cellseg.errors import CellsegError

__all__ = [
    "NAMES",
    "as_caffe",
    "describe",
    "forward_only",
    "in_words",
    "keeps_blobs",
    "keeps_data_position",
    "load",
    "python_with",
]

#: With a layer that has a kernel of its own.
_TINY_NET = """
layer { name: "x" type: "DummyData" top: "x" dummy_data_param { shape { dim: 1 } } }
layer { name: "y" type: "ReLU" bottom: "x" top: "y" }
"""


def load(name="auto"):
    """Load an engine into this process.

    Parameters
    ----------
    name : {"auto", "caffe", "torch", "torch-tf32", "torch-bf16"}
        "caffe" is real pycaffe, "torch" the embedded engine, each on the GPU if it finds one (the first of
        ``CUDA_VISIBLE_DEVICES``; none if that is empty), else on the processor; "auto" takes the embedded engine where
        PyTorch can be imported, else pycaffe. The other two compute less exactly and faster, see
        `cellseg.engine.torch.set_precision`.

    Returns
    -------
    module
        With pycaffe's surface.

    Raises
    ------
    CellsegError
        If this Python does not have the engine, with how to get it.
    """
    kind = kind_of(name)
    if found(kind):
        return _load_caffe() if kind == "caffe" else _load_torch(name)
    other = python_with(name)
    raise CellsegError(missing(kind) if other is None else f"real Caffe is in another Python; start yours as {other}")


def as_caffe(name="auto"):
    """Load an engine and let ``import caffe`` give it from now on, in this process: for notebooks.

    Parameters
    ----------
    name : str
        See `load`.

    Returns
    -------
    module

    Raises
    ------
    CellsegError
        As of `load`.
    """
    caffe = load(name)
    if caffe.__name__ != "caffe":
        importlib.import_module("cellseg.engine.pycaffe.place").put(caffe)
    return caffe


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


def forward_only(net, names):
    """Run a net of which nothing but some blobs is read afterwards: the embedded engine lets go of the others early.

    Parameters
    ----------
    net : Net
        Of a loaded engine.
    names : sequence of str
        The blobs that are read, besides the inputs.
    """
    if keeps_blobs(net):
        net.forward()
    else:
        net.forward_only(names)


def keeps_blobs(net):
    """Say whether all blobs stay in memory in `forward_only`, as with real Caffe."""
    return not hasattr(net, "forward_only")


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
    if kind_of(name) != "torch":
        return False
    return not importlib.import_module("cellseg.engine.resume").why_not(state)


def _load_caffe():
    try:
        caffe = importlib.import_module("caffe")
    except ImportError as error:
        raise CellsegError(f"{missing('caffe')} ({error})") from error
    if _why_no_gpu():
        caffe.set_mode_cpu()
    else:
        caffe.set_device(0)
        caffe.set_mode_gpu()
    return caffe


@functools.cache
def _why_no_gpu():
    """Why Caffe cannot compute on a GPU here; empty if it can.

    A build for processors alone is known by its libraries. Any other is tried in a child process, since where it cannot
    Caffe aborts.
    """
    if _is_for_processors():
        return "this Caffe is built for processors alone"
    from cellseg.engine import process  # imports numpy, which `--help` does not need

    try:
        process.call(_compute_on_gpu)
    except CellsegError as error:
        return str(error).replace("Caffe stopped: ", "")
    return ""


def _is_for_processors():
    """Whether the pycaffe of this process has no CUDA library; False where that cannot be told."""
    try:
        with open("/proc/self/maps") as stream:
            libraries = stream.read()
    except OSError:
        return False
    return "libcaffe" in libraries and "libcublas" not in libraries


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
    with _without_collection():
        engine = importlib.import_module("cellseg.engine.pycaffe")
    engine.prepare_process()
    engine.set_precision(name.partition("-")[2] or "fp32")
    engine.set_best_mode()
    return engine


@contextlib.contextmanager
def _without_collection():
    """Keep Python from looking for garbage: what PyTorch makes as it is imported stays, and it takes a sixth less."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
