"""Other percentiles, and one grey-value scale for a stack or for all images: what is used, recorded and made again."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from support import smooth
from test_segmentation_work import Model

from cellseg.data.normalisation import Grey, measure
from cellseg.errors import CellsegError
from cellseg.images.find import find_images
from cellseg.segmentation import work
from cellseg.segmentation.batch import plan
from cellseg.segmentation.folder_scale import folder_scale
from cellseg.segmentation.options import GREY, SegmentationOptions


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Segment the images in a folder as the command does; gives the names of those that were not kept."""
    monkeypatch.setattr(work, "loaded", lambda settings: Model)
    (tmp_path / "in").mkdir()

    def segment(out="out", **given):
        options, found = SegmentationOptions("net.caffemodel", Model.settings, **given), find_images([tmp_path / "in"])
        if options.scale_over == "folder":
            options = replace(options, scale=folder_scale(found, options))
        planned = plan(found, tmp_path / out, options)
        assert all(one.as_set for one in planned)
        done = [work.work(one.job, options) for one in planned if not one.record and not one.error]
        assert not any(outcome.error for outcome in done)
        return [outcome.job.name for outcome in done]

    return segment


def record_of(folder):
    return json.loads((folder / "image.json").read_text())


def scales(folder):
    return [tuple(plane["scale"].values()) for plane in record_of(folder)["planes"]]


def of_all(*images, **options):
    return tuple(measure(Grey(np.concatenate([image.ravel() for image in images])[None]), **options))


def test_other_percentiles_are_used_recorded_and_make_results_again(run, tmp_path):
    image = smooth(40, 50)
    tifffile.imwrite(tmp_path / "in/a.tif", image)
    assert run() == ["a.tif"] and run() == []
    assert record_of(tmp_path / "out/a.tif")["settings"]["percentiles"] is None
    assert run(percentiles=(5.0, 90.0)) == ["a.tif"] and run(percentiles=(5.0, 90.0)) == []
    assert scales(tmp_path / "out/a.tif") == [of_all(image, percentiles=(5, 90))] != [of_all(image)]
    said = record_of(tmp_path / "out/a.tif")["settings"]
    assert [said[name] for name in GREY] == [[5, 90], "plane", None]


def test_a_stack_has_one_scale(run, tmp_path):
    stack = np.stack([smooth(40, 50, seed) // (seed + 1) for seed in range(3)])
    tifffile.imwrite(tmp_path / "in/a.tif", stack, metadata={"axes": "TYX"}, photometric="minisblack")
    run("each")
    run("one", scale_over="image")
    assert scales(tmp_path / "each/a.tif") == [of_all(plane) for plane in stack]
    assert scales(tmp_path / "one/a.tif") == [of_all(stack)] * 3


def test_a_folder_has_one_scale_which_new_images_change(run, tmp_path):
    images = {"a.tif": smooth(40, 50), "b.tif": smooth(30, 20, 1) // 2, "c.tif": smooth(20, 20, 2) // 4}
    for name in ("a.tif", "b.tif"):
        tifffile.imwrite(tmp_path / "in" / name, images[name])
    (tmp_path / "in/bad.tif").write_bytes(b"II*")
    options = {"scale_over": "folder", "percentiles": (1.0, 98.0)}
    assert run(**options) == ["a.tif", "b.tif"] and run(**options) == []
    expected = of_all(images["a.tif"], images["b.tif"], percentiles=(1, 98))
    assert [scales(tmp_path / "out" / name) for name in ("a.tif", "b.tif")] == [[expected]] * 2
    tifffile.imwrite(tmp_path / "in/c.tif", images["c.tif"])
    assert run(**options) == list(images)
    expected = of_all(*images.values(), percentiles=(1, 98))
    assert [scales(tmp_path / "out" / name) for name in images] == [[expected]] * 3


def test_one_scale_for_two_types_of_values_is_refused(run, tmp_path):
    tifffile.imwrite(tmp_path / "in/a.tif", smooth(20, 20))
    tifffile.imwrite(tmp_path / "in/b.tif", smooth(20, 20).astype(np.float32))
    with pytest.raises(CellsegError, match=r"a.tif is channel 0 of .*b.tif channel 0 of float32.*--scale-over image"):
        run(scale_over="folder")
    assert not (tmp_path / "out").exists()
