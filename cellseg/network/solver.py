"""The length of a training and its updates, as Caffe's solver prototxt. Only here do epochs become iterations."""

from dataclasses import dataclass

from cellseg.errors import CellsegError
from cellseg.network.prototxt import to_text


@dataclass(frozen=True)
class Updates:
    """How weights are updated, and how the learning rate falls.

    Parameters
    ----------
    type : {"SGD", "Adam"}
        Caffe's solver type.
    base_lr : float
        Learning rate at the start.
    policy : {"step", "poly"}
        Caffe's ``lr_policy``. "step" divides the rate by 10 every 20 epochs. "poly" lowers it to 0 at the end:
        (1 - iteration / max_iter)^0.9.
    momentum, weight_decay : float
    momentum2 : float, optional
        Adam's second momentum.
    """

    type: str
    base_lr: float
    policy: str
    momentum: float
    weight_decay: float
    momentum2: float | None = None

    STEP_EPOCHS = 20
    GAMMA = 0.1
    POWER = 0.9

    def __post_init__(self):
        if not 0 < self.base_lr < float("inf"):
            raise CellsegError(f"base_lr is {self.base_lr}; give a positive learning rate")


#: The report's (its section 7.1).
SGD = Updates("SGD", base_lr=0.01, policy="step", momentum=0.9, weight_decay=0.001)
#: For networks with batch normalisation.
ADAM = Updates("Adam", base_lr=0.001, policy="poly", momentum=0.9, weight_decay=0.00001, momentum2=0.999)


@dataclass(frozen=True)
class Schedule:
    """The length of a training, by default the report's.

    Parameters
    ----------
    samples : int
        Patches in the training set; one epoch shows each once.
    test_samples : int
        Patches in the test set; every test shows each exactly once.
    batch : int
        Patches an iteration. The report does not say; 10 here.
    epochs : int
        Length of the training. The report does not say; 60 here, three steps of the learning rate.
    updates : Updates
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
    updates: Updates = SGD
    seed: int = 0

    SNAPSHOT_EPOCHS = 10

    def __post_init__(self):
        for name in ("samples", "test_samples", "batch", "epochs"):
            if getattr(self, name) < 1:
                raise CellsegError(f"{name} is {getattr(self, name)}; give 1 or more")
        if self.batch > self.samples:
            raise CellsegError(
                f"batch is {self.batch}, but there are {self.samples} training patches; give at most that"
            )
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
        updates = self.updates
        if updates.policy == "poly":
            return updates.base_lr * (1 - iteration / self.max_iter) ** updates.POWER
        return updates.base_lr * updates.GAMMA ** (iteration // (updates.STEP_EPOCHS * self.epoch_iterations))


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
        Iterations between two lines of training loss, by default an epoch. The loss is the mean over them.

    Returns
    -------
    str
    """
    epoch, updates = schedule.epoch_iterations, schedule.updates
    course = {"gamma": updates.GAMMA, "stepsize": updates.STEP_EPOCHS * epoch}
    if updates.policy == "poly":
        course = {"power": updates.POWER}
    display = display or epoch
    comment = f"# {schedule.epochs} epochs of {epoch} iterations"
    return f"{comment}: {schedule.samples} patches, {schedule.batch} a batch.\n" + to_text(
        {
            "net": net,
            "test_iter": schedule.test_samples // schedule.test_batch,
            "test_interval": epoch,
            "base_lr": updates.base_lr,
            "lr_policy": updates.policy,
            **course,
            "max_iter": schedule.max_iter,
            "momentum": updates.momentum,
            "momentum2": updates.momentum2,
            "weight_decay": updates.weight_decay,
            "display": display,
            "average_loss": display,
            "snapshot": schedule.SNAPSHOT_EPOCHS * epoch,
            "snapshot_prefix": snapshot_prefix,
            "random_seed": schedule.seed,
            "type": updates.type,
        }
    )
