"""The networks and their solvers as prototxt; the defaults are the report's."""

from cellseg.network.fcn import Fcn
from cellseg.network.nets import deploy_net, training_net
from cellseg.network.solver import ADAM, SGD, Schedule, Updates, solver
from cellseg.network.unet import UNet

NETWORKS = {network.NAME: network for network in (Fcn, UNet)}

__all__ = [
    "ADAM",
    "NETWORKS",
    "SGD",
    "Fcn",
    "Schedule",
    "UNet",
    "Updates",
    "deploy_net",
    "solver",
    "training_net",
]
