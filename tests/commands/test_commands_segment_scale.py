"""cellseg segment with other percentiles, and with one grey-value scale for a stack or for all images."""

import json

import numpy as np
import pytest
import tifffile
from support import assert_refused, run_verb, smooth

from cellseg.data.normalisation import Grey, measure

pytestmark = pytest.mark.engine


def segment(model, cwd, *arguments):
    done = run_verb("segment", model, *arguments, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def record_of(folder):
    return json.loads((folder / "image.json").read_text())


def scales(folder):
    return [tuple(plane["scale"].values()) for plane in record_of(folder)["planes"]]


def of_all(*images, **options):
    return tuple(measure(Grey(np.concatenate([image.ravel() for image in images])[None]), **options))


def test_other_percentiles_are_used_recorded_and_make_results_again(model, tmp_path):
    image = smooth(40, 50)
    tifffile.imwrite(tmp_path / "a.tif", image)
    segment(model, tmp_path, "a.tif", "--out", "out")
    assert "grey_values" not in record_of(tmp_path / "out/a.tif")["settings"]
    done = segment(model, tmp_path, "a.tif", "--out", "out", "--percentiles", 5, 90)
    assert "1 segmented, 0 kept" in done.stdout
    assert scales(tmp_path / "out/a.tif") == [of_all(image, percentiles=(5, 90))] != [of_all(image)]
    said = record_of(tmp_path / "out/a.tif")["settings"]["grey_values"]
    assert said == {"percentiles": [5, 90], "scale_over": "plane", "scale": None}
    done = segment(model, tmp_path, "a.tif", "--out", "out", "--percentiles", 5, 90)
    assert "0 segmented, 1 kept" in done.stdout and "other settings" not in done.stdout
    assert_refused(run_verb("segment", model, "a.tif", "--out", "x", "--percentiles", 9, 2, cwd=tmp_path), "lower one")
    wrong = ["--percentiles", 1, 99, "--normalisation", "standard"]
    assert_refused(run_verb("segment", model, "a.tif", "--out", "x", *wrong, cwd=tmp_path), "takes no percentiles")


def test_a_stack_has_one_scale(model, tmp_path):
    stack = np.stack([smooth(40, 50, seed) // (seed + 1) for seed in range(3)])
    tifffile.imwrite(tmp_path / "a.tif", stack, metadata={"axes": "TYX"})
    segment(model, tmp_path, "a.tif", "--out", "each")
    segment(model, tmp_path, "a.tif", "--out", "one", "--scale-over", "image")
    assert scales(tmp_path / "each/a.tif") == [of_all(plane) for plane in stack]
    assert scales(tmp_path / "one/a.tif") == [of_all(stack)] * 3


def test_a_folder_has_one_scale_which_new_images_change(model, tmp_path):
    images = {"a.tif": smooth(40, 50), "b.tif": smooth(30, 20, 1) // 2, "c.tif": smooth(20, 20, 2) // 4}
    (tmp_path / "in").mkdir()
    for name in ("a.tif", "b.tif"):
        tifffile.imwrite(tmp_path / "in" / name, images[name])
    (tmp_path / "in/bad.tif").write_bytes(b"II*")
    options = ["in", "--out", "out", "--scale-over", "folder", "--percentiles", 1, 98]
    done = run_verb("segment", model, *options, "--workers", 2, cwd=tmp_path)
    assert done.returncode == 1 and "bad.tif" in done.stderr and "2 segmented" in done.stdout
    (tmp_path / "in/bad.tif").unlink()
    expected = of_all(images["a.tif"], images["b.tif"], percentiles=(1, 98))
    assert [scales(tmp_path / "out" / name) for name in ("a.tif", "b.tif")] == [[expected]] * 2
    assert "0 segmented, 2 kept" in segment(model, tmp_path, *options).stdout
    tifffile.imwrite(tmp_path / "in/c.tif", images["c.tif"])
    assert "3 segmented, 0 kept" in segment(model, tmp_path, *options).stdout
    expected = of_all(*images.values(), percentiles=(1, 98))
    assert [scales(tmp_path / "out" / name) for name in images] == [[expected]] * 3


def test_one_scale_for_two_types_of_values_is_refused(model, tmp_path):
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in/a.tif", smooth(20, 20))
    tifffile.imwrite(tmp_path / "in/b.tif", smooth(20, 20).astype(np.float32))
    done = run_verb("segment", model, "in", "--out", "out", "--scale-over", "folder", cwd=tmp_path)
    assert_refused(done, "a.tif is channel 0 of", "b.tif channel 0 of float32", "--scale-over image")
    assert not (tmp_path / "out").exists()
