"""The whole of pycaffe's surface on the embedded engine: what a script finds under the name ``caffe``.

`cellseg.engine.load` gives this module, and `cellseg.engine.pycaffe.place.put` makes it what ``import caffe`` gives.
Nets and solvers are `cellseg.engine.torch`'s; here is what pycaffe has in Python besides.
"""

import importlib

from cellseg.engine.pycaffe.process import (
    NCCL,
    Timer,
    has_nccl,
    init_log,
    layer_type_list,
    log,
    set_multiprocess,
    set_solver_count,
    set_solver_rank,
    solver_count,
    solver_rank,
)
from cellseg.engine.torch import (
    TEST,
    TRAIN,
    AdaDeltaSolver,
    AdaGradSolver,
    AdamSolver,
    Layer,
    NesterovSolver,
    Net,
    RMSPropSolver,
    SGDSolver,
    describe,
    get_solver,
    prepare_process,
    set_best_mode,
    set_device,
    set_mode_cpu,
    set_mode_gpu,
    set_precision,
    set_random_seed,
)

# What only scripts ask for is imported when they do: name, and the module that has it.
_LATER = {name: name for name in ("coord_map", "draw", "io", "net_spec", "proto")}
_LATER.update(dict.fromkeys(("NetSpec", "layers", "params", "to_proto"), "net_spec"))
_LATER.update(Classifier="classifier", Detector="detector")

#: Of the Caffe whose surface this is; scripts compare it.
__version__ = "1.0.0"

__all__ = [
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "Classifier",
    "Detector",
    "Layer",
    "NCCL",
    "NesterovSolver",
    "Net",
    "NetSpec",
    "RMSPropSolver",
    "SGDSolver",
    "TEST",
    "TRAIN",
    "Timer",
    "coord_map",
    "describe",
    "draw",
    "get_solver",
    "has_nccl",
    "init_log",
    "io",
    "layer_type_list",
    "layers",
    "log",
    "net_spec",
    "params",
    "prepare_process",
    "proto",
    "set_best_mode",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_multiprocess",
    "set_precision",
    "set_random_seed",
    "set_solver_count",
    "set_solver_rank",
    "solver_count",
    "solver_rank",
    "to_proto",
]


def __getattr__(name):
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_LATER[name]}")
    value = globals()[name] = module if name == _LATER[name] else getattr(module, name)
    return value
