"""What an evaluation leaves beside the weights for those who use them."""

import json
import shutil
from pathlib import Path

import pytest

from cellseg.errors import CellsegError
from cellseg.files import sha256
from cellseg.models.settings import Usage, read_usage, usage_file, write_usage

MODEL = "run/net.caffemodel"
SETTINGS = {"smallest_object": 20, "largest_hole": 5, "chosen_on": "train.txt", "threshold": 0.4}


@pytest.fixture
def evaluated(tmp_path, monkeypatch):
    """The record of an evaluation on test images, whose own best threshold is 0.5."""
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path(MODEL).write_bytes(b"weights")
    Path("run/deploy.prototxt").write_text("")
    return {
        "model": MODEL,
        "model_sha256": sha256(MODEL),
        "deploy": "run/deploy.prototxt",
        "normalisation": "root",
        "orientations": 8,
        "threshold": 0.5,
        "best_threshold": 0.5,
        "settings": None,
        "data": "test.txt",
    }


def test_a_folder_that_moves_keeps_its_usage(evaluated):
    assert write_usage(evaluated) == usage_file(MODEL) == Path("run/net.segmentation.json")
    shutil.move("run", "elsewhere")
    usage = read_usage("elsewhere/net.caffemodel")
    assert (usage.threshold, usage.normalisation, usage.orientations) == (0.5, "root", 8)
    assert usage.deploy == "elsewhere/deploy.prototxt"
    assert (usage.smallest_object, usage.largest_hole, usage.chosen_on) == (0, 0, "test.txt")


def test_what_was_chosen_on_training_images_stays(evaluated):
    write_usage({**evaluated, "settings": SETTINGS, "threshold": 0.4})
    assert write_usage(evaluated) is None
    usage = read_usage(MODEL)
    assert usage.threshold == 0.4 and usage.chosen_on == "train.txt" and usage.chosen_on_training_images
    assert (usage.smallest_object, usage.largest_hole) == (20, 5)


def test_other_weights_of_that_name_get_their_own(evaluated):
    write_usage({**evaluated, "settings": SETTINGS, "threshold": 0.4})
    Path(MODEL).write_bytes(b"other weights")
    with pytest.raises(CellsegError, match="other weights"):
        read_usage(MODEL)
    assert write_usage({**evaluated, "model_sha256": sha256(MODEL)})
    assert read_usage(MODEL).threshold == 0.5


@pytest.mark.parametrize("change", [{"threshold": 0.9}, {"normalisation": None}])
def test_a_trial_leaves_nothing(evaluated, change):
    assert write_usage({**evaluated, **change}) is None
    assert read_usage(MODEL) is None


@pytest.mark.parametrize(
    "change, word",
    [
        ({"threshold": 1.5}, "threshold"),
        ({"threshold": "0.5"}, "threshold"),
        ({"normalisation": "none"}, "normalisation"),
        ({"orientations": 4}, "orientations"),
        ({"smallest_object": -1}, "smallest_object"),
        ({"largest_hole": 1.5}, "largest_hole"),
    ],
)
def test_a_damaged_usage_is_refused(evaluated, change, word):
    write_usage(evaluated)
    record = json.loads(usage_file(MODEL).read_text())
    usage_file(MODEL).write_text(json.dumps({**record, **change}))
    with pytest.raises(CellsegError, match=f"segmentation.json.*{word}.*evaluate the model again"):
        read_usage(MODEL)


def test_values_given_by_hand_are_checked_alike():
    with pytest.raises(CellsegError, match="threshold"):
        Usage("deploy.prototxt", "root", -1)
