"""The whole of pycaffe's surface on the embedded engine: what a script finds under the name ``caffe``.

`cellseg.engine.load` gives this module, and `cellseg.engine.pycaffe.place.put` makes it what ``import caffe`` gives.
Nets and solvers are `cellseg.engine.torch`'s; here is what pycaffe has in Python besides.
"""

from cellseg.engine.pycaffe import coord_map, draw, io, net_spec, proto
from cellseg.engine.pycaffe.classifier import Classifier
from cellseg.engine.pycaffe.detector import Detector
from cellseg.engine.pycaffe.net_spec import NetSpec, layers, params, to_proto
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
