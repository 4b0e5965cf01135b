"""What is measured: networks, tasks, and how much of them."""

from dataclasses import dataclass, replace

from cellseg.errors import CellsegError
from cellseg.network import Fcn, UNet

#: Side lengths must be multiples of it, as the networks halve them three times.
STRIDE = 8


@dataclass(frozen=True)
class Network:
    """A network whose speed is measured.

    Attributes
    ----------
    name, title : str
        As in names of tasks, and in the table.
    layers : Fcn or UNet
    deploy, training, solver : str
        Its committed files, under the project's folder.
    """

    name: str
    title: str
    layers: Fcn | UNet
    deploy: str
    training: str
    solver: str


REPORT = Network("", "", Fcn(), "prototxt/deploy.prototxt", "prototxt/pretrain.prototxt", "solvers/pretrain.prototxt")
UNET = Network(
    "unet",
    "U-Net",
    UNet(),
    "prototxt/best/deploy.prototxt",
    "prototxt/best/finetune.prototxt",
    "solvers/best/finetune.prototxt",
)


@dataclass(frozen=True)
class Task:
    """One thing that every contender does.

    Attributes
    ----------
    kind : {"training", "inference"}
    batch, side : int
        Square images a repetition.
    batches : int
        Of training data.
    network : Network
    """

    kind: str
    batch: int
    side: int
    batches: int = 1
    network: Network = REPORT

    def __post_init__(self):
        if self.side < 2 * STRIDE or self.side % STRIDE:
            raise CellsegError(f"images of side {self.side}; the network needs a multiple of {STRIDE}, 16 or more")

    @property
    def name(self):
        """As in files and records."""
        return "_".join(filter(None, (self.network.name, self.kind, self.size)))

    @property
    def title(self):
        """As in the table."""
        return ", ".join(filter(None, (self.network.title, f"{self.kind} {self.size}", self.unit)))

    @property
    def size(self):
        """Images, height and width."""
        return f"{self.batch}x{self.side}x{self.side}"

    @property
    def unit(self):
        """Of the rate."""
        return "iterations/s" if self.kind == "training" else "megapixels/s"

    @property
    def work(self):
        """Of one repetition, in `unit` times seconds."""
        return 1 if self.kind == "training" else self.batch * self.side**2 / 1e6


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes
    ----------
    rounds : int
    seconds : float
        That a round of a contender shall take; at least one repetition.
    threads : int
    device : {"auto", "cpu"}
        "auto" lets PyTorch take a GPU.
    """

    rounds: int
    seconds: float
    threads: int
    device: str = "auto"


def tasks(large, quick=False):
    """The tasks: training, inference of many small images and of one large; the U-Net's without the second.

    Parameters
    ----------
    large : int
        Side of the large image, in pixels.
    quick : bool
        Tiny ones, and one inference a network, to try whether everything runs.

    Returns
    -------
    list of Task
    """
    if quick:
        report = [Task("training", 2, 64, 3), Task("inference", 1, 128)]
    else:
        report = [Task("training", 10, 128, 10), Task("inference", 10, 128), Task("inference", 1, large)]
    return [*report, replace(report[0], network=UNET), replace(report[-1], network=UNET)]
