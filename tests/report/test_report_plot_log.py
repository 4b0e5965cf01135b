"""Figure 7 from a stock log, through its tool."""

import pytest
from support import assert_refused, full_disk, run_verb

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


def test_names_and_numbers_may_be_anything(tmp_path):
    """A name that is a formula, or no text; values that cannot be drawn; iterations that Caffe cannot count."""
    odd = [
        "Iteration 0, loss = 0.5",
        "Iteration 10, loss = 1e999",
        "Iteration 20, loss = 1e308",
        "Iteration 30, loss = 0.4",
        "Iteration 40, loss = -inf",
        "Iteration 50, loss = nan",
        f"Iteration 60, loss = {'9' * 5000}",
        "Iteration 200000000, loss = 0.3",
        "Iteration 999999999999999999, loss = 0.2",
        f"Iteration {'9' * 5000}, loss = 0.1",
    ]
    tests = [f"Test net output #{number}: $x_{{$ = {value}" for number, value in enumerate(("1e999", "0.5"))]
    for name, lines in (("$x_{$ \x1b[2J.log", odd), ("\udcff.log", [*odd[:4], "Iteration 40, Testing net", *tests])):
        (tmp_path / name).write_text("".join(f"{STAMP}{line}\n" for line in lines))
        done = run_verb("plot-log", name, "--epoch-iterations", 10, "--out", name[:1], cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert "$x_{$ \\x1b[2J.log" in (tmp_path / "$.svg").read_text()
    assert "test $x_{$[1]" in (tmp_path / "\udcff.svg").read_text()


def test_a_full_disk_leaves_both_pictures_as_they_were(tmp_path):
    (tmp_path / "caffe.log").write_text("".join(f"{STAMP}{line}\n" for line in LOG))
    for name in ("curves.png", "curves.svg"):
        (tmp_path / name).write_text("before")
    with full_disk(30000):  # less than the .png takes
        done = run_verb("plot-log", "caffe.log", "--epoch-iterations", 10, cwd=tmp_path)
    assert_refused(done, "curves.png", "cannot be written")
    assert {path.name: path.read_text() for path in tmp_path.glob("*curves*")} == dict.fromkeys(
        ("curves.png", "curves.svg"), "before"
    )


def test_another_file_is_refused(tmp_path):
    (tmp_path / "caffe.log").write_text("nothing\n")
    done = run_verb("plot-log", "caffe.log", "--epoch-iterations", 10, "--out", "out/curves", cwd=tmp_path)
    assert_refused(done, "not the log of a training")
    assert not (tmp_path / "out").exists()
    assert_refused(run_verb("plot-log", "caffe.log", "--epoch-iterations", 0, cwd=tmp_path), "1 or more")
