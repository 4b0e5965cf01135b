"""The embedded engine: Caffe's own files on PyTorch, with pycaffe's surface.

What real pycaffe calls ``caffe.Net``, ``caffe.get_solver``, ``caffe.TRAIN`` and so on is here under the same name, with
the same meaning; `cellseg.engine.load` gives this module in place of it.
"""

import torch

from cellseg import __version__
from cellseg.engine.torch import memory
from cellseg.engine.torch.context import context
from cellseg.engine.torch.net import TEST, TRAIN, Net
from cellseg.engine.torch.python_layer import Layer
from cellseg.engine.torch.solver import (
    AdaDeltaSolver,
    AdaGradSolver,
    AdamSolver,
    NesterovSolver,
    RMSPropSolver,
    SGDSolver,
    get_solver,
)
from cellseg.errors import CellsegError

PRECISIONS = ("fp32", "tf32", "bf16")

__all__ = [
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "Layer",
    "NesterovSolver",
    "Net",
    "RMSPropSolver",
    "SGDSolver",
    "TEST",
    "TRAIN",
    "__version__",
    "describe",
    "prepare_process",
    "get_solver",
    "set_best_mode",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_precision",
    "set_random_seed",
]


def prepare_process():
    """Set the process up for passes through nets: memory is kept, products are in single precision on GPUs too.

    The import alone changes nothing. `cellseg.engine.load` calls this; a script that imports the engine by itself may.
    """
    memory.keep()
    set_precision(context.precision)


def set_mode_cpu():
    """Make nets that compute on the processor from now on."""
    context.device = torch.device("cpu")


def set_mode_gpu():
    """Make nets that compute on the GPU from now on.

    Raises
    ------
    CellsegError
        If PyTorch finds none.
    """
    _check_gpu()
    if context.device.type != "cuda":
        context.device = torch.device("cuda", torch.cuda.current_device())


def set_best_mode():
    """Make nets that compute on the GPU if PyTorch finds one, else on the processor."""
    set_mode_gpu() if torch.cuda.is_available() else set_mode_cpu()


def set_device(index):
    """Choose a GPU.

    Parameters
    ----------
    index : int
        From 0.

    Raises
    ------
    CellsegError
        If there is no such GPU.
    """
    _check_gpu()
    if not 0 <= index < torch.cuda.device_count():
        raise CellsegError(f"there is no GPU {index}; there are {torch.cuda.device_count()}, counted from 0")
    torch.cuda.set_device(index)
    context.device = torch.device("cuda", index)


def set_random_seed(seed):
    """Seed fillers and dropout; the order of HDF5 rows follows the C library's ``rand``, as with Caffe."""
    context.random.seed(seed)


def set_precision(precision):
    """Choose how products are computed.

    Parameters
    ----------
    precision : {"fp32", "tf32", "bf16"}
        Single precision; single precision whose products round their factors to TF32 on GPUs that have it; or bfloat16
        for convolutions and inner products and the maps between them. Weights, gradients of weights, updates and
        losses are in single precision always.
    """
    if precision not in PRECISIONS:
        raise CellsegError(f"no precision is called '{precision}'; there are: {', '.join(PRECISIONS)}")
    context.precision = precision
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "fp32"


def describe():
    """Name, version, precision, device and threads, for records; of several that train together, their number, too.

    Returns
    -------
    dict
    """
    gpu = context.device.type == "cuda"
    several = {"processes": context.world_size} if context.world_size > 1 else {}
    return {
        "name": "torch" if context.precision == "fp32" else f"torch-{context.precision}",
        "version": torch.__version__,
        "precision": context.precision,
        "device": torch.cuda.get_device_name(context.device) if gpu else "cpu",
        "threads": torch.get_num_threads(),
        **several,
    }


def _check_gpu():
    if not torch.cuda.is_available():
        raise CellsegError("PyTorch finds no GPU here; use the CPU mode, or install PyTorch for this machine's GPU")
