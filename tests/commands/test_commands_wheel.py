"""The built wheel, installed where no sources are: an experiment, an evaluation, a segmentation and an export."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile

import numpy as np
import pytest
from PIL import Image
from support import ROOT, smooth

setuptools = pytest.importorskip("setuptools")

pytestmark = [
    pytest.mark.engine,
    pytest.mark.long,
    pytest.mark.skipif(int(setuptools.__version__.split(".")[0]) < 71, reason="this setuptools builds no wheel"),
]


@pytest.fixture(scope="module")
def wheel(model, tmp_path_factory):
    """The wheel, built from a copy of the sources, since a build writes beside them, with one more model that ships."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "cellseg", folder / "cellseg", ignore=shutil.ignore_patterns("__pycache__"))
    ships = folder / "cellseg/models/blobs"
    ships.mkdir()
    (ships / "card.md").write_text("# Blobs in noise\n")
    for name, source in (("model.caffemodel", model.name), ("deploy.prototxt", "deploy.prototxt")):
        shutil.copy(model.with_name(source), ships / name)
    shutil.copy(model.with_name("net.segmentation.json"), ships / "model.segmentation.json")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def cellseg(wheel, tmp_path_factory):
    """The installed command, in a virtual environment that sees the libraries of this one, and an empty folder."""
    folder = tmp_path_factory.mktemp("installed")
    environment = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    packages = next(environment.glob("lib/python*/site-packages"))
    pip = [sys.executable, "-m", "pip", "--python", environment, "install", "-q", "--no-deps", "--no-index", wheel]
    subprocess.run(pip, check=True)
    places = [path for path in sys.path if "packages" in path] + [sysconfig.get_path("purelib")]
    (packages / "libraries.pth").write_text("\n".join(places))
    work = folder / "empty"
    work.mkdir()
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CELLSEG"))}

    def run(*words):
        command = [environment / "bin" / "cellseg", *map(str, words)]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, env=outside)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    where = [environment / "bin" / "python", "-c", "import cellseg; print(cellseg.__file__)"]
    assert str(environment) in subprocess.check_output(where, cwd=work, text=True, env=outside)
    return run, work


@pytest.fixture(scope="module")
def experiment(cellseg):
    run, work = cellseg
    small = ["--features", 4, "--batch", 20, "--engine", "torch"]
    return run("experiment", "--epochs", 1, *small), work / "runs", run


def test_an_experiment_without_real_images_says_that_it_uses_a_stand_in(experiment):
    said, runs, _ = experiment
    assert "STAND-IN" in said and (runs / "table1.md").read_text().count("STAND-IN") == 1
    run = json.loads((runs / "finetune" / "run.json").read_text())
    assert run["status"] == "finished" and run["stand_in"] and run["git_commit"] is None
    assert 0 < json.loads((runs / "finetune/honest/evaluation.json").read_text())["threshold"] < 1


def test_a_model_is_evaluated(experiment, tmp_path):
    _, runs, run = experiment
    said = run("evaluate", runs / "finetune/finetune.caffemodel", "--out", tmp_path / "out")
    record = json.loads((tmp_path / "out/evaluation.json").read_text())
    assert record["images"] == 40 and "Otsu's threshold" in said


def test_images_are_segmented(experiment, tmp_path):
    _, runs, run = experiment
    Image.fromarray(smooth(64, 80)).save(tmp_path / "a.tif")
    said = run("segment", runs / "finetune/finetune.caffemodel", tmp_path / "a.tif", "--out", tmp_path / "out")
    assert "1 segmented" in said
    assert np.array(Image.open(tmp_path / "out/a.tif/labels.tif")).shape == (64, 80)


def test_a_model_that_ships_is_listed_and_segments(cellseg, tmp_path):
    run, _ = cellseg
    assert "Blobs in noise" in run("models")
    Image.fromarray(smooth(64, 80)).save(tmp_path / "a.tif")
    assert "1 segmented" in run("segment", tmp_path / "a.tif", "--model", "blobs", "--out", tmp_path / "out")


def test_a_model_is_exported(experiment, tmp_path):
    pytest.importorskip("onnxruntime")
    _, runs, run = experiment
    said = run("export", runs / "finetune/finetune.caffemodel", "--out", tmp_path / "out")
    assert "largest difference" in said and (tmp_path / "out/model.onnx").is_file()


def test_napari_finds_the_plugin(wheel):
    with zipfile.ZipFile(wheel) as content:
        entries = next(name for name in content.namelist() if name.endswith("entry_points.txt"))
        assert "[napari.manifest]\ncellseg-caffe = cellseg.napari:napari.yaml" in content.read(entries).decode()
        manifest = content.read("cellseg/napari/napari.yaml").decode()
        for place, name in re.findall(r"python_name: cellseg\.(\S+):(\S+)", manifest):
            text = content.read(f"cellseg/{place.replace('.', '/')}.py").decode()
            assert f"class {name}(" in text or f"def {name}(" in text


def test_the_networks_are_those_of_the_sources(cellseg):
    run, work = cellseg
    run("prototxt")
    (shipped,) = (work.parent / "venv").rglob("cellseg/models/deploy.prototxt")
    assert shipped.read_text() == (ROOT / "prototxt/deploy.prototxt").read_text()
    assert (work / "prototxt/deploy.prototxt").read_text() == (ROOT / "prototxt/deploy.prototxt").read_text()


def test_the_illustrated_report_is_written(experiment):
    pytest.importorskip("jinja2")
    _, runs, run = experiment
    run("report", runs)
    assert "Figure 11" in (runs / "report" / "report.html").read_text()
