"""The recipe for cells from numbered truth to counted cells, as a user does it."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from support import assert_refused, run_verb

from cellseg.images.masks import read_labels
from cellseg.images.write import write_image
from cellseg.inference.network import predict

pytestmark = pytest.mark.engine

SMALL = ("--recipe", "cells", "--features", 4, "--poolings", 2)


def touching(seed):
    """An image of 128x128 with five pairs of touching nuclei, and their numbers."""
    rng = np.random.RandomState(seed)
    rows, columns = np.indices((128, 128))
    labels = np.zeros((128, 128), np.uint8)
    for pair in range(5):
        row, column = 12 + 24 * pair, rng.randint(20, 108)
        for side in (0, 1):
            disc = np.hypot(rows - row, columns - column - 15 * side) <= 8
            labels[disc & (labels == 0)] = 2 * pair + side + 1
    light = ndimage.gaussian_filter((labels > 0) * 1.0, 1) * 100
    return (10 + light + rng.normal(0, 2, labels.shape)).clip(0, 255).astype(np.uint8), labels


@pytest.fixture
def numbered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for split, seeds in (("train", range(6)), ("test", (7, 8))):
        for seed in seeds:
            image, labels = touching(seed)
            write_image(Path("real") / split / "images" / f"{seed}.png", image)
            write_image(Path("real") / split / "labels" / f"{seed}.png", labels)
    assert make("cells", 8).returncode == 0
    return Path("data")


def make(recipe, copies=2):
    words = ("--real", "real", "--recipe", recipe, "--copies", copies, "--out", "data")
    return run_verb("data", "real", *words, cwd=Path.cwd())


def train(*arguments):
    return run_verb("train", "finetune", *SMALL, "--data", "data", *arguments, cwd=Path.cwd())


def test_touching_cells_are_counted_one_by_one(numbered):
    done = train("--epochs", 30, "--base-lr", 0.01, "--out", "run")
    assert done.returncode == 0, done.stderr
    model = Path("run/finetune.caffemodel")
    done = run_verb("evaluate", model, "--split", "train", "--out", "chosen", cwd=Path.cwd())
    assert done.returncode == 0 and "matched with the numbered cells" in done.stdout, done.stderr
    settings = json.loads(Path("run/finetune.segmentation.json").read_text())
    assert settings["recipe"] == "cells" and settings["normalisation"] == "floor"
    assert settings["diameter"] == pytest.approx(16, abs=1.5)
    done = run_verb("evaluate", model, "--threshold", "chosen/evaluation.json", "--out", "honest", cwd=Path.cwd())
    scores = json.loads(Path("honest/evaluation.json").read_text())["methods"]["network"]["objects"]
    assert scores["f1"] > 0.9 and abs(scores["count_bias"]) <= 1 and scores["numbered"]

    done = run_verb("segment", "real/test/images", "--model", "run", "--out", "results", cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
    with open("results/summary.csv", newline="") as stream:
        counts = [int(row["count"]) for row in csv.DictReader(stream)]
    per_image = json.loads(Path("honest/evaluation.json").read_text())["per_image"]
    cleaning = settings["smallest_object"] or settings["largest_hole"]
    assert cleaning or counts == [image["found"] for image in per_image]
    assert all(9 <= count <= 11 for count in counts)


@pytest.mark.caffe
def test_real_caffe_learns_the_same_from_numbered_cells(numbered):
    pytest.importorskip("torch")
    for engine in ("caffe", "torch"):
        done = train("--epochs", 1, "--out", engine, "--engine", engine)
        assert done.returncode == 0, done.stderr
    image = np.random.RandomState(0).uniform(size=(40, 52)).astype(np.float32)
    job = "caffe/deploy.prototxt", "caffe/finetune.caffemodel", [image]
    (caffe,), _ = predict("caffe", *job)
    (torch,), _ = predict("torch", *job)
    assert caffe.shape == torch.shape == (2, 40, 52)
    np.testing.assert_allclose(caffe, torch, rtol=0, atol=1e-4)


def test_data_of_another_recipe_are_refused(numbered):
    assert make("best").returncode == 0
    assert_refused(train(), "has no distance_target", "--recipe")


def test_masks_without_numbers_are_named_before_training(numbered):
    for place in Path("real").glob("*/labels"):
        for path in place.iterdir():
            mask = read_labels(path).labels > 0
            write_image(place.with_name("masks") / path.name, mask.astype(np.uint8) * 255)
            path.unlink()
        place.rmdir()
    assert "learns those that touch as one" in make("cells").stderr
    assert json.loads(Path("data/data.json").read_text())["diameter"] is None
