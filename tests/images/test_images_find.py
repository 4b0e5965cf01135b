"""Which images are found, and that no two share the place of their results."""

import os
from pathlib import Path

import pytest

from cellseg.errors import CellsegError
from cellseg.images.find import find_images, identify

FILES = ["b.png", "a.tif", "A.TIFF", "notes.txt", ".hidden.png", "day1/a.tif", "day2/a.tif", "day2/deep/c.jpeg"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in FILES + ["plate.zarr/0/a.tif", "results/a.tif/labels.tif"]:
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).write_text("")
    return "images"


def names(*arguments, **options):
    return [found.name for found in find_images(*arguments, **options)]


def test_a_folder_gives_its_images_by_name(folder):
    assert names([folder]) == ["A.TIFF", "a.tif", "b.png", "plate.zarr"]
    assert names([folder], "*.tif*") == ["A.TIFF", "a.tif"]
    assert [str(found.path) for found in find_images([folder])][1] == os.path.join("images", "a.tif")


def test_folders_of_folders_keep_images_of_one_name_apart(folder):
    found = names([folder], recursive=True, leave_out="images/results")
    assert found == ["A.TIFF", "a.tif", "b.png", "day1/a.tif", "day2/a.tif", "day2/deep/c.jpeg", "plate.zarr"]
    assert "results/a.tif/labels.tif" in names([folder], recursive=True)


def test_inputs_from_several_places_keep_images_of_one_name_apart(folder):
    assert names(["images/day1", "images/day2"]) == ["day1/a.tif", "day2/a.tif"]
    assert names(["images/day1/a.tif", "images/day2/a.tif"]) == ["day1/a.tif", "day2/a.tif"]
    assert names(["images/day1/a.tif"]) == ["a.tif"]


def test_an_image_that_is_named_twice_is_taken_once(folder):
    assert names(["images/a.tif", folder, "images/day1/../a.tif"], "*.tif") == ["a.tif"]


def test_links_are_images_of_their_own_names(folder):
    os.makedirs("store")
    (Path("store") / "MD5-1.tif").write_text("")
    for name in ("one.tif", "two.tif"):
        os.symlink("../store/MD5-1.tif", f"images/{name}")
    os.symlink("gone.tif", "images/dangling.tif")
    assert names([folder], "*.tif") == ["a.tif", "dangling.tif", "one.tif", "two.tif"]
    assert names(["images/one.tif", "store/MD5-1.tif"]) == ["images/one.tif", "store/MD5-1.tif"]
    assert names(["images/dangling.tif"]) == ["dangling.tif"]


def test_what_an_image_is_changes_with_its_file(folder):
    path = Path("images/a.tif")
    first = identify(path)
    assert first == identify(path) and first.path == os.path.realpath(path)
    os.symlink("a.tif", "images/link.tif")
    assert identify("images/link.tif") == first
    path.write_text("more")
    assert identify(path).size == 4
    os.utime(path, ns=(1, 1))
    assert identify(path).modified == 1
    chunk = Path("images/plate.zarr/0/a.tif")
    before = identify("images/plate.zarr")
    chunk.write_text("changed")
    assert identify("images/plate.zarr") != before


def test_a_file_is_taken_whatever_its_name(folder):
    assert names(["images/notes.txt"]) == ["notes.txt"]


@pytest.mark.parametrize(
    "arguments, words",
    [((["nowhere"],), "nowhere: no such"), ((["images/empty"],), "no image here"), ((["images"], "*.gif"), "gif")],
)
def test_nothing_to_segment_is_said(folder, arguments, words):
    Path("images/empty").mkdir()
    with pytest.raises(CellsegError, match=words):
        find_images(*arguments)
