"""A run's history: what is damaged is named."""

import math

import pytest

from cellseg.errors import CellsegError
from cellseg.training.history import read_history

HEAD = "epoch,iteration,lr,train_loss,test_loss,test_mcc,test_threshold,seconds"
ROW = "1,10,0.01,0.5,0.4,0.3,0.45,9"


def write(folder, *lines):
    path = folder / "history.csv"
    path.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
    return path


def test_rows_are_numbers_of_which_losses_need_not_be_finite(tmp_path):
    first, second = read_history(write(tmp_path, HEAD, ROW, "2,20,0.001,nan,inf,-0.1,0.5,19"))
    assert list(first.values()) == [1, 10, 0.01, 0.5, 0.4, 0.3, 0.45, 9] and ",".join(first) == HEAD
    assert math.isnan(second["train_loss"]) and second["test_loss"] == math.inf


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (HEAD.replace(",lr", ",rate"), ROW),
        (HEAD, ROW + ",9"),
        (HEAD, "1,10,0.01"),
        (HEAD, ROW.replace("0.5", "x")),
        (HEAD, ROW.replace("0.5", "0" * 5000)),
        (HEAD, "x" * 200000),
        (HEAD, ROW, ROW),
        (HEAD, ROW.replace("10", "1e18")),
        (HEAD, ROW.replace("10", "nan")),
        (HEAD, ROW.replace("10", "0")),
        (HEAD, "\udcff"),
        (HEAD, "\0"),
    ],
)
def test_a_damaged_history_is_one_line(tmp_path, lines):
    with pytest.raises(CellsegError, match="history.csv: not the history that it should be .*; remove it"):
        read_history(write(tmp_path, *lines))


def test_without_a_file_there_is_no_epoch(tmp_path):
    assert read_history(tmp_path / "history.csv") == read_history(write(tmp_path, HEAD)) == []
