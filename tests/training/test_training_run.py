"""Training, interrupting, resuming and evaluating as a user does it: through the tools."""

import csv
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import ENGINE, ROOT, assert_refused, caffe_program, read_only_place, run_verb

from cellseg.training.log import history_rows, read_log

pytestmark = pytest.mark.engine

SMALL = ("--data", "runs/data/tiny", "--batch", 5, "--features", 8)


def train(stage, *arguments):
    return run_verb("train", stage, *arguments, cwd=os.getcwd())


@pytest.fixture
def pretrained(tiny_data):
    """A short training in the working folder; gives its run folder."""
    done = train("pretrain", *SMALL, "--epochs", 3, "--out", "runs/pretrain")
    assert done.returncode == 0, done.stderr
    return Path("runs/pretrain")


def history(run):
    with open(str(run / "history.csv"), newline="") as stream:
        return list(csv.DictReader(stream))


def model_of(run):
    from cellseg.engine.weights import read_weights

    return read_weights(run)


def test_a_run_folder_explains_itself(pretrained):
    names = {path.name for path in pretrained.iterdir()}
    weights = {"pretrain.caffemodel", "pretrain_iter_12.caffemodel", "pretrain_iter_12.solverstate"}
    if ENGINE == "torch":
        weights.add("pretrain_iter_12.solverstate.resume.json")
    nets = {"train.prototxt", "solver.prototxt", "deploy.prototxt"}
    assert names == weights | nets | {"run.json", "data.json", "train.log", "history.csv"}
    record = json.loads((pretrained / "run.json").read_text())
    assert record["status"] == "finished" and record["engine"]["name"] == ENGINE
    assert record["schedule"]["iterations"] == 12 and record["schedule"]["seed"] == 0
    assert record["normalisation"] == "unchanged" and record["data"]["kind"] == "simulated"
    assert "--epochs 3" in record["command"] and record["variant"]["features"] == 8
    assert "stepsize: 80" in (pretrained / "solver.prototxt").read_text()


def test_log_and_history_tell_the_same(pretrained):
    rows = history(pretrained)
    told = history_rows(read_log(pretrained / "train.log"), 4)
    assert [int(row["iteration"]) for row in rows] == [row["iteration"] for row in told] == [4, 8, 12]
    for name in ("epoch", "lr", "train_loss", "test_loss", "test_mcc"):
        values = [[float(row[name]) for row in either] for either in (rows, told)]
        np.testing.assert_allclose(*values, rtol=1e-4, atol=1e-5, err_msg=name)


def check_test_losses(run):
    """Our own pass over the test set gives the loss that Caffe's own test gives after the same iteration."""
    log = (run / "train.log").read_text()
    caffes = dict(re.findall(r"Iteration (\d+), Testing net \(#0\)\n.*?accuracy = \S+\n.*?loss = (\S+)", log))
    rows = history(run)
    assert rows
    for row in rows:
        assert float(row["test_loss"]) == pytest.approx(float(caffes[row["iteration"]]), rel=1e-4)


def test_a_diverging_training_says_so(tiny_data):
    done = train("pretrain", *SMALL, "--base-lr", 1e9)
    assert_refused(done, "training diverged", "--base-lr")
    assert json.loads(Path("runs/pretrain/run.json").read_text())["status"] == "failed"


def test_another_normalisation_is_refused(pretrained):
    record = json.loads((pretrained / "run.json").read_text())
    (pretrained / "run.json").write_text(json.dumps({**record, "normalisation": "standard"}))
    model = pretrained / "pretrain.caffemodel"
    assert_refused(train("finetune", *SMALL, "--weights", model), "'standard'", "'unchanged'")
    assert_refused(run_verb("evaluate", model, cwd=os.getcwd()), "'unchanged'", "'standard'")


def test_a_run_is_evaluated_on_its_own_data(pretrained):
    model = pretrained / "pretrain.caffemodel"
    assert run_verb("evaluate", model, cwd=os.getcwd()).returncode == 0
    record = json.loads((pretrained / "evaluation.json").read_text())
    assert record["data"] == "runs/data/tiny/test.txt"
    assert record["mcc"] == pytest.approx(float(history(pretrained)[-1]["test_mcc"]), abs=1e-5)
    assert run_verb("evaluate", model, "--split", "train", cwd=os.getcwd()).returncode == 0
    assert json.loads((pretrained / "evaluation.json").read_text())["images"] == 20
    shutil.move("runs/data/tiny", "runs/data/moved")
    assert_refused(run_verb("evaluate", model, cwd=os.getcwd()), "runs/data/tiny/test.txt", "--data")


