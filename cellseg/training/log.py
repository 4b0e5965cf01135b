"""Reading the log of a training: of stock Caffe from 2013 on and from any system, and of the embedded engine."""

import bisect
import codecs
import re
from collections import Counter
from typing import NamedTuple

import numpy as np

from cellseg.errors import CellsegError

_LARGEST = 256 << 20  # bytes of a log
_ITERATION = r"Iteration (\d{1,9})"
#: With what Windows writes for numbers that are none, such as "-1.#IND" and "-nan(ind)".
_NUMBER = r"([-+]?(?:\d\.#\w+|\d+\.?\d*(?:[eE][-+]?\d+)?|nan(?:\(\w+\))?|inf))"
#: "Iteration 100, loss = 0.5", and since 1.0 "Iteration 100 (2.5 iter/s, 40s/100 iters), loss = 0.5".
_LOSS = re.compile(rf"{_ITERATION}(?: \([^)]*\))?, loss = {_NUMBER}\s*$")
_RATE = re.compile(rf"{_ITERATION}, lr = {_NUMBER}\s*$")
#: The number of the net is missing in logs of 2013 and 2014, and so are the names of its outputs: "Test score #0: 0.9".
_TESTING = re.compile(rf"{_ITERATION}, Testing net(?: \(#(\d{{1,9}})\))?\s*$")
_OUTPUT = re.compile(rf"(?:(Train|Test) net output #\d+: (\S+) =|Test (score #\d+):) {_NUMBER}(?: \(\* .*\))?\s*$")


class Log(NamedTuple):
    """What stands in a log.

    Attributes
    ----------
    train : list of dict
        ``iteration`` (updates before it), ``loss`` and, where the log has them, ``lr`` and ``output``, the value of the
        net's output ``loss``, which is a part of the loss where a net has several.
    test : list of dict
        ``iteration``, ``net`` (number of the test net) and a key for each of its outputs, such as ``loss``. Of several
        with one name, those behind the first are ``name[1]`` and so on.
    """

    train: list
    test: list


def read_log(path):
    """Read a training's log.

    Lines of other kinds, and a last line that was cut off, are ignored. If a training was resumed, the iterations that
    its second start repeats replace those of the first.

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
        with open(path, "rb") as stream:
            content = stream.read(_LARGEST + 1)
    except OSError as error:
        raise CellsegError(f"{path}: cannot be read ({error.strerror}); give the log of a training") from error
    if len(content) > _LARGEST:
        raise CellsegError(f"{path}: larger than {_LARGEST >> 20} MB; give the log of a training")
    text = _decoded(content)
    train, test, testing, rates, names = [], [], None, {}, Counter()
    for line in text.split("\n")[:-1]:
        found = _LOSS.search(line)
        if found:
            testing, iteration = None, int(found.group(1))
            _drop(train, iteration)
            _drop(test, iteration + 1)
            train.append({"iteration": iteration, "loss": _number(found.group(2))})
            continue
        found = _RATE.search(line)
        if found:  # Caffe of 2013 writes it before the loss, later versions after it
            rates[int(found.group(1))] = _number(found.group(2))
            continue
        found = _TESTING.search(line)
        if found:
            testing, names = {"iteration": int(found.group(1)), "net": int(found.group(2) or 0)}, Counter()
            _drop(train, testing["iteration"] + 1)
            _drop(test, testing["iteration"], testing["net"] + 1)
            if test and (test[-1]["iteration"], test[-1]["net"]) == tuple(testing.values()):
                testing = test[-1]  # our trainings test twice, for the MCC and for the net's own outputs
            else:
                test.append(testing)
            continue
        found = _OUTPUT.search(line)
        if found and found[1] == "Train" and found[2] == "loss" and train:
            train[-1]["output"] = _number(found[4])
        elif found and found[1] != "Train" and testing:
            name = found[2] or found[3]
            names[name] += 1
            testing[name if names[name] == 1 else f"{name}[{names[name] - 1}]"] = _number(found[4])
    if not train and not test:
        raise CellsegError(f"{path}: is not the log of a training; it has no line 'Iteration ..., loss = ...'")
    for row in train:
        if row["iteration"] in rates:
            row["lr"] = rates[row["iteration"]]
    return Log(train, [row for row in test if len(row) > 2])


def _decoded(content):
    """A text as Caffe writes it, or as PowerShell does: in UTF-16, with a mark in front."""
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if wide else "utf-8", errors="replace")


def _number(text):
    if "#" in text:
        return float(text[: text.index("#") - 2] + ("inf" if "#INF" in text else "nan"))
    return float(text.partition("(")[0])


def _drop(rows, iteration, net=0):
    """Remove the last rows of a list, from an iteration on (and in that from test net `net` on)."""
    while rows and (rows[-1]["iteration"], rows[-1].get("net", 0)) >= (iteration, net):
        rows.pop()


def history_rows(log, epoch_iterations):
    """Give a log the form of a run's ``history.csv``.

    Parameters
    ----------
    log : Log
    epoch_iterations : int
        Iterations in an epoch.

    Returns
    -------
    list of dict
        A row for each test of the first test net, except the one at the start; in a log without tests a row for each
        epoch of which it tells. Keys are ``epoch`` (a fraction if tests are more frequent), ``iteration``,
        ``test_loss`` and ``test_mcc`` if the test net gives them, ``test_NAME`` for each other output, ``train_loss``
        (the mean since the row before) and ``lr``. What the log does not say is None.
    """
    tests = [row for row in log.test if row["net"] == 0]
    if not tests and log.train:
        ends = {(row["iteration"] // epoch_iterations + 1) * epoch_iterations for row in log.train}
        last = log.train[-1]["iteration"] + epoch_iterations
        tests = [{"iteration": end} for end in sorted(ends) if end < last]
    rows, before = [], 0
    iterations = [row["iteration"] for row in log.train]
    for row in tests:
        now = row["iteration"]
        if now == 0:
            continue
        since = log.train[bisect.bisect_left(iterations, before) : bisect.bisect_left(iterations, now)]
        rows.append(
            {
                "epoch": now / epoch_iterations,
                "iteration": now,
                "lr": since[-1].get("lr") if since else None,
                "train_loss": float(np.mean([one["loss"] for one in since])) if since else None,
                "test_loss": None,
                "test_mcc": None,
                **{f"test_{name}": value for name, value in row.items() if name not in ("iteration", "net")},
            }
        )
        before = now
    return rows
