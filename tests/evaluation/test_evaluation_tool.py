"""Prediction and evaluation, through the library and through cellseg evaluate."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from nets import save_random_weights
from rounding import rounding_of_probabilities
from support import ENGINE, ROOT, assert_refused, blobs, read_only_place, run_record, run_verb, with_engine

from cellseg.data.hdf5 import read_list
from cellseg.evaluation.indicators import NAMES, count, indicators
from cellseg.evaluation.predictions import read_predictions
from cellseg.images.write import write_image
from cellseg.inference.network import predict
from cellseg.models.settings import read_settings
from cellseg.network import Fcn, deploy_net

pytestmark = pytest.mark.engine


@pytest.fixture
def model(tiny_data):
    """Random weights of a small variant, with its deploy net beside, in ``somewhere/``."""
    Path("somewhere").mkdir()
    Path("somewhere/deploy.prototxt").write_text(deploy_net(Fcn(features=8), "net", 32, 32))
    with_engine(save_random_weights, "somewhere/deploy.prototxt", "somewhere/net.caffemodel")
    return Path("somewhere/net.caffemodel")


def test_images_of_any_size_give_probabilities_of_their_size(model):
    rng = np.random.RandomState(0)
    images = [rng.uniform(size=size).astype(np.float32) for size in ((32, 32), (33, 50), (8, 8), (5, 3), (64, 40))]
    maps, described = predict("auto", "somewhere/deploy.prototxt", model, images)
    assert [plane.shape for (plane,) in maps] == [image.shape for image in images]
    assert all(plane.min() >= 0 and plane.max() <= 1 for (plane,) in maps)
    assert described["name"] == ENGINE


def test_an_odd_size_is_continued_by_reflection(model):
    image = np.random.RandomState(0).uniform(size=(36, 40)).astype(np.float32)
    images = [image, np.concatenate([image, image[:-5:-1]])]
    ((odd,), (even,)), _ = predict("auto", "somewhere/deploy.prototxt", model, images)
    np.testing.assert_allclose(odd, even[:36], rtol=0, atol=rounding_of_probabilities(model, odd))


def test_batches_do_not_matter(model):
    images, _ = blobs(5, 32)
    one, five = (predict("auto", "somewhere/deploy.prototxt", model, images, n)[0] for n in (1, 5))
    np.testing.assert_allclose(one, five, rtol=0, atol=rounding_of_probabilities(model, one))


def evaluate(*arguments):
    return run_verb("evaluate", *arguments, cwd=Path.cwd())


TINY = ("--data", "runs/data/tiny/test.txt")


def test_the_record_holds_what_the_pixels_say(model):
    done = evaluate(model, *TINY)
    assert done.returncode == 0, done.stderr
    record = json.loads(Path("somewhere/evaluation.json").read_text())
    keys = {"model", "engine", "data", "best_threshold", "auc", "baseline_otsu_mcc", "sweep", *NAMES}
    assert keys <= set(record)
    data, label = read_list("runs/data/tiny/test.txt")
    maps, _ = predict("auto", "somewhere/deploy.prototxt", model, data)
    ours = {t / 100: indicators(*count(np.concatenate(maps).astype(float) >= t / 100, label == 1)) for t in range(101)}
    assert record["mcc"] == pytest.approx(max(values["mcc"] for values in ours.values()))
    for name in NAMES:
        assert record[name] == ours[record["best_threshold"]][name]
    assert [row["mcc"] for row in record["sweep"]] == [values["mcc"] for values in ours.values()]
    with open("somewhere/sweep.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 101 and float(rows[50]["mcc"]) == pytest.approx(ours[0.5]["mcc"])
    assert f"{record['mcc']:.3f}" in done.stdout and "as in the report" in done.stdout
    assert "matched with connected components" in done.stdout and "mean F1" in done.stdout


def test_numbered_cells_are_matched_one_by_one(model):
    image, _ = blobs(1, 32)
    labels = np.kron([[1, 2], [0, 3]], np.ones((16, 16))).astype(np.uint8)
    write_image(Path("cells/images/x.png"), (image[0] * 200).astype(np.uint8))
    write_image(Path("cells/labels/x.png"), labels)
    done = evaluate(model, "--data", "cells")
    assert done.returncode == 0 and "matched with the numbered cells" in done.stdout, done.stderr
    record = json.loads(Path("somewhere/evaluation.json").read_text())
    assert record["per_image"][0]["cells"] == 3 and record["foreground"] == 0.75
    assert record["methods"]["otsu"]["objects"]["numbered"]
    write_image(Path("cells/images/y.png"), (image[0] * 199).astype(np.uint8))
    write_image(Path("cells/labels/y.png"), np.kron([[255, 0, 255, 0]], np.ones((32, 8))).astype(np.uint8))
    done = evaluate(model, "--data", "cells")  # one binary mask among them: the cells of all are components
    assert done.returncode == 0 and "matched with connected components" in done.stdout, done.stderr
    assert [row["cells"] for row in json.loads(Path("somewhere/evaluation.json").read_text())["per_image"]] == [1, 2]


def test_a_threshold_chosen_elsewhere(model):
    evaluate(model, "--data", "runs/data/tiny/train.txt", "--out", "train")
    chosen = json.loads(Path("train/evaluation.json").read_text())["best_threshold"]
    done = evaluate(model, *TINY, "--threshold", "train/evaluation.json", "--out", "honest")
    record = json.loads(Path("honest/evaluation.json").read_text())
    assert record["threshold"] == chosen
    assert record["mcc"] == next(row["mcc"] for row in record["sweep"] if row["threshold"] == chosen)
    assert record["threshold_chosen_on"] == "chosen on runs/data/tiny/train.txt"
    assert "chosen on runs/data/tiny/train.txt" in done.stdout
    evaluate(model, *TINY, "--threshold", 0.123, "--out", "number")
    assert json.loads(Path("number/evaluation.json").read_text())["threshold"] == 0.123


def name_the_patches(copies):
    """What the data set's record says where the training patches are augmented: originals first."""
    path = Path("runs/data/tiny/data.json")
    record = json.loads(path.read_text())
    originals = [f"cell_{number}.png@0,0" for number in range(20 // copies)]
    record["splits"]["train"]["names"] = [f"{name}#{copy}" for copy in range(copies) for name in originals]
    record["splits"]["test"]["names"] = [f"cell_{number}.png@0,0" for number in range(90, 96)]
    path.write_text(json.dumps(record))


def test_settings_chosen_on_the_training_images_serve_on_the_test_images(model):
    name_the_patches(copies=4)
    done = evaluate(model, "--data", "runs/data/tiny/train.txt", "--split", "train", "--out", "chosen")
    assert done.returncode == 0, done.stderr
    chosen = json.loads(Path("chosen/evaluation.json").read_text())
    assert chosen["images"] == 5 == len(read_predictions("chosen/predictions.h5"))
    assert [row["name"] for row in chosen["per_image"]] == [f"cell_{number}.png@0,0" for number in range(5)]
    settings = chosen["settings"]
    assert settings["threshold"] == chosen["threshold"] and settings["chosen_on"] == "runs/data/tiny/train.txt"
    done = evaluate(model, *TINY, "--threshold", "chosen/evaluation.json", "--out", "honest")
    assert done.returncode == 0, done.stderr
    honest = json.loads(Path("honest/evaluation.json").read_text())
    assert honest["settings"] == settings and honest["threshold"] == settings["threshold"]
    used = read_settings(model)
    assert used.threshold == settings["threshold"] and used.smallest_object == settings["smallest_object"]
    assert used.deploy == "somewhere/deploy.prototxt" and used.normalisation == "unchanged"
    assert set(honest["methods"]) == {"network", "cleaned", "otsu", "global", "local"}
    truths, images = [row.mask for row in read_predictions("honest/predictions.h5")], read_list(TINY[1])[0]
    founds = [image >= settings["global_threshold"] for image in images]
    assert honest["methods"]["global"]["mcc"] == indicators(*count(np.stack(founds), np.stack(truths)))["mcc"] > 0.9
    for words in ("+ post-processing", "Otsu's threshold", "global threshold", "local threshold", "chosen on runs"):
        assert words in done.stdout
    assert max(map(len, done.stdout.split("written:")[0].splitlines())) <= 110
    Path("honest/evaluation.json").write_text(json.dumps({**honest, "best_threshold": 0.987}))
    evaluate(model, *TINY, "--threshold", "honest/evaluation.json", "--out", "again")
    again = json.loads(Path("again/evaluation.json").read_text())
    assert again["settings"] == settings and again["threshold"] == settings["threshold"]


def test_predictions_and_scores_of_each_image_are_kept_under_its_name(model):
    name_the_patches(copies=4)
    done = evaluate(model, *TINY)
    record = json.loads(Path("somewhere/evaluation.json").read_text())
    assert record["settings"] is None and set(record["methods"]) == {"network", "otsu"}
    assert record["recipe"] is None and record["seed"] is None and record["orientations"] == 1
    predictions = read_predictions("somewhere/predictions.h5")
    data, label = read_list(TINY[1])
    assert [one.name for one in predictions] == [f"cell_{number}.png@0,0" for number in range(90, 96)]
    for row, one, image, mask in zip(record["per_image"], predictions, data, label == 1):
        assert (one.image == image).all() and (one.mask == mask).all()
        counts = count(one.probability.astype(float) >= record["threshold"], mask)
        assert row["name"] == one.name and (row["tp"], row["fp"], row["tn"], row["fn"]) == counts
        assert row["mcc"] == indicators(*counts)["mcc"] and row["cells"] == 1
    network = record["methods"]["network"]
    assert all(network[name] == record[name] for name in NAMES)
    assert record["median_mcc"] == network["median_mcc"] == np.median([row["mcc"] for row in record["per_image"]])
    assert {name: record["methods"]["otsu"][name] for name in NAMES} == record["baseline_otsu"]
    assert f"{network['median_mcc']:.3f}" in done.stdout


def test_the_run_says_what_to_record_and_how_many_orientations_to_average(model):
    run = run_record(data={"folder": "runs/data/tiny"}, normalisation="unchanged")
    run["schedule"]["seed"] = 3
    expected = [(run, "report", 1, ()), ({**run, "recipe": "best", "orientations": 8}, "best", 8, ())]
    expected.append((expected[1][0], "best", 1, ("--orientations", 1)))
    maps = []
    for values, recipe, orientations, arguments in expected:
        Path("somewhere/run.json").write_text(json.dumps(values))
        done = evaluate(model, *arguments)
        assert done.returncode == 0, done.stderr
        record = json.loads(Path("somewhere/evaluation.json").read_text())
        assert (record["recipe"], record["seed"], record["orientations"]) == (recipe, 3, orientations)
        maps.append(np.stack([one.probability for one in read_predictions("somewhere/predictions.h5")]))
        assert ("8 orientations" in done.stdout) == (orientations == 8)
    np.testing.assert_array_equal(maps[0], maps[2])
    assert np.abs(maps[0] - maps[1]).max() > 1e-4


def test_a_folder_of_images_of_several_sizes(model, real_folder):
    from cellseg.images.write import write_image

    for kind in ("images", "masks"):
        write_image(real_folder / "test" / kind / "odd.png", np.eye(50, 70, dtype=np.uint8) * 255)
    done = evaluate(model, "--data", real_folder / "test")
    assert done.returncode == 0, done.stderr
    record = json.loads(Path("somewhere/evaluation.json").read_text())
    assert record["images"] == 3 and record["normalisation"] == "percentile"
    assert [row["name"] for row in record["per_image"]] == ["cell_3.png", "cell_4.png", "odd.png"]
    assert [one.image.shape for one in read_predictions("somewhere/predictions.h5")][-1] == (50, 70)


def test_an_all_background_test_set_has_dashes_not_numbers(model):
    from cellseg.data.hdf5 import write_split

    images = np.random.RandomState(0).uniform(size=(2, 16, 16))
    write_split("runs/data/tiny", "runs/data/tiny", "empty", images, np.zeros((2, 16, 16)))
    done = evaluate(model, "--data", "runs/data/tiny/empty.txt")
    assert done.returncode == 0, done.stderr
    record = json.loads(Path("somewhere/evaluation.json").read_text())
    assert record["recall"] is None and record["auc"] is None and record["mcc"] == 0
    assert [row["name"] for row in record["per_image"]] == ["image 0000", "image 0001"]
    assert " - |" in done.stdout


def test_only_the_model_is_needed(tmp_path, monkeypatch):
    """The report's weights alone, nowhere near a run folder: its deploy net and the simulated test set serve."""
    monkeypatch.chdir(tmp_path)
    with_engine(save_random_weights, ROOT / "prototxt" / "deploy.prototxt", "net.caffemodel")
    done = evaluate("net.caffemodel")
    assert done.returncode == 0, done.stderr
    record = json.loads(Path("evaluation.json").read_text())
    assert record["data"] == "runs/data/simulated/test.txt" and record["images"] == 60
    assert 0.3 < record["baseline_otsu_mcc"] < 1


def test_bad_input_is_one_line_and_leaves_the_earlier_record(model):
    evaluate(model, *TINY)
    before = Path("somewhere/evaluation.json").read_bytes()
    Path("somewhere/random.caffemodel").write_bytes(b"\0" * 1000)
    Path("broken.prototxt").write_text("layer { name: 3 }")
    Path("other.prototxt").write_text(deploy_net(Fcn(features=4), "net"))
    Path("empty").mkdir()
    other_names = Path("somewhere/deploy.prototxt").read_text().replace('"conv4"', '"fc4"')
    Path("renamed.prototxt").write_text(other_names)
    Path("settings.json").write_text(json.dumps({**json.loads(before), "settings": {"threshold": 0.5}}))
    choices = {"threshold": 0.5, "smallest_object": 0, "largest_hole": 0, "global_threshold": 0.5, "local_block": 15}
    choices |= {"local_offset": 0.0, "chosen_on": "train.txt"}
    Path("other.json").write_text(json.dumps({**json.loads(before), "settings": choices, "model_sha256": "0" * 64}))
    cases = [
        (("somewhere/none.caffemodel", *TINY), "somewhere/none.caffemodel"),
        (("somewhere/random.caffemodel", *TINY), "somewhere/random.caffemodel"),
        ((model, "--data", "nothing.txt"), "nothing.txt"),
        ((model, "--data", "empty"), "empty/images: no such folder"),
        (
            (model, *TINY, "--deploy", "broken.prototxt"),
            {"caffe": "Caffe stopped", "torch": "broken.prototxt:1:15"}[ENGINE],
        ),
        ((model, *TINY, "--deploy", "none.prototxt"), "none.prototxt"),
        ((model, *TINY, "--deploy", "other.prototxt"), "8x1x3x3"),
        ((model, *TINY, "--deploy", "renamed.prototxt"), "has no weights for layer 'fc4'"),
        ((model, *TINY, "--threshold", "1.5"), "not between 0 and 1"),
        ((model, *TINY, "--threshold", "none.json"), "none.json"),
        ((model, *TINY, "--threshold", "settings.json"), "settings.json: settings: object missing required field"),
        ((model, *TINY, "--threshold", "other.json"), "other.json: holds choices for another model"),
        ((model, *TINY, "--split", "train"), "runs/data/tiny/test.txt: is a test set"),
        (("nuclei", "--out", "out"), "nuclei: no run beside it names its data"),
        ((model, *TINY, "--orientations", "3"), "--orientations"),
        ((model, *TINY, "--batch", "0"), "--batch"),
        ((model, *TINY, "--out", read_only_place(Path.cwd())), "cannot write"),
    ]
    for arguments, words in cases:
        assert_refused(evaluate(*arguments), words)
        assert Path("somewhere/evaluation.json").read_bytes() == before
