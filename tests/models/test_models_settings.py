"""What an evaluation leaves beside the weights for those who use them."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import msgspec
import pytest
from support import evaluation_record

from cellseg.errors import CellsegError
from cellseg.evaluation.choices import Choices
from cellseg.evaluation.record import EvaluationRecord, settings_of
from cellseg.files import sha256
from cellseg.models.settings import ModelSettings, read_settings, settings_file, write_settings

MODEL = "run/net.caffemodel"
CHOSEN = Choices(0.4, 20, 5, 0.3, 25, -0.1, "train.txt")


@pytest.fixture
def evaluated(tmp_path, monkeypatch):
    """The record of an evaluation on test images, whose own best threshold is 0.5."""
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path(MODEL).write_bytes(b"weights")
    Path("run/deploy.prototxt").write_text("")
    facts = {"deploy": "run/deploy.prototxt", "normalisation": "root", "orientations": 8}
    facts = evaluation_record(model=MODEL, model_sha256=sha256(MODEL), **facts)
    return msgspec.convert(EvaluationRecord.from_old(facts), EvaluationRecord)


def keep(record):
    """What `cellseg evaluate` does with a record."""
    settings = settings_of(record)
    return settings and write_settings(MODEL, settings)


def test_a_folder_that_moves_keeps_its_settings(evaluated):
    assert keep(evaluated) == settings_file(MODEL) == Path("run/net.segmentation.json")
    shutil.move("run", "elsewhere")
    settings = read_settings("elsewhere/net.caffemodel")
    assert (settings.threshold, settings.normalisation, settings.orientations) == (0.5, "root", 8)
    assert settings.deploy == "elsewhere/deploy.prototxt"
    assert (settings.smallest_object, settings.largest_hole, settings.chosen_on) == (0, 0, "test.txt")


def test_what_was_chosen_on_training_images_stays(evaluated):
    keep(replace(evaluated, settings=CHOSEN, threshold=0.4))
    assert keep(evaluated) is None
    settings = read_settings(MODEL)
    assert settings.threshold == 0.4 and settings.chosen_on == "train.txt" and settings.chosen_on_training_images
    assert (settings.smallest_object, settings.largest_hole) == (20, 5)


def test_what_is_known_of_the_weights_stays(evaluated):
    keep(evaluated)
    write_settings(MODEL, replace(read_settings(MODEL), recipe="cells", diameter=18.0, scores={"F1": 0.9}))
    keep(replace(evaluated, settings=CHOSEN, threshold=0.4))
    settings = read_settings(MODEL)
    assert (settings.threshold, settings.recipe, settings.diameter) == (0.4, "cells", 18.0)
    assert settings.scores == {"F1": 0.9}


def test_other_weights_of_that_name_get_their_own(evaluated):
    keep(replace(evaluated, settings=CHOSEN, threshold=0.4))
    Path(MODEL).write_bytes(b"other weights")
    with pytest.raises(CellsegError, match="other weights"):
        read_settings(MODEL)
    assert keep(replace(evaluated, model_sha256=sha256(MODEL)))
    assert read_settings(MODEL).threshold == 0.5


@pytest.mark.parametrize("change", [{"threshold": 0.9}, {"normalisation": None}])
def test_a_trial_leaves_nothing(evaluated, change):
    assert keep(replace(evaluated, **change)) is None
    assert read_settings(MODEL) is None


@pytest.mark.parametrize(
    "change, word",
    [
        ({"threshold": 1.5}, "threshold"),
        ({"threshold": "0.5"}, "threshold"),
        ({"normalisation": "none"}, "normalisation"),
        ({"orientations": 4}, "orientations"),
        ({"smallest_object": -1}, "smallest_object"),
        ({"largest_hole": 1.5}, "largest_hole"),
        ({"diameter": 0}, "diameter"),
        ({"scores": {"F1": "good"}}, "scores"),
    ],
)
def test_a_damaged_settings_file_is_refused(evaluated, change, word):
    keep(evaluated)
    record = json.loads(settings_file(MODEL).read_text())
    settings_file(MODEL).write_text(json.dumps({**record, **change}))
    with pytest.raises(CellsegError, match=f"segmentation.json.*{word}.*evaluate the model again"):
        read_settings(MODEL)


def test_values_given_by_hand_are_checked_alike():
    with pytest.raises(CellsegError, match="threshold"):
        ModelSettings("deploy.prototxt", "root", -1)
    with pytest.raises(CellsegError, match="diameter"):
        ModelSettings("deploy.prototxt", "root", 0.5, diameter=-1.0)


def test_a_file_from_before_versions_is_read(evaluated):
    old = {
        "deploy": "deploy.prototxt",
        "normalisation": "percentile",
        "threshold": 0.46,
        "orientations": 1,
        "smallest_object": 0,
        "largest_hole": 0,
        "chosen_on": "runs/t/data/real/train.txt",
        "chosen_on_training_images": True,
        "model_sha256": sha256(MODEL),
    }
    settings_file(MODEL).write_text(json.dumps(old))
    settings = read_settings(MODEL)
    assert settings.split == 0.5 and settings.recipe is settings.diameter is settings.scores is None
    assert {**old, "deploy": "run/deploy.prototxt"}.items() <= asdict(settings).items()
