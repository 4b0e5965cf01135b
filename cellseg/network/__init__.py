"""The network and its solvers as prototxt, written exactly as in the report."""

from cellseg.network.fcn import Variant, deploy_net, training_net
from cellseg.network.geometry import parameter_shapes, receptive_field, trainable_parameters
from cellseg.network.solver import Schedule, solver

__all__ = [
    "Schedule",
    "Variant",
    "deploy_net",
    "parameter_shapes",
    "receptive_field",
    "solver",
    "trainable_parameters",
    "training_net",
]
