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


# Caffe 1.0 on our own net: `caffe train` with average_loss: 20.
REAL = """\
I1123 06:59:25.316370 10940 solver.cpp:347] Iteration 0, Testing net (#0)
I1123 06:59:25.355952 10940 solver.cpp:414]     Test net output #0: accuracy = 0.741927
I1123 06:59:25.356096 10940 solver.cpp:414]     Test net output #1: loss = 0.692053 (* 1 = 0.692053 loss)
I1123 06:59:25.376048 10940 solver.cpp:239] Iteration 0 (-2.31395e+24 iter/s, 0.062s/20 iters), loss = 0.6919
I1123 06:59:25.376192 10940 solver.cpp:258]     Train net output #0: loss = 0.6919 (* 1 = 0.6919 loss)
I1123 06:59:25.376220 10940 sgd_solver.cpp:112] Iteration 0, lr = 0.01
I1123 06:59:26.529543 10940 solver.cpp:347] Iteration 20, Testing net (#0)
I1123 06:59:26.992200 10940 solver.cpp:414]     Test net output #0: accuracy = 0.87526
I1123 06:59:27.014089 10940 solver.cpp:414]     Test net output #1: loss = 0.416803 (* 1 = 0.416803 loss)
I1123 06:59:27.278975 10940 solver.cpp:239] Iteration 20 (10.5152 iter/s, 1.902s/20 iters), loss = 0.546691
I1123 06:59:27.279121 10940 solver.cpp:258]     Train net output #0: loss = 0.413239 (* 1 = 0.413239 loss)
I1123 06:59:27.279143 10940 sgd_solver.cpp:112] Iteration 20, lr = 0.01
I1123 06:59:29.370914 10940 solver.cpp:347] Iteration 40, Tes"""


def test_a_log_of_the_old_style(tmp_path):
    log = read_log(write(tmp_path / "log", *OLD))
    assert log.train == [
        {"iteration": 0, "loss": 0.69, "output": 0.69, "lr": 0.01},
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


def test_a_training_that_was_started_again_forgets_tests_and_losses_after_its_start(tmp_path):
    later = ["Iteration 40, Testing net (#0)", "    Test net output #0: accuracy = 0.9", "Iteration 40, loss = 0.2"]
    log = read_log(write(tmp_path / "log", *OLD, *later, "Iteration 10, loss = 0.6"))
    assert [row["iteration"] for row in log.train] == [0, 10] and [row["iteration"] for row in log.test] == [0]
    log = read_log(write(tmp_path / "log", *OLD, *later, *OLD[8:11]))
    assert [row["iteration"] for row in log.train] == [0, 10, 20] and [row["iteration"] for row in log.test] == [0, 20]


def test_an_excerpt_of_real_caffe(tmp_path):
    (tmp_path / "log").write_text(REAL)
    log = read_log(tmp_path / "log")
    assert log.train == [
        {"iteration": 0, "loss": 0.6919, "output": 0.6919, "lr": 0.01},
        {"iteration": 20, "loss": 0.546691, "output": 0.413239, "lr": 0.01},
    ]
    assert log.test == [
        {"iteration": 0, "net": 0, "accuracy": 0.741927, "loss": 0.692053},
        {"iteration": 20, "net": 0, "accuracy": 0.87526, "loss": 0.416803},
    ]


def test_a_log_of_2013_has_the_rate_before_the_loss(tmp_path):
    log = read_log(write(tmp_path / "log", "Iteration 100, lr = 0.00992565", "Iteration 100, loss = 0.26044"))
    assert log.train == [{"iteration": 100, "loss": 0.26044, "lr": 0.00992565}]


def test_a_log_without_tests_has_a_row_an_epoch(tmp_path):
    log = read_log(write(tmp_path / "log", *(line for line in OLD if "est" not in line)))
    rows = history_rows(log, 10)
    assert [(row["epoch"], row["train_loss"], row["test_loss"]) for row in rows] == [(1, 0.69, None), (2, 0.5, None)]


def test_a_test_in_two_parts_is_one(tmp_path):
    ours = ["Iteration 20, Testing net (#0)", "    Test net output #2: mcc = 0.86"]
    log = read_log(write(tmp_path / "log", *OLD[:8], *ours, *OLD[8:]))
    assert log.test[-1] == {"iteration": 20, "net": 0, "mcc": 0.86, "accuracy": 0.8, "loss": 0.4}


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


def test_a_log_of_2014_has_scores_without_names(tmp_path):
    lines = ["Iteration 500, Testing net", "Test score #0: 0.55", "Test score #1: 1.25", "Iteration 600, loss = 1.5"]
    log = read_log(write(tmp_path / "log", *lines))
    assert log.test == [{"iteration": 500, "net": 0, "score #0": 0.55, "score #1": 1.25}]
    assert history_rows(log, 500)[0]["test_score #1"] == 1.25


@pytest.mark.parametrize("text", ["-1.#IND", "1.#QNAN", "-nan(ind)", "nan", "-nan"])
def test_numbers_of_windows_that_are_none(tmp_path, text):
    log = read_log(write(tmp_path / "log", *OLD, f"Iteration 30, loss = {text}", "Iteration 40, loss = -1.#INF"))
    assert [row["iteration"] for row in log.train] == [0, 10, 20, 30, 40]
    assert math.isnan(log.train[3]["loss"]) and log.train[4]["loss"] == -math.inf


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_log_that_windows_wrote(tmp_path, encoding):
    text = write(tmp_path / "log", *OLD).read_text()
    (tmp_path / "other").write_bytes(text.replace("\n", "\r\n").encode(encoding))
    assert read_log(tmp_path / "other") == read_log(tmp_path / "log")


def test_outputs_of_one_name_are_told_apart(tmp_path):
    lines = ["    Test net output #2: accuracy = 0.5", "    Test net output #3: accuracy = 0.75"]
    log = read_log(write(tmp_path / "log", *OLD[:11], *lines, *OLD[11:]))
    assert log.test[1] == {
        "iteration": 20,
        "net": 0,
        "accuracy": 0.8,
        "loss": 0.4,
        "accuracy[1]": 0.5,
        "accuracy[2]": 0.75,
    }


def test_another_file_is_refused(tmp_path):
    with pytest.raises(CellsegError, match="not the log of a training"):
        read_log(write(tmp_path / "log", "Creating Layer data"))
    with pytest.raises(CellsegError, match="cannot be read"):
        read_log(tmp_path / "none")