def test_a_stand_in_is_named_first_and_in_every_record(tiny_data):
    record = json.loads((tiny_data / "data.json").read_text())
    record["request"]["note"] = "specks; for real ones REAL=folder"
    (tiny_data / "data.json").write_text(json.dumps({**record, "stand_in": True}))
    said = "STAND-IN: the images are specks; for real ones REAL=folder"
    done = train("pretrain", *SMALL, "--epochs", 1)
    assert done.stdout.splitlines()[0] == said, done.stderr
    assert Path("runs/pretrain/train.log").read_text().splitlines()[0] == said
    assert json.loads(Path("runs/pretrain/run.json").read_text())["note"] in said
    done = run_verb("evaluate", "runs/pretrain/pretrain.caffemodel", cwd=os.getcwd())
    assert said in done.stdout
    assert json.loads(Path("runs/pretrain/evaluation.json").read_text())["note"] in said


def test_it_learns(tiny_data):
    done = train("pretrain", *SMALL, "--epochs", 30, "--base-lr", 0.02, "--out", "runs/learn")
    rows = history(Path("runs/learn"))
    assert float(rows[-1]["train_loss"]) < 0.5 * float(rows[0]["train_loss"])
    assert float(rows[-1]["test_mcc"]) > 0.8, done.stdout
    assert float(rows[-1]["lr"]) == pytest.approx(0.002)  # 20 epochs, then a tenth


def test_the_same_seed_gives_the_same_weights(pretrained):
    for seed, out in ((0, "runs/again"), (1, "runs/other")):
        train("pretrain", *SMALL, "--epochs", 3, "--seed", seed, "--out", out)
    first, again, other = (model_of(Path(f"runs/{run}/pretrain.caffemodel")) for run in ("pretrain", "again", "other"))
    assert all(np.array_equal(a, b) for name in first for a, b in zip(first[name], again[name]))
    assert np.abs(first["conv1"][0] - other["conv1"][0]).max() > 0.01


def test_earlier_runs_are_kept(pretrained):
    before = (pretrained / "pretrain.caffemodel").read_bytes()
    for number in (1, 2):
        done = train("pretrain", *SMALL, "--epochs", 3, "--seed", 3, "--out", pretrained)
        assert f"kept as runs/pretrain.{number}" in done.stdout
    assert Path("runs/pretrain.1/pretrain.caffemodel").read_bytes() == before
    state = "runs/pretrain.1/pretrain_iter_12.solverstate"
    assert_refused(train("resume", state), "its run folder was moved from runs/pretrain")


def test_fine_tuning_starts_from_the_weights(pretrained):
    model = pretrained / "pretrain.caffemodel"
    done = train("finetune", *SMALL, "--epochs", 1, "--base-lr", 1e-9, "--weights", model, "--out", "runs/finetune")
    assert "19 copied, 0 left as initialised, 0 ignored" in done.stdout, done.stderr
    assert float(history(Path("runs/finetune"))[0]["test_mcc"]) == pytest.approx(
        float(history(pretrained)[-1]["test_mcc"]), abs=1e-4
    )
    ours, theirs = model_of(Path("runs/finetune/finetune.caffemodel")), model_of(model)
    np.testing.assert_allclose(ours["conv4"][0], theirs["conv4"][0], atol=1e-6)
    record = json.loads(Path("runs/finetune/run.json").read_text())
    assert record["initial_weights"]["file"] == str(model) and len(record["initial_weights"]["transfer"]) == 19


