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


def test_another_file_is_refused(tmp_path):
    (tmp_path / "caffe.log").write_text("nothing\n")
    done = run_verb("plot-log", "caffe.log", "--epoch-iterations", 10, "--out", "out/curves", cwd=tmp_path)
    assert_refused(done, "not the log of a training")
    assert not (tmp_path / "out").exists()
    assert_refused(run_verb("plot-log", "caffe.log", "--epoch-iterations", 0, cwd=tmp_path), "1 or more")
