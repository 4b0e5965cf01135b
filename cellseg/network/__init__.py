"""The networks and their solvers as prototxt; the defaults are the report's."""

from cellseg.network.fcn import Fcn
from cellseg.network.nets import DISTANCE, deploy_net, targets_of, training_net
from cellseg.network.solver import ADAM, SGD, Schedule, Updates, solver
from cellseg.network.unet import CellUNet, UNet

NETWORKS = {network.NAME: network for network in (Fcn, UNet, CellUNet)}

__all__ = [
    "ADAM",
    "DISTANCE",
    "NETWORKS",
    "SGD",
    "CellUNet",
    "Fcn",
    "Schedule",
    "UNet",
    "Updates",
    "deploy_net",
    "solver",
    "targets_of",
    "training_net",
]
