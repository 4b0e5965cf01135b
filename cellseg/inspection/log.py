"""The log of a training: how long it is, its losses, and what its tests gave."""

import math

from cellseg.training.log import read_log


def inspect_log(path):
    """What a log holds.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    dict
        Plain values: iterations, the first and the last loss, and for each output of each test net how often it was
        tested, and the first, the last, the least and the largest value.

    Raises
    ------
    CellsegError
        If it is no log of a training.
    """
    log = read_log(path)
    losses = [row["loss"] for row in log.train]
    rates = [row["lr"] for row in log.train if "lr" in row]
    outputs = {}
    for row in log.test:
        for name, value in row.items():
            if name not in ("iteration", "net"):
                outputs.setdefault((row["net"], name), []).append(value)
    return {
        "kind": "log",
        "iterations": [rows[place]["iteration"] for rows in [log.train or log.test] for place in (0, -1)],
        "losses": {"shown": len(losses), **_span(losses)} if losses else None,
        "learning_rate": [rates[0], rates[-1]] if rates else None,
        "tests": [
            {"net": net, "output": name, "times": len(values), **_span(values)}
            for (net, name), values in outputs.items()
        ],
    }


def _span(values):
    numbers = [value for value in values if not math.isnan(value)] or values
    return {"first": values[0], "last": values[-1], "least": min(numbers), "most": max(numbers)}
