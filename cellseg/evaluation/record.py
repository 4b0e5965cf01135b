"""The record of an evaluation: ``evaluation.json``, ``sweep.csv`` and ``predictions.h5``."""

import csv
from pathlib import Path
from typing import NamedTuple, Optional

from cellseg.errors import CellsegError
from cellseg.evaluation.indicators import NAMES
from cellseg.evaluation.predictions import PREDICTIONS, write_predictions
from cellseg.evaluation.settings import Settings
from cellseg.files import read_json, replacing, write_json

RECORD = "evaluation.json"


class Choice(NamedTuple):
    """What was chosen before an evaluation.

    Attributes
    ----------
    threshold : float or None
        None to take the best one on the evaluated images.
    chosen_on : str or None
        What it was chosen on, in words.
    settings : cellseg.evaluation.settings.Settings or None
    """

    threshold: Optional[float] = None
    chosen_on: Optional[str] = None
    settings: Optional[Settings] = None


def read_evaluation(path):
    """Read an ``evaluation.json``.

    Raises
    ------
    CellsegError
        If it is missing or something else.
    """
    return read_json(path, "data", "engine", "images", "threshold", "best_threshold", "mcc", "baseline_otsu.mcc")


def read_choice(text):
    """A threshold given as a number from 0 to 1, or as an ``evaluation.json`` whose choice is to be taken.

    Of an ``evaluation.json`` that holds settings these are taken, their threshold included; of another the best
    threshold on its images.

    Returns
    -------
    Choice

    Raises
    ------
    CellsegError
        If it is neither, or the threshold out of range.
    """
    try:
        choice = Choice(float(text), "given as a number")
    except ValueError:
        record = read_evaluation(text)
        settings = Settings.from_record(record, text)
        if settings:
            choice = Choice(settings.threshold, f"chosen on {settings.chosen_on}", settings)
        else:
            choice = Choice(record["best_threshold"], f"chosen on {record['data']}")
    if not 0 <= choice.threshold <= 1:
        raise CellsegError(f"the threshold {text} is not between 0 and 1")
    return choice


def write_evaluation(folder, record, predictions):
    """Write ``evaluation.json``, ``sweep.csv`` and ``predictions.h5`` into `folder`.

    Parameters
    ----------
    folder : str or path
    record : dict
        See `cellseg.evaluation.evaluate.evaluate`.
    predictions : sequence of cellseg.evaluation.predictions.Prediction
    """
    folder = Path(folder)
    with replacing(folder / "sweep.csv") as beside, open(str(beside), "w", newline="") as stream:
        writer = csv.DictWriter(stream, ["threshold", "tp", "fp", "tn", "fn", *NAMES])
        writer.writeheader()
        writer.writerows(record["sweep"])
    write_predictions(folder / PREDICTIONS, predictions)
    write_json(folder / RECORD, record)
