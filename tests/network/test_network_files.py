import re
from dataclasses import replace

import pytest
from support import ROOT, assert_refused, run_verb

from cellseg.engine.geometry import parameter_shapes, receptive_field, trainable_parameters
from cellseg.errors import CellsegError
from cellseg.network import SGD, Fcn, Schedule, solver

FILES = [f"{folder}/{name}.prototxt" for folder in ("prototxt", "solvers") for name in ("pretrain", "finetune")]


def test_committed_files_are_what_the_generator_writes(tmp_path):
    done = run_verb("prototxt", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1365282 trainable parameters, receptive field 38x38" in done.stdout
    for name in [*FILES, "prototxt/deploy.prototxt"]:
        assert (tmp_path / name).read_text() == (ROOT / name).read_text(), name
    shipped = ROOT / "cellseg" / "models" / "deploy.prototxt"
    assert shipped.read_text() == (ROOT / "prototxt" / "deploy.prototxt").read_text()


def test_the_numbers_that_the_report_states():
    assert trainable_parameters(Fcn()) == 1365282  # "about 1.3 million"
    assert receptive_field(Fcn()) == 38


def test_solver_has_the_reports_schedule():
    text = (ROOT / "solvers" / "pretrain.prototxt").read_text()
    fields = dict(re.findall(r"^(\w+): (.*)$", text, re.MULTILINE))
    expected = {"base_lr": "0.01", "momentum": "0.9", "weight_decay": "0.001", "gamma": "0.1", "lr_policy": '"step"'}
    assert {name: fields[name] for name in expected} == expected
    assert fields["stepsize"] == str(20 * 200 // 10)
    assert fields["type"] == '"SGD"'


@pytest.mark.parametrize(
    "change, parameters, field",
    [
        ({"score_kernel": 3}, 1365794, 38),
        ({"poolings": 2}, 627746, 18),
        ({"kernel": 5}, None, 68),
        ({"features": 64}, None, 38),
    ],
)
def test_variants_that_the_report_proposes(change, parameters, field):
    variant = Fcn(**change)
    assert receptive_field(variant) == field
    if parameters:
        assert trainable_parameters(variant) == parameters
    assert parameter_shapes(variant)["conv1"][0][0] == change.get("features", 32)


@pytest.mark.parametrize(
    "change", [{"poolings": 0}, {"poolings": 5}, {"kernel": 4}, {"score_kernel": 0}, {"features": 0}]
)
def test_variant_out_of_range(change, tmp_path):
    with pytest.raises(CellsegError, match=next(iter(change))):
        Fcn(**change)
    option = "--" + next(iter(change)).replace("_", "-")
    assert_refused(run_verb("prototxt", option, next(iter(change.values())), cwd=tmp_path), "give")
    assert not list(tmp_path.iterdir())


def test_variants_do_not_share_snapshots(tmp_path):
    for options, prefix in (((), "caffe"), (("--kernel", 5, "--poolings", 2), "caffe_poolings-2_kernel-5")):
        assert run_verb("prototxt", *options, cwd=tmp_path).returncode == 0
        text = (tmp_path / "solvers/pretrain.prototxt").read_text()
        assert f'snapshot_prefix: "runs/{prefix}_pretrain"' in text


def test_epochs_become_iterations():
    schedule = Schedule(samples=205, test_samples=60, batch=10, epochs=3)
    assert schedule.epoch_iterations == 21
    assert schedule.max_iter == 63
    text = solver(schedule, "net.prototxt", "runs/x")
    assert "max_iter: 63\n" in text
    assert "stepsize: 420\n" in text  # 20 epochs, however few are trained
    assert [schedule.learning_rate(n) for n in (0, 419)] == [0.01, 0.01]
    assert schedule.learning_rate(420) == pytest.approx(0.001)


@pytest.mark.parametrize("test_samples", [1, 7, 40, 60, 97])
def test_each_test_shows_every_patch_once(test_samples):
    schedule = Schedule(samples=200, test_samples=test_samples)
    test_iter = int(re.search(r"test_iter: (\d+)", solver(schedule, "n", "p")).group(1))
    assert test_iter * schedule.test_batch == test_samples
    assert schedule.test_batch <= schedule.batch


@pytest.mark.parametrize("change", [{"batch": 0}, {"epochs": 0}, {"batch": 11}, {"seed": -1}])
def test_schedule_out_of_range(change):
    with pytest.raises(CellsegError, match=next(iter(change))):
        Schedule(**{"samples": 10, "test_samples": 5, **change})


def test_learning_rate_out_of_range():
    with pytest.raises(CellsegError, match="base_lr"):
        replace(SGD, base_lr=0.0)
