"""The record of a run, ``run.json``: what made a model, beside the model."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from cellseg.errors import CellsegError
from cellseg.network import Fcn, Schedule, UNet
from cellseg.network.options import variant_of
from cellseg.records import Count, read_record, write_record

RUN = "run.json"


@dataclass(frozen=True, kw_only=True)
class RunData:
    """The data set of a run: its folder and kind, and the SHA-256 of its ``data.json``."""

    folder: str
    kind: str | None = None
    record_sha256: str | None = None


@dataclass(frozen=True)
class RunSchedule(Schedule):
    """A `cellseg.network.Schedule`, with the number of iterations that follows from it."""

    iterations: int | None = None

    @classmethod
    def of(cls, schedule: Schedule) -> "RunSchedule":
        """What a record keeps of a schedule."""
        return cls(**vars(schedule), iterations=schedule.max_iter)


@dataclass(frozen=True, kw_only=True)
class RunWeights:
    """Weights: their file and its SHA-256; of those to start from also what became of each parameter blob."""

    file: str
    sha256: str
    transfer: list[dict] | None = None


@dataclass(frozen=True, kw_only=True)
class RunPart:
    """A run without interruption: the iteration at its end, and its duration in seconds."""

    to_iteration: Count
    seconds: Annotated[float, Meta(ge=0, le=1e12)]


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """``run.json``.

    Attributes
    ----------
    cellseg, git_commit : str or None
        Version and commit of this package.
    stage : {"pretrain", "finetune"}
    recipe : str
        Name of the recipe.
    stand_in, note : bool, str or None
        Whether the images stand in for real ones, and what to know of them.
    command, started : str
        Command line, and time in ISO 8601.
    status : {"running", "finished", "interrupted", "failed"}
    data : RunData
    normalisation : str
        Rule for the grey values of the data set.
    schedule : RunSchedule
    variant : dict
        The network: its name and its parameters.
    orientations : {1, 8}
        Number of orientations over which the output is to be averaged at test time.
    initial_weights : RunWeights or None
        Weights to start from.
    machine : dict
        Versions of libraries, system, cores.
    engine : dict
        See `cellseg.engine.describe`.
    parts : list of RunPart
    last_epoch : dict or None
        Last row of ``history.csv``.
    weights : RunWeights or None
        The last ones.
    version : int
    """

    cellseg: str | None = None
    git_commit: str | None = None
    stage: str
    recipe: str
    stand_in: bool = False
    note: str | None = None
    command: str
    started: str | None = None
    status: str
    data: RunData
    normalisation: str
    schedule: RunSchedule
    variant: dict[str, str | int]
    orientations: int = 1
    initial_weights: RunWeights | None = None
    machine: dict[str, str | int | None] = field(default_factory=dict)
    engine: dict[str, str | int | float | None] = field(default_factory=dict)
    parts: list[RunPart] = field(default_factory=list)
    last_epoch: dict[str, int | float | None] | None = None
    weights: RunWeights | None = None
    version: int = 1

    def __post_init__(self):
        try:
            variant_of(self.variant)
        except (KeyError, TypeError) as error:
            raise CellsegError(f"variant: not a network of this cellseg ({error})") from error

    @property
    def network(self) -> Fcn | UNet:
        """The network that was trained."""
        return variant_of(self.variant)

    @property
    def seconds(self) -> float:
        """Duration of the training, all its parts together."""
        return sum(part.seconds for part in self.parts)

    @staticmethod
    def from_old(values: dict) -> dict:
        """Today's form of a file from before versions; the first ones had one recipe, the report's, and SGD."""
        schedule = dict(values["schedule"])
        if "updates" not in schedule and "base_lr" in schedule:
            sgd = {"type": "SGD", "policy": "step", "momentum": 0.9, "weight_decay": 0.001}
            schedule["updates"] = {**sgd, "base_lr": schedule["base_lr"]}
        return {"recipe": "report", **values, "schedule": schedule}


def read_run(folder: str | Path) -> RunRecord:
    """Read the ``run.json`` in a run folder.

    Raises
    ------
    CellsegError
        If it is missing or damaged; see `cellseg.records.read_record`.
    """
    return read_record(Path(folder) / RUN, RunRecord, "train again")


def run_of(model: str | Path) -> RunRecord | None:
    """The record of the run that made a model, from the model's folder; None if there is none."""
    folder = Path(model).parent
    return read_run(folder) if (folder / RUN).exists() else None


def write_run(folder: str | Path, record: RunRecord) -> None:
    """Write the ``run.json`` of a run folder."""
    write_record(Path(folder) / RUN, record)