def test_ctrl_c_leaves_a_snapshot_and_resume_goes_on(tiny_data):
    command = [sys.executable, str(ROOT / "tools" / "train.py"), "pretrain", *map(str, SMALL), "--epochs", "400"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, start_new_session=True, **pipes)
    for line in process.stdout:
        if "epoch 3 " in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert len(err.strip().splitlines()) == 1 and "interrupted after" in err
    state = re.search(r"cellseg train resume (\S+)", err).group(1)
    reached = int(re.search(r"iter_(\d+)", state).group(1))
    assert Path(state).exists() and model_of(Path(state).with_suffix(".caffemodel"))
    record = json.loads(Path("runs/pretrain/run.json").read_text())
    assert record["status"] == "interrupted"

    solver = Path("runs/pretrain/solver.prototxt")
    record["schedule"]["epochs"] = reached // 4 + 3
    Path("runs/pretrain/run.json").write_text(json.dumps(record))
    solver.write_text(re.sub(r"max_iter: \d+", f"max_iter: {4 * (reached // 4 + 3)}", solver.read_text()))
    done = train("resume", state)
    assert done.returncode == 0, done.stderr
    order = {"caffe": "starts anew", "torch": "goes on"}[ENGINE]
    assert f"going on at iteration {reached}" in done.stdout and f"order of the patches {order}" in done.stdout
    assert json.loads(Path("runs/pretrain/run.json").read_text())["status"] == "finished"
    epochs = [int(row["epoch"]) for row in history(Path("runs/pretrain"))]
    assert epochs == list(range(1, reached // 4 + 4))
    check_test_losses(Path("runs/pretrain"))
    assert_refused(train("resume", f"runs/pretrain/pretrain_iter_{4 * epochs[-1]}.solverstate"), "this run is finished")


@pytest.mark.caffe
def test_a_run_goes_on_from_a_snapshot_of_stock_caffe_in_mid_epoch(pretrained):
    solver = pretrained / "solver.prototxt"
    solver.write_text(re.sub(r"snapshot: \d+", "snapshot: 10", solver.read_text()))
    command = [caffe_program("caffe"), "train", "--solver", str(solver)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    done = train("resume", pretrained / "pretrain_iter_10.solverstate")
    assert done.returncode == 0, done.stderr
    assert [row["iteration"] for row in history(pretrained)] == ["4", "8", "12"]
    check_test_losses(pretrained)


def test_an_engine_that_stops_is_one_line(pretrained):
    """Resuming from a state of another net: real Caffe aborts the process."""
    train("pretrain", *SMALL[:-1], 4, "--epochs", 4, "--out", "runs/other")
    shutil.copy("runs/other/solver.prototxt", str(pretrained / "solver.prototxt"))
    record = json.loads((pretrained / "run.json").read_text())
    record["schedule"]["epochs"] = 9
    (pretrained / "run.json").write_text(json.dumps(record))
    done = train("resume", pretrained / "pretrain_iter_12.solverstate")
    words = {
        "caffe": ["Caffe stopped", "runs/pretrain/train.log"],
        "torch": ["pretrain_iter_12.solverstate", "history"],
    }
    assert_refused(done, *words[ENGINE])


def files(folder):
    return {str(path): path.stat().st_mtime_ns for path in sorted(Path(folder).rglob("*")) if path.is_file()}


def test_bad_input_is_one_line_and_touches_nothing(pretrained):
    model, state = pretrained / "pretrain.caffemodel", pretrained / "pretrain_iter_12.solverstate"
    Path("random.caffemodel").write_bytes(np.random.RandomState(0).bytes(9999))
    Path("cut.caffemodel").write_bytes(model.read_bytes()[:-5000])
    shutil.copytree("runs/data/tiny", "runs/data/copy")
    tune = ("finetune", *SMALL, "--out", "runs/pretrain", "--weights")
    cases = [
        ((*tune, state), "a solver state, not weights"),
        ((*tune, "random.caffemodel"), "random.caffemodel: not a .caffemodel"),
        ((*tune, "cut.caffemodel"), "cut.caffemodel: not a .caffemodel, or truncated"),
        ((*tune, "missing.caffemodel"), "missing.caffemodel"),
        (("finetune", "--data", "runs/data/tiny", "--batch", 5, "--weights", model), "32x1x3x3"),
        ((*tune, model), "holds the weights to start from"),
        (("pretrain", "--data", "runs/nothing"), "runs/nothing/data.json: is missing"),
        (("pretrain", *SMALL[2:], "--data", "runs/data/copy"), "does not name the files beside it"),
        (("pretrain", *SMALL, "--batch", 21), "batch is 21"),
        (("pretrain", *SMALL, "--weights", ""), "the value of weights is empty"),
        (("pretrain", *SMALL, "--epochs", 0), "epochs is 0"),
        (("pretrain", *SMALL, "--kernel", 2), "kernel is 2"),
        (("pretrain", *SMALL, "--epochs", "many"), "--epochs"),
        (("pretrain", *SMALL, "--out", "runs/data/tiny"), "runs/data/tiny"),
        (("pretrain", *SMALL, "--out", read_only_place(Path.cwd())), "file"),
        (("resume", model), "not a solver state"),
        (("resume", "runs/none.solverstate"), "runs/none.solverstate"),
        (("resume", state), "this run is finished"),
    ]
    before = files("runs")
    for arguments, words in cases:
        assert_refused(train(*arguments), words)
        assert files("runs") == before, arguments


@pytest.mark.parametrize("damage", [lambda p: p.write_bytes(p.read_bytes()[:9000]), lambda p: p.unlink()])
def test_damaged_data_is_refused_before_anything_is_made(tiny_data, damage):
    damage(tiny_data / "train_0.h5")
    assert_refused(train("pretrain", *SMALL), "train_0.h5")
    assert not Path("runs/pretrain").exists()


def test_a_bar_is_shown_on_a_terminal(tiny_data):
    command = [sys.executable, str(ROOT / "tools" / "train.py"), "pretrain", *map(str, SMALL), "--epochs", "2"]
    terminal = ["script", "-qec", shlex.join(command), "typescript"]
    done = subprocess.run(terminal, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert re.search(r"100%.*8/8.*loss=0\.\d+", done.stdout), done.stdout[-500:]


def test_another_recipe_trains_its_own_network_without_pretraining(tiny_data):
    done = train(
        "finetune", "--recipe", "unet", "--data", "runs/data/tiny", "--batch", 5, "--features", 4, "--epochs", 2
    )
    assert done.returncode == 0, done.stderr
    run = Path("runs/unet/finetune")
    record = json.loads((run / "run.json").read_text())
    assert record["recipe"] == "unet" and record["orientations"] == 1
    assert record["variant"] == {"network": "unet", "poolings": 3, "kernel": 3, "features": 4}
    assert record["schedule"]["updates"]["type"] == "Adam" and 'type: "Adam"' in (run / "solver.prototxt").read_text()
    rates = [float(row["lr"]) for row in history(run)]
    assert 0 < rates[1] < rates[0] < 0.001
    weights = model_of(run / "finetune.caffemodel")
    assert weights["bn_conv1_1"][2] > 1 and (weights["bn_conv1_1"][1] > 0).all()  # running averages, saved as well
    assert_refused(train("pretrain", "--recipe", "unet"), "no pretraining")
    assert_refused(train("finetune", "--data", "runs/data/tiny"), "--weights")


@pytest.mark.caffe
def test_real_caffe_trains_goes_on_and_is_evaluated_and_used(tiny_data):
    """From this Python, in children of the one that has it."""
    pytest.importorskip("torch")
    done = train("pretrain", *SMALL, "--epochs", 2, "--out", "runs/caffe", "--engine", "caffe")
    assert done.returncode == 0, done.stderr
    run = Path("runs/caffe")
    record = json.loads((run / "run.json").read_text())
    assert record["engine"]["name"] == "caffe" and record["status"] == "finished"
    assert [row["iteration"] for row in history(run)] == ["4", "8"]
    check_test_losses(run)

    state = run / "pretrain_iter_8.solverstate"
    record["schedule"]["epochs"] = 3
    (run / "run.json").write_text(json.dumps(record))
    (run / "solver.prototxt").write_text((run / "solver.prototxt").read_text().replace("max_iter: 8", "max_iter: 12"))
    done = train("resume", state, "--engine", "caffe")
    assert done.returncode == 0 and "order of the patches starts anew" in done.stdout, done.stderr

    for name in ("caffe", "torch"):
        done = run_verb("evaluate", run / "pretrain.caffemodel", "--engine", name, "--out", name, cwd=Path.cwd())
        assert done.returncode == 0, done.stderr
    caffe, torch = (json.loads(Path(name, "evaluation.json").read_text()) for name in ("caffe", "torch"))
    assert caffe["engine"] == "caffe" and caffe["mcc"] == pytest.approx(torch["mcc"], abs=1e-3)

    shutil.copy(run / "train.log", "before.log")
    (run / "solver.prototxt").write_text('net: "nothing.prototxt"\n')
    record["schedule"]["epochs"] = 4
    (run / "run.json").write_text(json.dumps(record))
    done = train("resume", run / "pretrain_iter_12.solverstate", "--engine", "caffe")
    assert_refused(done, "Caffe stopped", "nothing.prototxt", "runs/caffe/train.log")
