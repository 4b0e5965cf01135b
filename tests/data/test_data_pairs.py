"""Which files are found to be the truth of which image."""

import numpy as np
import pytest

from cellseg.data.pairs import find_annotated, pair_folders
from cellseg.errors import CellsegError
from cellseg.images.registry import SUFFIXES
from cellseg.images.write import write_image


def pairs(folder):
    return [tuple(str(file.relative_to(folder)) for file in (one.image, *one.truth)) for one in find_annotated(folder)]


def make(folder, *names):
    for name in names:
        path = folder / name
        if path.suffix in SUFFIXES:
            write_image(path, np.eye(8, dtype=np.uint8))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


def test_masks_may_lie_beside_their_images_and_end_in_masks(tmp_path):
    make(tmp_path / "a", "images/x.png", "images/y.tif", "masks/x_masks.png", "masks/y_mask.tif")
    assert pairs(tmp_path / "a") == [("images/x.png", "masks/x_masks.png"), ("images/y.tif", "masks/y_mask.tif")]
    make(tmp_path / "b", "images/x.png", "images/x_masks.tif", "images/y.png", "masks/y.png")
    assert pairs(tmp_path / "b") == [("images/x.png", "images/x_masks.tif"), ("images/y.png", "masks/y.png")]
    make(tmp_path / "c", "x.png", "x_masks.png")
    assert pairs(tmp_path / "c") == [("x.png", "x_masks.png")]
    make(tmp_path / "d", "images/x.ome.tif", "masks/x.png")
    assert pairs(tmp_path / "d") == [("images/x.ome.tif", "masks/x.png")]


def test_two_masks_of_one_image_are_refused(tmp_path):
    make(tmp_path, "images/x.png", "masks/x.png", "masks/x_masks.png")
    with pytest.raises(CellsegError, match=r"images/x.png: .*masks/x.png and .*masks/x_masks.png .* keep one"):
        find_annotated(tmp_path)


def test_a_mask_of_no_image_is_refused(tmp_path):
    make(tmp_path, "images/x.png", "masks/x.png", "masks/z_masks.png")
    with pytest.raises(CellsegError, match="z_masks.png: has no counterpart"):
        find_annotated(tmp_path)


@pytest.mark.parametrize(
    "ending", ["_mask.png", "_masks.tif", "_label.png", "_labels.tif", "_cp_masks.png", ".geojson"]
)
@pytest.mark.parametrize("place", ["", "images/", "masks/", "labels/"])
def test_names_as_programs_give_them(tmp_path, ending, place):
    images = "images/" if place else ""
    make(tmp_path, f"{images}x.png", f"{place}x{ending}", f"{images}x_1.png", f"{place}x_1{ending}")
    assert pairs(tmp_path) == [(f"{images}{name}.png", f"{place}{name}{ending}") for name in ("x", "x_1")]


def test_images_may_lie_beside_their_folder_of_labels(tmp_path):
    make(tmp_path, "x.png", "labels/x.tif")
    assert pairs(tmp_path) == [("x.png", "labels/x.tif")]


@pytest.mark.parametrize("name", ["x.zip", "x.roi", "x_rois.zip", "x_RoiSet.zip", "x.tif.zip", "x.ome.tif.zip"])
def test_names_of_outlines(tmp_path, name):
    make(tmp_path, "images/x.ome.tif", f"masks/{name}")
    assert pairs(tmp_path) == [("images/x.ome.tif", f"masks/{name}")]


def test_the_longest_name_of_an_image_owns_a_mask(tmp_path):
    make(tmp_path, "x.png", "x_cp.png", "x_mask.png", "x_cp_masks.png")
    assert pairs(tmp_path) == [("x.png", "x_mask.png"), ("x_cp.png", "x_cp_masks.png")]


def test_an_image_may_be_called_after_a_selection(tmp_path):
    make(tmp_path, "images/x.png", "images/x_roi.png", "masks/x.png", "masks/x_roi.png")
    assert pairs(tmp_path) == [("images/x.png", "masks/x.png"), ("images/x_roi.png", "masks/x_roi.png")]


def test_labels_go_before_masks_and_what_lies_beside(tmp_path):
    make(tmp_path, "images/x.png", "images/x_mask.png", "masks/x.png", "labels/x.png")
    assert pairs(tmp_path) == [("images/x.png", "labels/x.png")]


def test_each_image_may_have_a_folder(tmp_path):
    make(tmp_path, "b/images/b.png", "b/masks/2.png", "b/masks/1.png", "a/images/a.png", "a/masks/1.png")
    assert pairs(tmp_path) == [
        ("a/images/a.png", "a/masks/1.png"),
        ("b/images/b.png", "b/masks/1.png", "b/masks/2.png"),
    ]
    make(tmp_path, "b/images/c.png")
    with pytest.raises(CellsegError, match="b/images: holds 2 images; .* give .*b$"):
        find_annotated(tmp_path)


def test_a_folder_of_an_image_without_masks_is_refused(tmp_path):
    make(tmp_path, "a/images/a.png")
    with pytest.raises(CellsegError, match="a/masks: no such folder"):
        find_annotated(tmp_path)
    (tmp_path / "a" / "masks").mkdir()
    with pytest.raises(CellsegError, match="a/masks: holds no mask"):
        find_annotated(tmp_path)


def test_images_and_truth_in_folders_of_their_own(tmp_path):
    make(tmp_path, *(f"in/{name}.png" for name in "abc"), "t/a_labels.tif", "t/b.geojson", "t/c.zip", "t/z.tif")
    found = {
        kind: pair_folders(tmp_path / "in", tmp_path / "t", suffixes)
        for kind, suffixes in {"labels": SUFFIXES, "qupath": (".geojson",), "roi": (".roi", ".zip")}.items()
    }
    named = {kind: [(one.image.name, one.truth[0].name) for one in pairs] for kind, (pairs, _) in found.items()}
    assert named == {
        "labels": [("a.png", "a_labels.tif")],
        "qupath": [("b.png", "b.geojson")],
        "roi": [("c.png", "c.zip")],
    }
    assert [path.name for path in found["labels"][1]] == ["b.png", "c.png", "z.tif"]
    assert [path.name for path in found["roi"][1]] == ["a.png", "b.png"]
    with pytest.raises(CellsegError, match=r"none of its 3 images has a file of that name \(.roi\)"):
        pair_folders(tmp_path / "in", tmp_path / "t", (".roi",))
    make(tmp_path / "one", "a.png", "a_mask.png", "b.png")
    pairs, left_out = pair_folders(tmp_path / "one", tmp_path / "one", SUFFIXES)
    assert [one.truth[0].name for one in pairs] == ["a_mask.png"] and [path.name for path in left_out] == ["b.png"]
