"""Logs of stock `caffe train`, of several ages, and of our own trainings."""

import math
from pathlib import Path

import pytest

from cellseg.errors import CellsegError
from cellseg.training.log import history_rows, read_log

STAMP = "I1020 10:11:12.345678  4242 solver.cpp:228] "


def write(path, *lines, end="\n"):
    Path(path).write_text("\n".join(line if line.startswith("#") else STAMP + line for line in lines) + end)
    return path


OLD = [
    "Iteration 0, Testing net (#0)",
    "    Test net output #0: accuracy = 0.25",
    "    Test net output #1: loss = 0.7 (* 1 = 0.7 loss)",
    "Iteration 0, loss = 0.69",
    "    Train net output #0: loss = 0.69 (* 1 = 0.69 loss)",
    "Iteration 0, lr = 0.01",
    "Iteration 10, loss = 0.5",
    "Iteration 10, lr = 0.01",
    "Iteration 20, Testing net (#0)",
    "    Test net output #0: accuracy = 0.8",
    "    Test net output #1: loss = 0.4 (* 1 = 0.4 loss)",
    "Iteration 20, loss = 3e-05",
    "Iteration 20, lr = 0.001",
]


def test_a_log_of_the_old_style(tmp_path):
    log = read_log(write(tmp_path / "log", *OLD))
    assert log.train == [
        {"iteration": 0, "loss": 0.69, "lr": 0.01},
        {"iteration": 10, "loss": 0.5, "lr": 0.01},
        {"iteration": 20, "loss": 3e-05, "lr": 0.001},
    ]
    assert log.test[1] == {"iteration": 20, "net": 0, "accuracy": 0.8, "loss": 0.4}


def test_a_log_of_the_new_style_tells_the_same(tmp_path):
    new = [line.replace(", loss", " (2.5 iter/s, 40s/100 iters), loss") for line in OLD]
    assert new != OLD
    assert read_log(write(tmp_path / "new", *new)) == read_log(write(tmp_path / "old", *OLD))


def test_what_a_resumed_training_repeats_counts_once_and_the_last_time(tmp_path):
    again = [
        "Restoring previous solver status from x.solverstate",
        "Iteration 10, loss = 0.6",
        "Iteration 20, loss = 0.3",
    ]
    log = read_log(write(tmp_path / "log", *OLD, *again))
    assert [(row["iteration"], row["loss"]) for row in log.train] == [(0, 0.69), (10, 0.6), (20, 0.3)]


def test_several_test_nets_a_cut_line_and_a_loss_that_is_no_number(tmp_path):
    more = [
        "Iteration 20, Testing net (#1)",
        "    Test net output #0: loss = 9",
        "Iteration 30, loss = nan",
        "Iteration 40, loss = 0.",
    ]
    log = read_log(write(tmp_path / "log", *OLD, *more, end=""))
    assert log.test[-1] == {"iteration": 20, "net": 1, "loss": 9.0}
    assert math.isnan(log.train[-1]["loss"]) and log.train[-1]["iteration"] == 30
    assert [row["test_loss"] for row in history_rows(log, 10)] == [0.4]


def test_rows_as_in_a_history(tmp_path):
    lines = [*OLD, "Iteration 40, Testing net (#0)", "    Test net output #2: mcc = 0.9"]
    first, second = history_rows(read_log(write(tmp_path / "log", *lines)), 20)
    assert first["epoch"] == 1 and first["train_loss"] == pytest.approx(0.595) and first["lr"] == 0.01
    assert first["test_loss"] == 0.4 and first["test_mcc"] is None
    assert second["test_mcc"] == 0.9 and second["train_loss"] == 3e-05


def test_another_file_is_refused(tmp_path):
    with pytest.raises(CellsegError, match="not the log of a training"):
        read_log(write(tmp_path / "log", "Creating Layer data"))
    with pytest.raises(CellsegError, match="cannot be read"):
        read_log(tmp_path / "none")
