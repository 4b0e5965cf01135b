"""What Caffe keeps for the whole process: device, random streams, precision, and the rank among several processes."""

from dataclasses import dataclass, field

import torch

from cellseg.engine.torch.random import CRand, MersenneTwister


@dataclass
class Context:
    """The engine's process-wide state.

    Attributes
    ----------
    device : torch.device
        Where nets compute.
    random : MersenneTwister
        Caffe's own stream: fillers and dropout. `caffe.set_random_seed` seeds it.
    rand : CRand
        The C library's ``rand()``, which orders HDF5 rows and which no seed of Caffe's reaches.
    precision : {"fp32", "tf32", "bf16"}
        See `cellseg.engine.load`.
    rank, world_size : int
        Of the process among those that train together.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    random: MersenneTwister = field(default_factory=MersenneTwister)
    rand: CRand = field(default_factory=CRand)
    precision: str = "fp32"
    rank: int = 0
    world_size: int = 1


context = Context()
