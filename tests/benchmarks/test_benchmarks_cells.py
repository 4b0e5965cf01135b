"""The learning curve, scores beside baselines, and the speed from file to results, on a few simulated images."""

import json
import sys

import numpy as np
import pytest
from support import ROOT, blobs

from benchmarks import learning_curve, segmenting
from benchmarks.baselines import __main__ as baselines
from cellseg.images.masks import components
from cellseg.images.open import read_image
from cellseg.images.write import write_image

pytestmark = pytest.mark.engine


@pytest.fixture
def numbered(tmp_path, monkeypatch):
    """A folder {train,test}/{images,labels}, 2 and 2 images of 128x128 with numbered cells, in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    images, masks = blobs(4, 128)
    for number, (image, mask) in enumerate(zip(images, masks, strict=True)):
        place = tmp_path / "real" / ("train" if number < 2 else "test")
        for kind, plane in (
            ("images", np.uint8(np.clip(image, 0, 1) * 255)),
            ("labels", components(mask).astype("uint8")),
        ):
            (place / kind).mkdir(parents=True, exist_ok=True)
            write_image(place / kind / f"{number}.png", plane)
    return tmp_path / "real"


def test_each_number_of_images_is_a_row(numbered, monkeypatch, capsys):
    """Each training sees its own images alone, and is not made again."""
    monkeypatch.setattr(learning_curve, "PATCHES", 10)
    monkeypatch.setattr(
        sys, "argv", ["learning_curve", str(numbered), "--images", "1", "--from", "nuclei", "--out", "curve"]
    )
    learning_curve.main()
    found = json.loads((numbered.parent / "curve" / "learning_curve.json").read_text())
    assert list(found["methods"]) == ["nuclei, 0 images", "nuclei, 1 image"]
    assert found["methods"]["nuclei, 0 images"]["objects"]["f1"] > 0.5
    assert len(list((numbered.parent / "curve/nuclei-1/images/train/images").iterdir())) == 1
    record = json.loads((numbered.parent / "curve/nuclei-1/run/run.json").read_text())
    assert record["schedule"]["updates"]["base_lr"] == pytest.approx(0.0002), "what the model knows is kept"
    trained = (numbered.parent / "curve/nuclei-1/run/finetune.caffemodel").stat().st_mtime_ns
    learning_curve.main()
    assert (numbered.parent / "curve/nuclei-1/run/finetune.caffemodel").stat().st_mtime_ns == trained


def test_models_are_scored_beside_the_baselines(numbered, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["baselines", str(numbered), "--only", "--models", "nuclei", "--out", "scores"])
    baselines.main()
    scores = json.loads((numbered.parent / "scores" / "baselines.json").read_text())["methods"]["nuclei"]
    assert scores["mcc"] > 0.5
    assert scores["objects"]["f1"] > 0.5


def test_speed_is_measured_on_a_mosaic_of_the_images(numbered, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["segmenting", str(numbered), "--side", "160", "--rounds", "1", "--out", "speed"])
    segmenting.main()
    found = json.loads((numbered.parent / "speed" / "segmenting.json").read_text())["models"]["nuclei"]
    assert found["ratio"] == pytest.approx(found["whole"] / found["alone"])
    assert 0 < found["whole"] < found["alone"], "the network is a part of the whole"
    mosaic = read_image(numbered.parent / "speed" / "mosaic.tif")
    first, second = (read_image(numbered / "train" / "images" / f"{number}.png") for number in range(2))
    assert mosaic.shape == (160, 160)
    assert np.corrcoef(mosaic[:128, :128].ravel(), first.ravel())[0, 1] > 0.99
    assert np.corrcoef(mosaic[:128, 128:].ravel(), second[:, :32].ravel())[0, 1] > 0.99
    assert len((numbered.parent / "speed/results/objects.csv").read_text().splitlines()) > 1
