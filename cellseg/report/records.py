"""The records of a run folder and of an evaluation, read and checked, so that the page can rely on them."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from cellseg.data.constants import RECORD as DATA
from cellseg.errors import CellsegError
from cellseg.evaluation.indicators import NAMES
from cellseg.evaluation.predictions import PREDICTIONS, read_predictions
from cellseg.evaluation.record import RECORD as EVALUATION
from cellseg.evaluation.record import read_evaluation
from cellseg.files import read_json
from cellseg.network.options import variant_of, variant_record

_RUN_KEYS = ("stage", "status", "command", "data.kind", "data.folder", "schedule.epochs", "schedule.seed", "variant")
_OBJECTS = ("precision", "recall", "f1", "ap", "count_error", "count_bias")
_COUNTS = ("tp", "fp", "tn", "fn")
# What older evaluations lack.
_LATER = {"settings": None, "per_image": [], "median_mcc": None, "orientations": 1}


@dataclass(frozen=True)
class Run:
    """A finished training.

    Attributes
    ----------
    folder : path
    record : dict
        ``run.json``.
    data : dict
        ``data.json``, which describes the images.
    history : list of dict
        ``history.csv``: a row for each epoch, as numbers.
    """

    folder: Path
    record: dict
    data: dict
    history: list

    @property
    def seed(self):
        """Seed of the initial weights."""
        return self.record["schedule"]["seed"]

    @property
    def recipe(self):
        """Name of the recipe. Records from before there were recipes are of the report's."""
        return self.record.get("recipe") or "report"

    @property
    def network(self):
        """The `cellseg.network.Fcn` or `cellseg.network.UNet` that was trained."""
        return variant_of(self.record["variant"])

    @property
    def variant(self):
        """The network as a record, with its name."""
        return variant_record(self.network)

    @property
    def seconds(self):
        """How long the training took, all its parts together."""
        return sum(part["seconds"] for part in self.record.get("parts") or [])


@dataclass(frozen=True)
class Evaluation:
    """An evaluated model.

    Attributes
    ----------
    folder : path
    record : dict
        ``evaluation.json``. What older records lack is None, empty or 1.
    """

    folder: Path
    record: dict

    @property
    def methods(self):
        """Scores of each method, by name. Older records have the indicators alone."""
        record = self.record
        old = {"network": {name: record[name] for name in NAMES}, "otsu": record["baseline_otsu"]}
        return record.get("methods") or old

    @property
    def subject(self):
        """What identifies the images: their number, and the share of their pixels that is cell."""
        return self.record["images"], round(self.record["foreground"], 9)

    def predictions(self):
        """The images with the network's output, as a list of `Prediction`; None if they were not kept."""
        path = self.folder / PREDICTIONS
        return read_predictions(path) if path.exists() else None


def read_run(folder):
    """Read a run folder.

    Parameters
    ----------
    folder : path
        Holds ``run.json``, ``data.json`` and ``history.csv``.

    Returns
    -------
    Run

    Raises
    ------
    CellsegError
        If one of them is missing, damaged or of something else.
    """
    path = folder / "run.json"
    record = read_json(path, *_RUN_KEYS)
    try:
        run = Run(folder, record, read_json(folder / DATA, "request", "splits"), _read_history(folder, record))
        run.variant, run.seconds  # noqa: B018 - both read what a damaged record lacks
    except (KeyError, TypeError, AttributeError) as error:
        raise CellsegError(f"{path}: not the record that it should be ({error}); train again") from error
    return run


def read_result(folder):
    """Read the evaluation in a folder.

    Parameters
    ----------
    folder : path

    Returns
    -------
    Evaluation or None
        None if there is none.

    Raises
    ------
    CellsegError
        If it is damaged.
    """
    path = folder / EVALUATION
    if not path.exists():
        return None
    record = read_evaluation(path)
    try:
        _check(record)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"{path}: not the record that it should be ({error}); evaluate again with `cellseg evaluate`"
        raise CellsegError(message) from error
    return Evaluation(folder, {**_LATER, **record})


def _check(record):
    """Look up everything that the page shows of an evaluation."""
    _numbers(record, "threshold", "best_mcc", "foreground", "images", "mcc")
    for row in record["sweep"]:
        _numbers(row, "threshold", "mcc", *_COUNTS)
        _numbers(row, *NAMES, optional=True)
    for values in (record, record["baseline_otsu"], *(record.get("methods") or {}).values()):
        _numbers(values, *NAMES, optional=True)
    for values in (record.get("methods") or {}).values():
        _numbers(values, "mcc", "median_mcc")
        _numbers(values["objects"], *_OBJECTS, optional=True)
    for row in record.get("per_image") or []:
        _numbers(row, "mcc", "cells", "found", *_COUNTS)
        row["name"]  # noqa: B018
    if record.get("settings") is not None:
        _numbers(record["settings"], "smallest_object", "largest_hole", "threshold")


def _numbers(values, *names, optional=False):
    for name in names:
        value = values[name]
        if not (isinstance(value, (int, float)) and math.isfinite(value)) and not (optional and value is None):
            raise ValueError(f"{name} is {value!r}")


def _read_history(folder, record):
    path = folder / "history.csv"
    try:
        with open(str(path), newline="", encoding="utf-8") as stream:
            rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(stream)]
        if not rows or not {"epoch", "lr", "train_loss", "test_loss", "test_mcc"} <= set(rows[0]):
            raise ValueError("no epochs")
    except OSError as error:
        raise CellsegError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise CellsegError(f"{path}: not the history of a training ({error}); train again") from error
    return rows
