"""Data sets as a user makes them, through tools/make_data.py."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import assert_refused, read_only_place, run_verb

from cellseg.data.augmentation import orientations
from cellseg.data.dataset import build_real, check_lists
from cellseg.data.hdf5 import read_list
from cellseg.data.normalisation import normalise
from cellseg.data.tuning import Look, tuned_images
from cellseg.errors import CellsegError
from cellseg.evaluation.images import read_images
from cellseg.images.write import write_image


def make(kind, *arguments, cwd):
    return run_verb("data", kind, "--out", "runs/data/set", *arguments, cwd=cwd)


def files(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@pytest.fixture
def real(real_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return real_folder


def test_real_training_images_are_turned_eightfold_and_test_images_are_not(real, tmp_path):
    done = make("real", "--real", real, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    train, label = read_list("runs/data/set/train.txt")
    test, _ = read_list("runs/data/set/test.txt")
    assert len(train) == 24 and len(test) == 2
    image = np.array(Image.open(str(real / "train" / "images" / "cell_1.png")))
    mask = np.array(Image.open(str(real / "train" / "masks" / "cell_1.png"))) > 0
    np.testing.assert_array_equal(train[1::3], orientations(normalise(image)[None]))
    np.testing.assert_array_equal(label[1::3], orientations(mask[None]))
    assert train.min() == 0 and train.max() == 1
    record = json.loads(Path("runs/data/set/data.json").read_text())
    assert record["request"]["normalisation"] == "percentile" and not record["stand_in"]
    assert len(record["request"]["source"]) == 10


def test_making_it_again_does_nothing_until_something_changes(real, tmp_path):
    assert "made" in make("real", "--real", real, cwd=tmp_path).stdout
    before = Path("runs/data/set/train_0.h5").stat().st_mtime_ns
    assert "up to date" in make("real", "--real", real, cwd=tmp_path).stdout
    assert Path("runs/data/set/train_0.h5").stat().st_mtime_ns == before
    mask = real / "train" / "masks" / "cell_0.png"
    write_image(mask, 255 - np.array(Image.open(str(mask))))
    assert "made" in make("real", "--real", real, cwd=tmp_path).stdout
    Path("runs/data/set/test_0.h5").unlink()
    assert "made" in make("real", "--real", real, cwd=tmp_path).stdout
    Path("runs/data/set/test_0.h5").write_bytes(b"changed by hand")
    assert_refused(make("real", "--real", real, cwd=tmp_path), "runs/data/set: holds 'test_0.h5'", "move it away")


@pytest.mark.parametrize("kind, train, test", [("simulated", 200, 60), ("stand-in", 440, 40)])
def test_simulated_sets_follow_the_report_and_their_seed(tmp_path, monkeypatch, kind, train, test):
    monkeypatch.chdir(tmp_path)
    first = make(kind, "--seed", 5, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("STAND-IN") == (kind == "stand-in")
    data, label = read_list("runs/data/set/train.txt")
    assert data.shape == (train, 128, 128) and 0.05 < label.mean() < 0.15
    assert len(read_list("runs/data/set/test.txt")[0]) == test
    record = json.loads(Path("runs/data/set/data.json").read_text())
    assert record["stand_in"] == (kind == "stand-in")
    if kind == "stand-in":
        assert "REAL=folder" in record["request"]["note"]
    assert record["request"]["recipe"]["options"]["population"]["template"]
    shutil.move("runs/data/set", "first")
    assert make(kind, "--seed", 5, cwd=tmp_path).returncode == 0
    assert files("runs/data/set") == files("first")
    assert make(kind, "--seed", 6, cwd=tmp_path).returncode == 0
    assert np.abs(read_list("runs/data/set/train.txt")[0] - data).max() > 0.5


def test_larger_images_are_cut_and_16_bit_is_read(real, tmp_path):
    for path in (real / "train").rglob("cell_2.png"):
        array = np.array(Image.open(str(path)))
        kind = np.uint16 if "images" in str(path) else np.uint8
        write_image(path, np.tile(array, (1, 2))[:, :200].astype(kind))
    done = make("real", "--real", real, cwd=tmp_path)
    assert "32 train patches" in done.stdout, done.stderr


def small_image(real):
    for kind in ("images", "masks"):
        write_image(real / "test" / kind / "cell_3.png", np.zeros((100, 128), np.uint8))
    return "cell_3.png"


def odd_mask(real):
    write_image(real / "train" / "masks" / "cell_1.png", (np.arange(128 * 128) % 3).reshape(128, 128).astype(np.uint8))
    return "0, 1, 2"


def truncated(real):
    path = real / "train" / "images" / "cell_0.png"
    path.write_bytes(path.read_bytes()[:-3000])
    return "cell_0.png"


def same_image_in_both_splits(real):
    for kind in ("images", "masks"):
        shutil.copy(str(real / "train" / kind / "cell_0.png"), str(real / "test" / kind / "copy.png"))
    return "copy.png: the same image"


def colour(real):
    Image.new("RGB", (128, 128)).save(str(real / "train" / "images" / "cell_0.png"))
    return "--rgb luminance"


def missing(real):
    shutil.rmtree(str(real))
    return "no such folder"


@pytest.mark.parametrize("damage", [small_image, odd_mask, truncated, same_image_in_both_splits, colour, missing])
def test_bad_input_is_one_line_and_leaves_the_earlier_set(real, tmp_path, damage):
    make("real", "--real", real, cwd=tmp_path)
    before = files("runs/data/set")
    words = damage(real)
    assert_refused(make("real", "--real", real, cwd=tmp_path), words)
    assert files("runs/data/set") == before
    assert [path.name for path in Path("runs/data").iterdir()] == ["set"]


def test_an_output_that_cannot_be_written(tmp_path):
    done = run_verb("data", "stand-in", "--out", read_only_place(tmp_path), cwd=tmp_path)
    assert_refused(done, "cannot write")


def test_a_copied_set_is_not_taken_for_the_original(tmp_path, monkeypatch):
    """Its lists name the other folder's files."""
    monkeypatch.chdir(tmp_path)
    make("stand-in", cwd=tmp_path)
    shutil.copytree("runs/data/set", "runs/data/copy")
    check_lists("runs/data/set")
    with pytest.raises(CellsegError, match="runs/data/copy/train.txt: does not name the files beside it"):
        check_lists("runs/data/copy")


