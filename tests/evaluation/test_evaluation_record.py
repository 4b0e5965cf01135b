"""`evaluation.json`: earlier files, and indicators that are younger than a file."""

import json
import subprocess
import sys
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from support import ROOT, evaluation_record, full_disk, run_record

from cellseg.errors import CellsegError
from cellseg.evaluation import evaluate as module
from cellseg.evaluation.evaluate import evaluate
from cellseg.evaluation.images import Images
from cellseg.evaluation.predictions import Prediction
from cellseg.evaluation.record import read_evaluation, write_evaluation
from cellseg.training.record import RunRecord

ADD_AN_INDICATOR = """
import sys
from cellseg.evaluation import indicators as module
from cellseg.evaluation.indicators import Indicator

new = Indicator("jaccard", "IoU", lambda tp, fp, tn, fn: tp / (tp + fp + fn))
module.INDICATORS += (new,)
module.NAMES += (new.name,)
module.TITLES += (new.title,)
from cellseg.evaluation.record import SweepRow, read_evaluation
from cellseg.evaluation.table import REPORT, format_table

record = read_evaluation(sys.argv[1])
row = SweepRow(threshold=0.5, tp=1, fp=1, tn=1, fn=2, **module.indicators(1, 1, 1, 2))
print(format_table([*REPORT, ("old", 0.5, record.indicators), ("new", 0.5, row.indicators)]))
"""


@pytest.mark.parametrize(("folder", "diameter"), [("set", 17.0), ("other", None)])
def test_the_diameter_is_that_of_the_images_that_the_model_was_trained_on(tmp_path, monkeypatch, folder, diameter):
    (tmp_path / "net").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "read_weights", lambda model: None)
    monkeypatch.setattr(module, "predict", lambda *job: ([np.eye(8)[None]], {"name": "torch"}))
    planes = [np.eye(8)], [np.eye(8, dtype=int)]
    data = Images(f"{folder}/test.txt", *planes, ["x"], "percentile", numbered=True, diameter=17.0)
    run = msgspec.convert(run_record(data={"folder": str(tmp_path / "set")}, recipe="cells"), RunRecord)
    assert evaluate("net", data, "net", run=run).record.diameter == diameter


def test_the_first_files_scored_the_network_and_otsus_threshold(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(evaluation_record(mcc=0.75)))
    record = read_evaluation(tmp_path / "a.json")
    assert record.mcc == record.methods["network"].mcc == 0.75 and record.methods["otsu"].mcc == 0.5
    assert record.methods["network"].objects is None and record.sweep == record.per_image == []
    assert record.settings is None and record.orientations == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mcc": None}, "mcc: expected float"),
        ({"images": 1.5}, "images: expected int"),
        ({"images": -1}, "images: expected int >= 0"),
        ({"foreground": 1.5}, "foreground: expected float <= 1"),
        ({"baseline_otsu": {"mcc": 0.5}}, "baseline_otsu: object missing required field"),
        ({"per_image": [{"name": "a"}]}, r"per_image\[0\]: object missing required field"),
    ],
)
def test_damage_is_named_with_its_field(tmp_path, change, words):
    (tmp_path / "a.json").write_text(json.dumps(evaluation_record(**change)))
    with pytest.raises(CellsegError, match=f"a.json: {words}"):
        read_evaluation(tmp_path / "a.json")


def test_a_full_disk_leaves_the_three_files_of_an_evaluation_as_they_were(tmp_path):
    """The table fits on the disk; the images do not."""
    (tmp_path / "a.json").write_text(json.dumps(evaluation_record()))
    record, plane = read_evaluation(tmp_path / "a.json"), np.random.RandomState(0).rand(64, 64).astype(np.float32)
    folder = tmp_path / "evaluation"
    write_evaluation(folder, record, [Prediction("a", plane, plane > 0.5, plane)])
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with full_disk(4000), pytest.raises(CellsegError, match="cannot be written .File too large"):
        write_evaluation(folder, replace(record, mcc=0.25), [Prediction("b", plane, plane > 0.5, plane)])
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_new_indicator_is_one_entry_and_earlier_files_show_a_dash(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(evaluation_record()))
    command = [sys.executable, "-c", ADD_AN_INDICATOR, str(tmp_path / "a.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    last = [line.split("|")[-2].strip() for line in done.stdout.splitlines()]
    assert last[0] == "IoU" and last[2:] == ["-", "-", "-", "0.250"]
