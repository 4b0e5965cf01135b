"""What is measured: tasks and how much of them."""

from dataclasses import dataclass

from cellseg.errors import CellsegError

#: Side lengths must be multiples of it, as the network halves them three times.
STRIDE = 8


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
    """

    kind: str
    batch: int
    side: int
    batches: int = 1

    def __post_init__(self):
        if self.side < 2 * STRIDE or self.side % STRIDE:
            raise CellsegError(f"images of side {self.side}; the network needs a multiple of {STRIDE}, 16 or more")

    @property
    def name(self):
        """As in files and records."""
        return f"{self.kind}_{self.size}"

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
    """The tasks: training, inference of many small images and of one large.

    Parameters
    ----------
    large : int
        Side of the large image, in pixels.
    quick : bool
        Small ones, to try whether everything runs.

    Returns
    -------
    list of Task
    """
    if quick:
        return [Task("training", 2, 64, 3), Task("inference", 2, 64), Task("inference", 1, 128)]
    return [Task("training", 10, 128, 10), Task("inference", 10, 128), Task("inference", 1, large)]
