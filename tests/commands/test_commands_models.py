"""cellseg models, and what each verb does with the name of one."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image
from support import assert_refused, run_verb, smooth

from cellseg.errors import CellsegError
from cellseg.images.write import write_image
from cellseg.models import shipped as module

pytestmark = pytest.mark.engine


def test_the_models_are_listed_with_what_is_known_of_them(shipped, tmp_path):
    said = run_verb("models", cwd=tmp_path).stdout
    size = f"{(shipped / 'model.caffemodel').stat().st_size / 1e6:.1f} MB"
    assert said.splitlines() == [
        "nuclei  Blobs in noise",
        f"        {size}, cells of 12 pixels (median diameter), recipe best",
        "        mean F1, fields/test: 0.812",
    ]


def test_a_card_is_printed(shipped, tmp_path):
    assert run_verb("models", "nuclei", cwd=tmp_path).stdout == (shipped / "card.md").read_text()
    assert_refused(run_verb("models", "neurons", cwd=tmp_path), "'neurons'", "there are: nuclei")


def test_without_models_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_FOLDER", tmp_path)
    assert "no model comes with this cellseg" in run_verb("models", cwd=tmp_path).stdout
    Image.fromarray(smooth(40, 40)).save(tmp_path / "a.tif")
    refused = run_verb("segment", "a.tif", "--out", "out", cwd=tmp_path)
    assert_refused(refused, "nuclei", "--model", ".caffemodel", "run folder")


def test_it_segments_without_being_asked_for(shipped, model, tmp_path):
    Image.fromarray(smooth(64, 64)).save(tmp_path / "a.tif")
    ways = {
        "default": ["a.tif"],
        "name": ["a.tif", "--model", "nuclei"],
        "file": ["a.tif", "--model", model],
        "first": [model, "a.tif"],
    }
    labels = {}
    for way, words in ways.items():
        done = run_verb("segment", *words, "--out", way, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        labels[way] = (tmp_path / way / "a.tif/labels.tif").read_bytes()
    assert len(set(labels.values())) == 1


def test_a_run_folder_may_stand_first(model, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    for name, source in (("finetune.caffemodel", model.name), ("deploy.prototxt", "deploy.prototxt")):
        (run / name).write_bytes(model.with_name(source).read_bytes())
    (run / "finetune.segmentation.json").write_bytes(model.with_name("net.segmentation.json").read_bytes())
    Image.fromarray(smooth(64, 64)).save(tmp_path / "a.tif")
    assert run_verb("segment", "run", "a.tif", "--out", "out", cwd=tmp_path).returncode == 0
    assert (tmp_path / "out/a.tif/labels.tif").exists()
    assert_refused(run_verb("segment", "run", "--out", "out", cwd=tmp_path), "run: is the model; give images, too")


def test_it_is_evaluated_by_its_name_and_nothing_is_written_beside_it(shipped, tmp_path):
    image = smooth(64, 64)
    for name, pixels in (("images", image), ("masks", (image > 2000).astype(np.uint8) * 255)):
        write_image(tmp_path / "data" / name / "a.tif", pixels)
    before = {path: path.read_bytes() for path in shipped.iterdir()}
    assert_refused(run_verb("evaluate", "nuclei", "--data", "data", cwd=tmp_path), "nuclei", "--out")
    done = run_verb("evaluate", "nuclei", "--data", "data", "--out", "out", "--split", "train", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/evaluation.json").exists()
    assert {path: path.read_bytes() for path in shipped.iterdir()} == before


def test_it_is_exported_by_its_name(shipped, tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("bioimageio.core")
    done = run_verb("export", "nuclei", "--out", "out", "--author", "Ada Lovelace", cwd=tmp_path)
    assert done.returncode == 0 and (tmp_path / "out/model.onnx").exists(), done.stderr
    readme = (tmp_path / "out/package/README.md").read_text()
    assert "- mean F1, fields/test: 0.812" in readme and "median diameter of 12 pixels" in readme


def test_a_training_that_starts_from_it_keeps_its_normalisation(shipped, tiny_data, tmp_path):
    words = ("train", "finetune", "--data", tiny_data, "--weights", "nuclei", "--features", 4, "--epochs", 1)
    assert_refused(run_verb(*words, cwd=tmp_path), "normalisation 'percentile'", "'unchanged'")


def test_the_network_sees_cells_of_the_models_size(shipped, tmp_path):
    image = smooth(96, 80)
    twice = image.repeat(2, axis=0).repeat(2, axis=1)
    tifffile.imwrite(tmp_path / "once.tif", image)
    tifffile.imwrite(tmp_path / "no size.tif", twice)
    tifffile.imwrite(tmp_path / "twice.tif", twice, imagej=True, resolution=(2.0, 2.0), metadata={"unit": "um"})

    def labels(out, *words, code=0):
        done = run_verb("segment", *words, "--out", out, cwd=tmp_path)
        assert done.returncode == code, done.stderr
        found = [tmp_path / out / name / "labels.tif" for name in ("once.tif", "twice.tif")]
        return [tifffile.imread(path) for path in found if path.exists()], done.stderr

    (once, as_it_is), _ = labels("plain", "once.tif", "twice.tif")
    (found,), _ = labels("pixels", "twice.tif", "--diameter", "24")
    assert found.shape == twice.shape
    assert ((found[1::2, 1::2] > 0) != (once > 0)).mean() < 0.02 < ((as_it_is[1::2, 1::2] > 0) != (once > 0)).mean()
    (by_size,), said = labels("size", "twice.tif", "no size.tif", "--diameter", "12um", code=1)
    np.testing.assert_array_equal(found, by_size)
    assert "no size.tif: diameter 12um: the image does not say" in said
    np.testing.assert_array_equal(found, labels("tiles", "twice.tif", "--diameter", "24", "--tile", "100")[0][0])
    np.testing.assert_array_equal(once, labels("same", "once.tif", "--diameter", "12")[0][0])
    settings = json.loads((tmp_path / "size/twice.tif/image.json").read_text())["settings"]
    assert settings["diameter"] == "12um" and settings["models_diameter"] == 12


def test_a_diameter_that_cannot_be_is_refused_before_anything_is_done(shipped, model, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", smooth(40, 40))
    for words, said in (
        (["--diameter", 100], "at most 8 times"),
        (["--diameter", "big"], "diameter big: give a number of pixels"),
        (["--diameter", "12um", "--model", model], "do not say how large"),
    ):
        assert_refused(run_verb("segment", "a.tif", "--out", "out", *words, cwd=tmp_path), said)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options, licence", [([], "MIT"), (["--license", "CC-BY-4.0"], "CC-BY-4.0")])
def test_its_package_has_its_own_licence(shipped, tmp_path, monkeypatch, options, licence):
    pytest.importorskip("bioimageio.core")
    orders = []

    def stop(*arguments):
        orders.append(arguments[3])
        raise CellsegError("far enough")

    monkeypatch.setattr("cellseg.export.export.export", stop)
    run_verb("export", "nuclei", "--out", "out", "--author", "Ada Lovelace", *options, cwd=tmp_path)
    assert [order.license for order in orders] == [licence]
