"""What is known of a model beside its weights, and what the tool refuses before it makes a package."""

import json
import os
import subprocess
import sys

import pytest
from support import ROOT, assert_refused, evaluation_record, run_record, run_verb

from cellseg.errors import CellsegError
from cellseg.export.card import read_card
from cellseg.files import sha256


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(b"weights")
    return path


def write_evaluation(folder, model, best, **more):
    folder.mkdir(exist_ok=True)
    facts = {"best_threshold": best, "model_sha256": sha256(model), "data": "/home/a/train.txt"}
    (folder / "evaluation.json").write_text(json.dumps(evaluation_record(**{**facts, **more})))


def test_the_threshold_is_that_of_the_honest_evaluation_of_this_very_model(model, tmp_path):
    assert read_card(model, "percentile").settings.threshold == 0.5
    write_evaluation(tmp_path, model, 0.3)
    assert read_card(model, "percentile").settings.threshold == 0.3
    write_evaluation(tmp_path / "honest", model, 0.6, orientations=8)
    settings = read_card(model, "percentile").settings
    assert (settings.threshold, settings.chosen_on, settings.orientations) == (0.6, "chosen on train.txt", 8)
    write_evaluation(tmp_path / "honest", model, 0.6, model_sha256="of another model")
    assert read_card(model, "percentile").settings.threshold == 0.3
    assert read_card(model, "percentile", "0.7").settings.threshold == 0.7
    with pytest.raises(CellsegError, match="not between 0 and 1"):
        read_card(model, "percentile", "7")


def test_the_normalisation_is_the_run_s(model, tmp_path):
    with pytest.raises(CellsegError, match="no run.json beside it .*give --normalisation"):
        read_card(model)
    for kind in ("real", "stand-in"):
        run = run_record(data={"folder": "d", "kind": kind}, normalisation="root")
        (tmp_path / "run.json").write_text(json.dumps(run))
        assert read_card(model).simulated == (kind != "real")
    rules = [read_card(model, rule).settings.normalisation for rule in (None, "standard")]
    assert rules == ["root", "standard"]


def test_the_tool_asks_for_the_normalisation_and_leaves_nothing(tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("bioimageio.core")
    pytest.importorskip("torch")
    from random_models import make

    from cellseg.network import Fcn, deploy_net

    _, model = make(tmp_path, deploy_net(Fcn(features=4), "net", 32, 32))
    before = sorted(tmp_path.rglob("*"))
    assert_refused(run_verb("export", model, "--out", "out", "--author", "A", cwd=tmp_path), "give --normalisation")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("order", [("ab", ["A"], "MIT"), ("a net", ["A/B"], "MIT"), ("a net", ["A"], "my own")])
def test_what_the_format_does_not_take_is_refused(order):
    pytest.importorskip("bioimageio.core")
    pytest.importorskip("onnx")
    from cellseg.export.description import Order, check_order

    check_order(Order("a net", ["A"], "CC0-1.0"))
    with pytest.raises(CellsegError):
        check_order(Order(*order))


def test_missing_extras_are_named_with_the_way_to_get_them(tmp_path):
    pytest.importorskip("torch")
    code = "import sys; sys.modules['onnx'] = None; from cellseg.__main__ import main; main()"
    command = [sys.executable, "-c", code, "export", "net.caffemodel", "--out", "out"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert_refused(done, "lacks onnx", "pip install 'cellseg-caffe[export]'")
    assert list(tmp_path.iterdir()) == []
