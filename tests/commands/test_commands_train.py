"""`cellseg train --images`: from annotated images to a model and a verdict; and from results to annotated images."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from support import ROOT, assert_refused, run_verb

from cellseg.data.folder import read_examples

SMALL = ("--images", "in/images", "--labels", "in/labels", "--out", "out", "--copies", 2)


def nuclei(seed, shape):
    """Pairs of touching discs, and their numbers."""
    rng, (rows, columns), labels, count = np.random.RandomState(seed), np.indices(shape), np.zeros(shape, np.uint8), 0
    for row in range(14, shape[0] - 8, 26):
        for column in range(14, shape[1] - 24, 40):
            for side in (0, 13):
                count += 1
                labels[(np.hypot(rows - row, columns - column - side) <= 8) & (labels == 0)] = count
    return (np.where(labels > 0, 100, 10) + rng.normal(0, 4, shape)).clip(0, 255).astype(np.uint8), labels


@pytest.fixture(scope="module")
def annotated(tmp_path_factory):
    """Two annotated images, one of them smaller than a patch, and one without labels."""
    folder = tmp_path_factory.mktemp("annotated")
    for place in ("in/images", "in/labels"):
        (folder / place).mkdir(parents=True)
    for name, shape in (("a", (128, 140)), ("b", (96, 120)), ("c", (64, 64))):
        image, labels = nuclei(ord(name), shape)
        tifffile.imwrite(folder / f"in/images/{name}.tif", image)
        if name != "c":
            tifffile.imwrite(folder / f"in/labels/{name}.tif", labels)
    return folder


@pytest.fixture(scope="module")
def trained(annotated):
    return annotated, run_verb("train", *SMALL, "--epochs", 1, cwd=annotated)


@pytest.mark.engine
def test_one_command_gives_a_model_and_a_verdict_in_three_lines(trained):
    folder, done = trained
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("2 annotated images: 1 to train on, held out: ")
    old, new, verdict, use = lines[-4:]
    for line, model in ((old, "nuclei:"), (new, "out/finetune:")):
        assert line.startswith(model) and all(f"{name} " in line for name in ("F1 at 0.5", "mean F1", "count error"))
    assert verdict.startswith("the new model is ") and "1 held-out image with " in verdict and "weak verdict" in verdict
    assert use == "use it: cellseg segment IMAGES --out results --model out"
    comparison = json.loads((folder / "out/comparison.json").read_text())
    assert comparison["left_out"] == ["in/images/c.tif"] and f"{comparison['old']['f1']:.3f}" in old
    settings = json.loads((folder / "out/finetune/finetune.segmentation.json").read_text())
    assert settings["chosen_on_training_images"] and settings["recipe"] == "cells" and settings["orientations"] == 1
    assert settings["scores"]["mean F1, held out"] == pytest.approx(comparison["new"]["mean_f1"], abs=1e-3)
    run = json.loads((folder / "out/finetune/run.json").read_text())
    assert run["command"].startswith("cellseg train --images in/images") and run["initial_weights"]["file"]


@pytest.mark.engine
def test_the_model_segments_and_its_results_become_annotated_images(trained):
    folder, _ = trained
    done = run_verb("segment", "in/images", "--out", "results", "--model", "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    done = run_verb("annotate", "results", "--out", "again", cwd=folder)
    assert done.stdout.startswith("3 written, 0 kept as they are, 0 failed"), done.stderr
    for one, name in zip(read_examples(folder / "again"), "abc", strict=True):
        assert np.array_equal(one.image, tifffile.imread(folder / f"in/images/{name}.tif"))
        assert np.array_equal(one.labels, tifffile.imread(folder / f"results/{name}.tif/labels.tif"))
    corrected = 0 * tifffile.imread(folder / "again/labels/a.tif")
    tifffile.imwrite(folder / "again/labels/a.tif", corrected)
    with open(folder / "in/images/b.tif", "ab") as stream:
        stream.write(b" ")  # it is another file now
    done = run_verb("annotate", "results", "--out", "again", cwd=folder)
    assert done.returncode == 1 and done.stdout.startswith("0 written, 2 kept as they are, 1 failed")
    assert done.stderr.count("\n") == 1 and "b.tif: has changed since it was segmented" in done.stderr
    assert not tifffile.imread(folder / "again/labels/a.tif").any()
    assert_refused(run_verb("annotate", "in", "--out", "again", cwd=folder), "in: holds no results")


@pytest.mark.engine
def test_an_interrupted_training_is_gone_on_with_and_compared(annotated, tmp_path):
    shutil.copytree(annotated / "in", tmp_path / "in")
    command = [sys.executable, "-m", "cellseg", "train", *map(str, SMALL), "--epochs", "12"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, start_new_session=True, **pipes)
    log = tmp_path / "out/finetune/train.log"
    while not log.exists() or "Iteration 1," not in log.read_text():
        assert process.poll() is None and not time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, errors = process.communicate(timeout=100)
    last = errors.splitlines()[-1]
    assert process.returncode == 2 and "interrupted after" in last and "cellseg train resume out/finetune/" in last
    text = (tmp_path / "out/finetune/solver.prototxt").read_text()
    assert "max_iter: 12\n" in text
    state = Path(last.rpartition(" ")[2])
    done = run_verb("train", "resume", state, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-4].startswith("nuclei: ") and (tmp_path / "out/comparison.json").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--images", "in/images"], ["one of --labels, --qupath, --roi", "STAGE"]),
        ([*SMALL, "--roi", "in"], ["one of --labels"]),
        (["--epochs", 3, "pretrain"], ["--epochs stands before the stage"]),
        (["--images", "in/images", "--qupath", "in/labels"], ["none of its 3 images", ".geojson"]),
        ([*SMALL, "--weights", "in"], ["in: holds no finetune.caffemodel"]),
    ],
)
def test_mistakes_are_one_line(annotated, words, says):
    before = sorted(annotated.rglob("*"))
    assert_refused(run_verb("train", *words, cwd=annotated), *says)
    assert sorted(annotated.rglob("*")) == before
