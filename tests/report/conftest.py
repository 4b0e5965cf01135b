"""Tests of the report: left out in a Python without its libraries. Experiment folders as trainings leave them, tiny."""

import csv
import importlib.util
import json
import shutil
from dataclasses import asdict

import numpy as np
import pytest
import tifffile
from PIL import Image
from support import blobs, run_verb

from cellseg.evaluation.choices import at_least, choose
from cellseg.evaluation.predictions import Prediction, write_predictions
from cellseg.evaluation.scores import image_scores, score
from cellseg.evaluation.sweep import Sweep, area_under_roc
from cellseg.files import sha256
from cellseg.images.masks import components
from cellseg.network import Fcn, deploy_net
from cellseg.network.options import variant_record

collect_ignore_glob = [] if all(map(importlib.util.find_spec, ("jinja2", "matplotlib"))) else ["test_*.py"]

PLACES = {
    "before": "pretrain/before",
    "simulated": "pretrain/simulated",
    "after": "finetune",
    "chosen": "finetune/chosen",
    "honest": "finetune/honest",
}
_BLUR = {"before": 0.9, "simulated": 0.5, "after": 0.6, "chosen": 0.6, "honest": 0.6}


HOSTILE = "<script>document.title=1<script> \"q' & \u00fc.png"


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="this Python has no playwright")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("there is no chromium (apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """A folder of results as ``cellseg segment`` leaves it with the model that ships: two good images, of which one has
    a hostile name, a stack of two planes, one without contrast, and one that is no image."""
    work = tmp_path_factory.mktemp("segmented")
    (work / "in").mkdir()
    cells = np.random.RandomState(0).normal(20, 2, (3, 64, 80))
    for row, column in ((16, 18), (40, 60), (46, 24)):
        cells[:, np.hypot(*np.ogrid[-row : 64 - row, -column : 80 - column]) < 8] += 120
    cells = cells.astype(np.uint8)
    tifffile.imwrite(work / "in/stack.tif", cells[1:], imagej=True, metadata={"axes": "ZYX"})
    for name, image in ((HOSTILE, cells[0]), ("good.png", cells[1]), ("flat.png", np.full((40, 40), 7, np.uint8))):
        Image.fromarray(image).save(work / "in" / name)
    (work / "in/broken.tif").write_bytes(b"nothing")
    done = run_verb("segment", "in", "--out", "out", "--engine", "torch", cwd=work)
    assert done.returncode == 1 and "out/index.html" in done.stdout, done.stdout + done.stderr
    return work / "out"


@pytest.fixture(scope="session")
def writer():
    """`write_experiment`, for other places than ``runs``."""
    return write_experiment


@pytest.fixture
def make_experiment(tmp_path):
    """A function that writes an experiment folder below ``runs`` and gives its path."""

    def make(place="", **options):
        folder = tmp_path / "runs" / place
        write_experiment(folder, **options)
        return folder

    return make


@pytest.fixture
def change():
    """A function that changes keys of a JSON file."""

    def alter(path, **values):
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return alter


def write_experiment(folder, stages=("pretrain", "finetune"), evaluations=tuple(PLACES), noise=0.0, **options):
    """Write an experiment.

    Parameters
    ----------
    folder : path
    stages, evaluations : sequence of str
        What to write; an evaluation needs its stage.
    noise : float
        Makes the outputs worse.
    **options
        For `write_run`: recipe, seed, network, stand_in, epochs.
    """
    for stage in stages:
        write_run(folder / stage, stage, start="pretrain" if stages == ("pretrain", "finetune") else None, **options)
    settings = None
    for name, place in PLACES.items():
        stage = place.split("/")[0]
        if name in evaluations and stage in stages:
            split = (8, "chosen") if name == "chosen" else (5, name)
            weights = f"weights of {stage}, seed {options.get('seed', 0)}"
            settings = write_evaluation(folder / place, *split, weights, settings, noise, options)


def write_run(folder, stage, start, recipe="report", seed=0, network=None, stand_in=False, epochs=60):
    """Write ``run.json``, ``data.json``, ``history.csv`` and ``deploy.prototxt``."""
    folder.mkdir(parents=True)
    network = network or Fcn(features=8)
    kind = "simulated" if stage == "pretrain" else "real"
    note = "simulated ones; give real ones with REAL=" if stand_in and kind == "real" else None
    source = {} if kind == "simulated" else {"train/images/a & <b>.png": "ab" * 32}
    splits = {
        split: {"patches": patches, "foreground": 0.1, "files": {f"{split}_0.h5": "cd" * 32}, "names": []}
        for split, patches in (("train", 20), ("test", 5))
    }
    request = {"kind": kind, "normalisation": "percentile", "note": note, "source": source}
    (folder / "data.json").write_text(json.dumps({"request": request, "stand_in": bool(note), "splits": splits}))
    rows = history(epochs, seed)
    record = {
        "cellseg": "0.1.0",
        "git_commit": "0123456789abcdef0123456789abcdef01234567",
        "stage": stage,
        "recipe": recipe,
        "stand_in": bool(note),
        "note": note,
        "command": f"cellseg train {stage} --seed {seed}",
        "started": "2026-01-02T03:04:05+00:00",
        "status": "finished",
        "data": {"folder": f"runs/data/{kind}", "kind": kind, "record_sha256": sha256(folder / "data.json")},
        "normalisation": "percentile",
        "schedule": {"samples": 20, "test_samples": 5, "batch": 10, "epochs": epochs, "seed": seed},
        "variant": variant_record(network),
        "orientations": 1,
        "initial_weights": {"file": "w", "sha256": f"weights of {start}, seed {seed}"}
        if stage == "finetune" and start
        else None,
        "machine": {"python": "3.11", "numpy": "2.4", "system": "Linux", "cores": 2},
        "engine": {"name": "torch", "version": "2.13", "precision": "fp32", "device": "cpu", "threads": 1},
        "parts": [{"to_iteration": 2, "seconds": 60.0}, {"to_iteration": 4, "seconds": 65.5}],
        "last_epoch": rows[-1],
        "weights": {"file": f"{stage}_iter_4.caffemodel", "sha256": f"weights of {stage}, seed {seed}"},
    }
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "deploy.prototxt").write_text(deploy_net(network, f"{network.NAME}_{stage}"))
    with open(str(folder / "history.csv"), "w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def history(epochs, seed):
    """A falling loss and a rising MCC."""
    rng = np.random.RandomState(seed)
    return [
        {
            "epoch": epoch,
            "iteration": 2 * epoch,
            "lr": 0.01 * 0.1 ** ((epoch - 1) // 20),
            "train_loss": round(0.05 + 0.5 / epoch + 0.01 * rng.rand(), 6),
            "test_loss": round(0.06 + 0.5 / epoch + 0.01 * rng.rand(), 6),
            "test_mcc": round(0.9 - 0.8 / epoch, 6),
            "test_threshold": 0.4,
            "seconds": 2.0 * epoch,
        }
        for epoch in range(1, epochs + 1)
    ]


def write_evaluation(folder, count, name, weights, settings, noise, options):
    """Write ``evaluation.json`` and ``predictions.h5``; gives the settings that were chosen, or those given."""
    images, masks = blobs(count, 48, seed=count)
    rng = np.random.RandomState(options.get("seed", 0) + 10)
    spread = _BLUR[name] + noise
    output = [np.clip(mask + rng.uniform(-spread, spread, mask.shape), 0, 1).astype(np.float32) for mask in masks]
    names = [f"simulated_{index:04d}@1,2" if name == "simulated" else f"cell <{index}>.png" for index in range(count)]
    backgrounds = [("plain", "noise")[index % 2] if name == "simulated" else "" for index in range(count)]
    sweep = Sweep()
    for plane, mask in zip(output, masks):
        sweep.add(plane, mask)
    threshold = settings.threshold if name == "honest" and settings else sweep.best_threshold
    if name == "chosen":
        settings = choose(images, masks, output, threshold, "training images")
    used = settings if name in ("chosen", "honest") else None
    network = at_least(output, threshold)
    found = {"network": network, "otsu": [image > 0.5 for image in images]}
    found.update(used.masks(images, output) if used else {})
    truths = list(map(components, masks))
    methods = {method: score(truths, planes) for method, planes in found.items()}
    stand_in = options.get("stand_in", False) and name != "simulated"
    record = {
        "model_sha256": weights,
        "recipe": options.get("recipe", "report"),
        "seed": options.get("seed", 0),
        "orientations": 1,
        "engine": "torch",
        "engine_details": {"name": "torch", "version": "2.13"},
        "data": "runs/data/real/test.txt",
        "normalisation": "percentile",
        "stand_in": stand_in,
        "note": "simulated ones; give real ones with REAL=" if stand_in else None,
        "images": count,
        "foreground": float(np.mean(masks)),
        "threshold": threshold,
        "threshold_chosen_on": "the evaluated images themselves, as in the report",
        **methods["network"].indicators,
        "median_mcc": methods["network"].median_mcc,
        "best_threshold": sweep.best_threshold,
        "best_mcc": sweep.best_mcc,
        "auc": area_under_roc(
            np.concatenate([plane.ravel() for plane in output]), np.concatenate([m.ravel() for m in masks])
        ),
        "baseline_otsu_mcc": methods["otsu"].mcc,
        "baseline_otsu": methods["otsu"].indicators,
        "settings": asdict(used) if used else None,
        "methods": {method: asdict(scores) for method, scores in methods.items()},
        "per_image": [asdict(row) for row in image_scores(names, truths, network)],
        "sweep": sweep.table(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_text(json.dumps(record))
    write_predictions(folder / "predictions.h5", map(Prediction, names, images, masks, output, backgrounds))
    return settings
