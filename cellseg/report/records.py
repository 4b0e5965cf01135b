"""The records of a run folder and of an evaluation, as the page needs them."""

from dataclasses import dataclass
from pathlib import Path

from cellseg.data.record import DataRecord, read_data
from cellseg.errors import CellsegError
from cellseg.evaluation.predictions import PREDICTIONS, Prediction, read_predictions
from cellseg.evaluation.record import EVALUATION, EvaluationRecord, MethodScores, read_evaluation
from cellseg.network import Fcn, UNet
from cellseg.network.options import variant_record
from cellseg.training import record as training
from cellseg.training.folder import HISTORY
from cellseg.training.history import read_history


@dataclass(frozen=True)
class Run:
    """A finished training.

    Attributes
    ----------
    folder : path
    record : cellseg.training.record.RunRecord
    data : cellseg.data.record.DataRecord
        What the images were.
    history : list of dict
        ``history.csv``: a row for each epoch, as numbers.
    """

    folder: Path
    record: training.RunRecord
    data: DataRecord
    history: list[dict[str, float]]

    @property
    def seed(self) -> int:
        """Seed of the initial weights."""
        return self.record.schedule.seed

    @property
    def recipe(self) -> str:
        """Name of the recipe."""
        return self.record.recipe

    @property
    def network(self) -> Fcn | UNet:
        """The network that was trained."""
        return self.record.network

    @property
    def variant(self) -> dict:
        """The network as a record, with its name."""
        return variant_record(self.network)

    @property
    def seconds(self) -> float:
        """How long the training took, all its parts together."""
        return self.record.seconds


@dataclass(frozen=True)
class EvaluatedModel:
    """An evaluated model.

    Attributes
    ----------
    folder : path
    record : cellseg.evaluation.record.EvaluationRecord
    """

    folder: Path
    record: EvaluationRecord

    @property
    def methods(self) -> dict[str, MethodScores]:
        """Scores of each method by name."""
        return self.record.methods

    @property
    def subject(self) -> tuple[int, float]:
        """What identifies the images: their number, and the share of their pixels that is cell."""
        return self.record.images, round(self.record.foreground, 9)

    def predictions(self) -> list[Prediction] | None:
        """The images with the network's output; None if they were not kept."""
        path = self.folder / PREDICTIONS
        return read_predictions(path) if path.exists() else None


def read_run(folder: Path) -> Run:
    """Read a run folder.

    Parameters
    ----------
    folder : path
        Holds ``run.json``, ``data.json`` and ``history.csv``.

    Raises
    ------
    CellsegError
        If one of them is missing, damaged or of something else.
    """
    path = folder / HISTORY
    history = read_history(path)
    if not history:
        raise CellsegError(f"{path}: holds no epochs; train again")
    return Run(folder, training.read_run(folder), read_data(folder), history)


def read_result(folder: Path) -> EvaluatedModel | None:
    """Read the evaluation in a folder; None if there is none.

    Raises
    ------
    CellsegError
        If it is damaged.
    """
    path = folder / EVALUATION
    return EvaluatedModel(folder, read_evaluation(path)) if path.exists() else None
