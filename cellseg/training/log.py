"""Reading the log of a training: of stock Caffe, old style and new, and of the embedded engine."""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cellseg.errors import CellsegError

_NUMBER = r"([-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|nan|inf))"
#: "Iteration 100, loss = 0.5", and since 1.0 "Iteration 100 (2.5 iter/s, 40s/100 iters), loss = 0.5".
_LOSS = re.compile(rf"Iteration (\d+)(?: \([^)]*\))?, loss = {_NUMBER}\s*$")
_RATE = re.compile(rf"Iteration (\d+), lr = {_NUMBER}\s*$")
_TESTING = re.compile(r"Iteration (\d+), Testing net \(#(\d+)\)\s*$")
_OUTPUT = re.compile(rf"Test net output #\d+: (\S+) = {_NUMBER}(?: \(\* .*\))?\s*$")


class Log(NamedTuple):
    """What a log tells.

    Attributes
    ----------
    train : list of dict
        ``iteration`` (updates before it), ``loss`` and, where the log has it, ``lr``.
    test : list of dict
        ``iteration``, ``net`` (number of the test net) and a key for each of its outputs, such as ``loss``.
    """

    train: list
    test: list


def read_log(path):
    """Read a training's log.

    Lines of other kinds, and a last line that was cut off, are passed over. Where a training was resumed, what its
    second start repeats takes the place of what the first had written.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    Log

    Raises
    ------
    CellsegError
        If it cannot be read, or holds no line of a training.
    """
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise CellsegError(f"{path}: cannot be read ({error.strerror}); give the log of a training") from error
    train, test, testing, rates = [], [], None, {}
    for line in text.split("\n")[:-1]:
        found = _LOSS.search(line)
        if found:
            testing, iteration = None, int(found.group(1))
            _drop(train, iteration)
            _drop(test, iteration + 1)
            train.append({"iteration": iteration, "loss": float(found.group(2))})
            continue
        found = _RATE.search(line)
        if found:  # Caffe of 2013 writes it before the loss, later ones behind it
            rates[int(found.group(1))] = float(found.group(2))
            continue
        found = _TESTING.search(line)
        if found:
            testing = {"iteration": int(found.group(1)), "net": int(found.group(2))}
            _drop(train, testing["iteration"] + 1)
            _drop(test, testing["iteration"], testing["net"] + 1)
            if test and (test[-1]["iteration"], test[-1]["net"]) == tuple(testing.values()):
                testing = test[-1]  # our trainings test twice, for the MCC and for the net's own outputs
            else:
                test.append(testing)
            continue
        found = _OUTPUT.search(line)
        if found and testing:
            testing[found.group(1)] = float(found.group(2))
    if not train and not test:
        raise CellsegError(f"{path}: is not the log of a training; it has no line 'Iteration ..., loss = ...'")
    for row in train:
        if row["iteration"] in rates:
            row["lr"] = rates[row["iteration"]]
    return Log(train, [row for row in test if len(row) > 2])


def _drop(rows, iteration, net=0):
    """Take off the end of a list the rows of an iteration (of its test nets from `net` on) and of all later ones."""
    while rows and (rows[-1]["iteration"], rows[-1].get("net", 0)) >= (iteration, net):
        rows.pop()


def history_rows(log, epoch_iterations):
    """Bring a log into the form of a run's ``history.csv``.

    Parameters
    ----------
    log : Log
    epoch_iterations : int
        Iterations an epoch.

    Returns
    -------
    list of dict
        One for each test of the first test net after the start, or in a log without tests for each epoch: ``epoch``
        (a fraction where tests are more frequent), ``iteration``, ``test_loss`` and ``test_mcc`` as far as the test
        net gives them, ``train_loss``, the mean since the row before, and ``lr``; None for what the log does not tell.
    """
    tests = [row for row in log.test if row["net"] == 0]
    if not tests and log.train:
        last = log.train[-1]["iteration"]
        tests = [{"iteration": end} for end in range(epoch_iterations, last + epoch_iterations, epoch_iterations)]
    rows, before = [], 0
    for row in tests:
        now = row["iteration"]
        if now == 0:
            continue
        since = [one for one in log.train if before <= one["iteration"] < now]
        rows.append(
            {
                "epoch": now / epoch_iterations,
                "iteration": now,
                "lr": since[-1].get("lr") if since else None,
                "train_loss": float(np.mean([one["loss"] for one in since])) if since else None,
                "test_loss": row.get("loss"),
                "test_mcc": row.get("mcc"),
            }
        )
        before = now
    return rows
