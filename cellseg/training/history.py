"""The history of a run, ``history.csv``: a row for each epoch.

It runs beside real Caffe, too, and so under Python 3.9.
"""

import csv
from pathlib import Path

from cellseg.errors import CellsegError
from cellseg.files import replacing

#: Columns: the number of the epoch and of the iterations before its end, the last learning rate, the mean training
#: loss in the epoch, and the loss, the best MCC and its threshold on the test set after it; seconds since the start.
FIELDS = ("epoch", "iteration", "lr", "train_loss", "test_loss", "test_mcc", "test_threshold", "seconds")


def read_history(path):
    """Read a history.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    list of dict
        A row an epoch (`FIELDS`), with numbers; empty if there is no file.

    Raises
    ------
    CellsegError
        If it is damaged.
    """
    if not Path(path).exists():
        return []
    try:
        with open(str(path), newline="", encoding="utf-8") as stream:
            return [{name: _number(name, row[name]) for name in FIELDS} for row in csv.DictReader(stream)]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise CellsegError(f"{path}: not the history that it should be ({error}); remove it, or train again") from error


def write_history(path, rows):
    """Write a history, whole or not at all."""
    with replacing(path) as beside, open(str(beside), "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, FIELDS)
        writer.writeheader()
        writer.writerows(rows)


def _number(name, text):
    return int(text) if name in ("epoch", "iteration") else float(text)