def test_a_seed_that_is_none(tmp_path):
    assert_refused(make("simulated", "--seed", -1, cwd=tmp_path), "--seed")


def test_a_folder_with_other_files_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("runs/data/set").mkdir(parents=True)
    Path("runs/data/set/thesis.txt").write_text("mine")
    assert_refused(make("stand-in", cwd=tmp_path), "runs/data/set")
    assert Path("runs/data/set/thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("value, word", [(0, "background"), (255, "cell")])
def test_a_training_set_of_one_class_is_warned_of(real, tmp_path, value, word):
    for path in (real / "train" / "masks").iterdir():
        write_image(path, np.full((128, 128), value, np.uint8))
    done = make("real", "--real", real, cwd=tmp_path)
    assert done.returncode == 0
    assert f"every pixel of the training masks is {word}" in done.stderr


def test_a_mask_with_one_cell_or_none_leaves_the_cells_of_the_others_numbered(real, tmp_path):
    squares = np.kron([[1, 2], [0, 0]], np.ones((64, 64), int)).astype(np.uint8)
    for path, labels in zip(sorted(real.glob("train/masks/*")), (squares, squares * 0, squares == 1), strict=True):
        write_image(path, labels.astype(np.uint8))
    build_real("data", real)
    test = read_images("data/test.txt")
    assert test.numbered and test.diameter == pytest.approx(2 * 64 / np.pi**0.5)
    write_image(next(real.glob("test/masks/*")), np.kron([[1, 0, 1, 0]], np.ones((128, 32))).astype(np.uint8) * 255)
    build_real("data", real)
    assert not read_images("data/test.txt").numbered


def test_random_copies_of_the_training_images(real, tmp_path):
    from cellseg.recipes import RECIPES

    done = make("real", "--real", real, "--recipe", "best", "--normalisation", "percentile", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    train, label = read_list("runs/data/set/train.txt")
    record = json.loads(Path("runs/data/set/data.json").read_text())
    names = record["splits"]["train"]["names"]
    copies = RECIPES["best"].copies
    assert len(train) == len(label) == len(names) == 3 * copies and len(read_list("runs/data/set/test.txt")[0]) == 2
    assert record["splits"]["train"]["copy"] == [number for number in range(copies) for _ in range(3)]
    assert names == names[:3] * copies
    image = np.array(Image.open(str(real / "train" / "images" / "cell_1.png")))
    np.testing.assert_array_equal(train[1], normalise(image))  # the image itself is the first of its copies
    before = files("runs/data/set")
    assert (
        "up to date"
        in make("real", "--real", real, "--recipe", "best", "--normalisation", "percentile", cwd=tmp_path).stdout
    )
    assert files("runs/data/set") == before


def test_a_simulated_set_is_tuned_to_the_training_images(real, tmp_path):
    done = make("tuned", "--real", real, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    record = json.loads(Path("runs/data/set/data.json").read_text())
    look = record["request"]["look"]
    assert look["cells"] == [1, 1] and look["radius"][0] == pytest.approx(128 / 5, abs=0.5)  # see support.blobs
    assert not record["stand_in"]
    sparse = Look(cells=(0.3, 0.7), radius=(20, 20), brightness_spread=(0, 0), blur=(1, 1), noise=0.01)
    _, labels, _ = tuned_images(sparse, 8, np.random.RandomState(0))
    assert any(one.any() for one in labels) and not all(one.any() for one in labels)
    for name in (real / "train" / "masks").iterdir():
        write_image(name, np.zeros((128, 128), np.uint8))
    assert_refused(make("tuned", "--real", real, cwd=tmp_path), "nothing to tune to")
