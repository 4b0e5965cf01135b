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

_LARGEST = 64 << 20  # bytes: a million epochs
_LONGEST = 40  # characters of a number


def read_history(path):
    """Read a history.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    list of dict
        A row an epoch (`FIELDS`), with numbers, of which losses and scores need not be finite; empty if there is no
        file.

    Raises
    ------
    CellsegError
        If it is damaged: no CSV, without one of its columns, with a row that is too short or too long or holds other
        than numbers, or with epochs and iterations that do not rise.
    """
    path = Path(path)
    if not path.exists():
        return []
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"larger than {_LARGEST >> 20} MB")
        with open(path, newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            if set(reader.fieldnames or ()) != set(FIELDS):
                raise ValueError(f"its columns are not {', '.join(FIELDS)}")
            rows = [_numbers(row) for row in reader]
        for name in ("epoch", "iteration"):
            if any(after[name] <= before[name] for before, after in zip(rows, rows[1:])):
                raise ValueError(f"its {name}s do not rise")
        return rows
    except (OSError, ValueError, csv.Error) as error:
        raise CellsegError(f"{path}: not the history that it should be ({error}); remove it, or train again") from error


def write_history(path, rows):
    """Write a history, whole or not at all."""
    with replacing(path) as beside, open(str(beside), "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, FIELDS)
        writer.writeheader()
        writer.writerows(rows)


def _numbers(row):
    if None in row or any(value is None or len(value) > _LONGEST for value in row.values()):
        raise ValueError("a row has other columns")
    counted = {name: int(row[name]) for name in ("epoch", "iteration")}
    if not all(0 < number < 2**31 for number in counted.values()):
        raise ValueError("a row is of no epoch")
    return {**{name: float(value) for name, value in row.items()}, **counted}
