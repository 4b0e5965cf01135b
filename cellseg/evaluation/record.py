"""The record of an evaluation: ``evaluation.json`` and ``sweep.csv``."""

import csv
from pathlib import Path

from cellseg.errors import CellsegError
from cellseg.evaluation.indicators import NAMES
from cellseg.files import read_json, replacing, write_json

RECORD = "evaluation.json"


def read_evaluation(path):
    """Read an ``evaluation.json``.

    Raises
    ------
    CellsegError
        If it is missing or something else.
    """
    return read_json(path, "data", "engine", "images", "threshold", "best_threshold", "mcc", "baseline_otsu.mcc")


def read_threshold(text):
    """A threshold given as a number from 0 to 1, or as an ``evaluation.json`` whose best one is to be taken.

    Returns
    -------
    threshold : float
    chosen_on : str
        What it was chosen on, in words.
    """
    try:
        threshold, chosen_on = float(text), "given as a number"
    except ValueError:
        record = read_evaluation(text)
        threshold, chosen_on = record["best_threshold"], f"chosen on {record['data']}"
    if not 0 <= threshold <= 1:
        raise CellsegError(f"the threshold {text} is not between 0 and 1")
    return threshold, chosen_on


def write_evaluation(folder, record):
    """Write ``evaluation.json`` and ``sweep.csv`` into `folder`."""
    folder = Path(folder)
    with replacing(folder / "sweep.csv") as beside, open(str(beside), "w", newline="") as stream:
        writer = csv.DictWriter(stream, ["threshold", "tp", "fp", "tn", "fn", *NAMES])
        writer.writeheader()
        writer.writerows(record["sweep"])
    write_json(folder / RECORD, record)
