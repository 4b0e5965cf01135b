"""Figure 7 from a stock log, through its tool."""

import pytest
from support import assert_refused, run_verb

pytest.importorskip("matplotlib")

STAMP = "I1020 10:11:12.345678  4242 solver.cpp:228] "
LOG = ["Iteration 0, Testing net (#0)", "    Test net output #0: loss = 0.7 (* 1 = 0.7 loss)"]
for iteration, rate in ((0, 0.01), (10, 0.01), (20, 0.001), (30, 0.001)):
    LOG += [
        f"Iteration {iteration}, loss = 0.69",
        f"Iteration {iteration}, lr = {rate}",
        f"Iteration {iteration + 10}, Testing net (#0)",
        "    Test net output #0: loss = 0.4 (* 1 = 0.4 loss)",
    ]


def test_the_curves_of_a_stock_log(tmp_path):
    (tmp_path / "caffe.log").write_text("".join(f"{STAMP}{line}\n" for line in LOG))
    done = run_verb("plot-log", "caffe.log", "--epoch-iterations", 10, "--out", "out/curves", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out" / "curves.svg").read_text()
    assert "caffe.log" in text and "test loss" in text and "0.001" in text
    assert (tmp_path / "out" / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_every_output_is_drawn_and_named(tmp_path):
    names = {"loss = 0.4 (* 1 = 0.4 loss)": "loss3/loss3 = 0.4", "loss = 0.7 (* 1 = 0.7 loss)": "loss3/top-1 = 0.7"}
    text = "".join(f"{STAMP}{line}\n" for line in LOG)
    for before, after in names.items():
        text = text.replace(before, f"{after}\n{STAMP}    Test net output #1: loss3/top-1 = 0.5\n"[:-1])
    (tmp_path / "caffe.log").write_text(text)
    assert run_verb("plot-log", "caffe.log", "--epoch-iterations", 10, "--out", "curves", cwd=tmp_path).returncode == 0
    drawn = (tmp_path / "curves.svg").read_text()
    assert "test loss3/loss3" in drawn and "test loss3/top-1" in drawn and "outputs of the test net" in drawn


def test_another_file_is_refused(tmp_path):
    (tmp_path / "caffe.log").write_text("nothing\n")
    done = run_verb("plot-log", "caffe.log", "--epoch-iterations", 10, "--out", "out/curves", cwd=tmp_path)
    assert_refused(done, "not the log of a training")
    assert not (tmp_path / "out").exists()
    assert_refused(run_verb("plot-log", "caffe.log", "--epoch-iterations", 0, cwd=tmp_path), "1 or more")
