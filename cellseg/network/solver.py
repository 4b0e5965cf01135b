"""The report's training schedule (its section 7.1) as a Caffe solver; the one place where epochs become iterations."""

from dataclasses import dataclass

from cellseg.errors import CellsegError
from cellseg.network.prototxt import to_text


@dataclass(frozen=True)
class Schedule:
    """Stochastic gradient descent as in the report.

    Parameters
    ----------
    samples : int
        Patches in the training set; one epoch shows each once.
    test_samples : int
        Patches in the test set; every test shows each exactly once.
    batch : int
        Patches an iteration (the report is silent; 10).
    epochs : int
        Length of the training (the report is silent; 60, three steps of the learning rate).
    base_lr : float
        Learning rate at the start.
    seed : int
        Caffe's ``random_seed``: the initial weights.

    Raises
    ------
    CellsegError
        If a value is out of range.
    """

    samples: int
    test_samples: int
    batch: int = 10
    epochs: int = 60
    base_lr: float = 0.01
    seed: int = 0

    STEP_EPOCHS = 20
    GAMMA = 0.1
    MOMENTUM = 0.9
    WEIGHT_DECAY = 0.001
    SNAPSHOT_EPOCHS = 10

    def __post_init__(self):
        for name in ("samples", "test_samples", "batch", "epochs"):
            if getattr(self, name) < 1:
                raise CellsegError(f"{name} is {getattr(self, name)}; give 1 or more")
        if self.batch > self.samples:
            raise CellsegError(
                f"batch is {self.batch}, but there are {self.samples} training patches; give at most that"
            )
        if not 0 < self.base_lr < float("inf"):
            raise CellsegError(f"base_lr is {self.base_lr}; give a positive learning rate")
        if self.max_iter >= 2**31:
            raise CellsegError(f"epochs is {self.epochs}, {self.max_iter} iterations; Caffe counts to 2147483647")
        if not 0 <= self.seed < 2**31:
            raise CellsegError(f"seed is {self.seed}; give 0 to 2147483647")

    @property
    def epoch_iterations(self):
        """Iterations in an epoch, rounded up when the batch does not divide the training set."""
        return -(-self.samples // self.batch)

    @property
    def max_iter(self):
        """Iterations in the whole training."""
        return self.epochs * self.epoch_iterations

    @property
    def test_batch(self):
        """Largest batch up to `batch` that divides the test set, so that no patch is tested twice."""
        return next(size for size in range(min(self.batch, self.test_samples), 0, -1) if self.test_samples % size == 0)

    def learning_rate(self, iteration):
        """Learning rate of the update number `iteration`, counted from 0."""
        return self.base_lr * self.GAMMA ** (iteration // (self.STEP_EPOCHS * self.epoch_iterations))


def solver(schedule, net, snapshot_prefix, display=None):
    """Write the solver prototxt.

    Parameters
    ----------
    schedule : Schedule
    net : str
        The training net's file, relative to the folder in which Caffe is started.
    snapshot_prefix : str
        Snapshots are written to ``<snapshot_prefix>_iter_<iteration>.caffemodel`` and ``.solverstate``; the folder
        must exist.
    display : int, optional
        Iterations between two lines of training loss, which is their mean; one epoch by default.

    Returns
    -------
    str
    """
    epoch = schedule.epoch_iterations
    display = display or epoch
    comment = f"# {schedule.epochs} epochs of {epoch} iterations"
    return f"{comment}: {schedule.samples} patches, {schedule.batch} a batch.\n" + to_text(
        {
            "net": net,
            "test_iter": schedule.test_samples // schedule.test_batch,
            "test_interval": epoch,
            "base_lr": schedule.base_lr,
            "lr_policy": "step",
            "gamma": schedule.GAMMA,
            "stepsize": schedule.STEP_EPOCHS * epoch,
            "max_iter": schedule.max_iter,
            "momentum": schedule.MOMENTUM,
            "weight_decay": schedule.WEIGHT_DECAY,
            "display": display,
            "average_loss": display,
            "snapshot": schedule.SNAPSHOT_EPOCHS * epoch,
            "snapshot_prefix": snapshot_prefix,
            "random_seed": schedule.seed,
            "type": "SGD",
        }
    )
