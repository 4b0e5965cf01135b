import json

import numpy as np
import pytest
from PIL import Image
from support import assert_refused, run_verb


def run(*arguments, cwd):
    return run_verb("simulate", *arguments, cwd=cwd)


def read(path):
    with Image.open(str(path)) as image:
        return image.mode, np.array(image)


def test_png_folder(tmp_path):
    done = run(
        "--out",
        "out",
        "--count",
        3,
        "--seed",
        7,
        "--size",
        64,
        96,
        "--set",
        "population.N=5",
        "--set",
        "cell_obj.nucleus.shape=0.2,0.1",
        cwd=tmp_path,
    )
    assert done.returncode == 0 and done.stderr == ""
    out = tmp_path / "out"
    assert sorted(item.name for item in out.iterdir()) == [".cellseg.json", "images", "labels", "masks", "options.json"]
    names = [f"{index:05d}.png" for index in range(3)]
    for folder, dtype in (("images", np.uint8), ("masks", np.uint8), ("labels", np.int64)):
        assert sorted(item.name for item in (out / folder).iterdir()) == names
        for name in names:
            mode, array = read(out / folder / name)
            assert array.shape == (64, 96) and (mode == "L") == (dtype == np.uint8)
    mask, labels = read(out / "masks" / names[0])[1], read(out / "labels" / names[0])[1]
    assert set(np.unique(mask)) == {0, 255} and np.array_equal(mask > 0, labels > 0) and 3 <= labels.max() <= 5
    record = json.loads((out / "options.json").read_text())
    assert record["seed"] == 7 and record["options"]["population"]["N"] == 5
    assert record["options"]["cell_obj"]["nucleus"]["shape"] == [0.2, 0.1]


def test_a_record_gives_the_same_images_again_and_replaces_an_earlier_result(tmp_path):
    first = ("--count", 2, "--seed", 3, "--size", 40, 50)
    assert run("--out", "a", *first, cwd=tmp_path).returncode == 0
    assert run("--out", "b", "--count", 4, cwd=tmp_path).returncode == 0
    again = run("--out", "b", "--options", "a/options.json", "--count", 2, "--seed", 3, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    for folder in ("images", "masks", "labels"):
        files = sorted((tmp_path / "a" / folder).iterdir())
        assert [item.name for item in files] == sorted(item.name for item in (tmp_path / "b" / folder).iterdir())
        assert all(item.read_bytes() == (tmp_path / "b" / folder / item.name).read_bytes() for item in files)


def test_16_bit_tif_of_the_cytoplasm(tmp_path):
    done = run(
        "--out",
        "out",
        "--count",
        1,
        "--size",
        90,
        80,
        "--format",
        "tif",
        "--bits",
        16,
        "--channel",
        "cytoplasm",
        "--set",
        "cell_obj.cytoplasm.include=true",
        "--set",
        "population.N=2",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    mode, image = read(tmp_path / "out" / "images" / "00000.tif")
    assert image.shape == (90, 80) and mode == "I;16" and image.max() > 255
    assert (read(tmp_path / "out" / "masks" / "00000.tif")[1] > 0).sum() > 1200  # more than two nuclei


def test_full_image_is_one_line(tmp_path):
    done = run(
        "--out",
        "out",
        "--count",
        1,
        "--size",
        64,
        64,
        "--set",
        "population.overlap=0",
        "--set",
        "population.N=500",
        cwd=tmp_path,
    )
    assert done.returncode == 0 and len(done.stderr.splitlines()) == 1 and "1 of 1 images are full" in done.stderr


BAD = [
    (["--set", "population.M=3"], "population.N, "),
    (["--set", "population.N=many"], "not 'many'"),
    (["--set", "population.N"], "NAME=VALUE"),
    (["--size", "0", "10"], "population.template"),
    (["--count", "0"], "--count: 0"),
    (["--count", "some"], "--count"),
    (["--seed", "-1"], "seed"),
    (["--channel", "cytoplasm"], "cell_obj.cytoplasm.include=1"),
    (["--options", "missing.json"], "missing.json"),
    (["--options", "broken.json"], "broken.json"),
    (["--options", "unknown.json"], "unknown.json: option zoom: unknown"),
    (["--format", "bmp"], "--format"),
    (["--out", "broken.json"], "is a file"),
    (["--out", "broken.json/out"], "broken.json"),
    (["--out", "."], "is the working folder"),
    (["--out", "dataset"], "dataset: holds 'images'"),
]


def fill(folder):
    """Make the files of the bad inputs; return what is there."""
    (folder / "broken.json").write_text("{")
    (folder / "unknown.json").write_text('{"zoom": 1}')
    (folder / "dataset" / "images").mkdir(parents=True)
    return contents(folder)


def contents(folder):
    return sorted(str(item) for item in folder.rglob("*"))


@pytest.mark.parametrize("arguments, part", BAD)
def test_bad_input_is_one_line_and_changes_nothing(tmp_path, arguments, part):
    before = fill(tmp_path)
    done = run("--out", "out", "--count", 1, *arguments, cwd=tmp_path)
    assert_refused(done, part)
    assert done.stdout == "" and contents(tmp_path) == before
