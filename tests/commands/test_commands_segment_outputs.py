"""cellseg segment: what is written besides, which cells are kept, and cells over time."""

import csv
import json

import numpy as np
import pytest
import tifffile
from support import assert_refused, run_verb, smooth

from cellseg.data.truth import read_truth
from cellseg.segmentation import segment as segment_array

pytestmark = pytest.mark.engine


def rows_of(path):
    with open(path, newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def image():
    return smooth(140, 150)


@pytest.fixture(scope="module")
def plain(model, image):
    return segment_array(image, model)


def test_files_for_other_programs_hold_the_labels(model, image, plain, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", image)
    options = ["--roi", "--geojson", "--properties", "perimeter", "bbox", "perimeter"]
    done = run_verb("segment", model, "a.tif", "--out", "out", "--tile", 40, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "out/a.tif"
    labels = tifffile.imread(folder / "labels.tif")
    np.testing.assert_array_equal(labels, plain.labels)
    for name in ("RoiSet.zip", "cells.geojson"):
        np.testing.assert_array_equal(read_truth(folder / name, labels.shape).labels, labels)
    rows = rows_of(tmp_path / "out/objects.csv")
    assert list(rows[0])[-6:] == ["centroid_column_um", "perimeter", *(f"bbox-{n}" for n in range(4))]
    assert [row["top"] for row in rows] == [row["bbox-0"] for row in rows]
    measured = json.loads((folder / "cells.geojson").read_text())["features"][0]["properties"]["measurements"]
    assert measured["perimeter"] == float(rows[0]["perimeter"])
    settings = json.loads((folder / "image.json").read_text())["settings"]
    assert settings["outputs"] == ["RoiSet.zip", "cells.geojson"] and settings["properties"] == ["perimeter", "bbox"]
    done = run_verb("segment", model, "a.tif", "--out", "out", *options, cwd=tmp_path)
    assert "1 kept as they are\n" not in done.stdout and "other settings" in done.stdout  # of --tile
    again = run_verb("segment", model, "a.tif", "--out", "out", "--tile", 40, *options, cwd=tmp_path)
    assert "1 kept" in again.stdout and "other settings" not in again.stdout


def test_cells_at_the_border_and_large_ones_are_left_out(model, image, plain, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", image)
    edge = np.unique(np.concatenate([plain.labels[0], plain.labels[-1], plain.labels[:, 0], plain.labels[:, -1]]))
    inside = ~np.isin(np.arange(len(plain.objects) + 1), [0, *edge])
    areas = np.bincount(plain.labels.ravel())
    largest = int(np.sort(areas[inside])[-2])
    kept = inside & (areas <= largest)
    assert 0 < kept.sum() < inside.sum() and (areas[edge[edge > 0]] <= largest).any()
    options = ["--drop-border", "--largest-object", largest]
    assert run_verb("segment", model, "a.tif", "--out", "out", *options, cwd=tmp_path).returncode == 0
    numbers = np.where(kept, np.cumsum(kept), 0)
    labels = tifffile.imread(tmp_path / "out/a.tif/labels.tif")
    np.testing.assert_array_equal(labels, numbers[plain.labels])
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out/a.tif/mask.tif") > 0, labels > 0)
    rows, (summary,) = rows_of(tmp_path / "out/objects.csv"), rows_of(tmp_path / "out/summary.csv")
    assert len(rows) == int(summary["count"]) == labels.max() and {row["touches_border"] for row in rows} == {"0"}
    assert float(summary["covered_fraction"]) == pytest.approx((labels > 0).mean(), abs=1e-6)
    np.testing.assert_array_equal(segment_array(image, model, drop_border=True, largest_object=largest).labels, labels)


def test_cells_over_time(model, image, plain, tmp_path):
    pytest.importorskip("laptrack")
    tifffile.imwrite(tmp_path / "a.tif", np.stack([image, image[::-1], image]), imagej=True, metadata={"axes": "TYX"})
    tifffile.imwrite(tmp_path / "b.tif", image)
    done = run_verb("segment", model, "a.tif", "b.tif", "--out", "out", "--track", "--track-distance", 3, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    labels, tracks = (tifffile.imread(tmp_path / f"out/a.tif/{name}.tif") for name in ("labels", "tracks"))
    rows = rows_of(tmp_path / "out/a.tif/objects.csv")
    assert len(rows) == len(rows_of(tmp_path / "out/a.tif/tracks.csv"))
    for row in rows:
        here = labels[int(row["T"])] == int(row["label"])
        assert set(tracks[int(row["T"])][here]) == {int(row["track"])}
    assert [row["track"] for row in rows if row["T"] == "0"] == [row["track"] for row in rows if row["T"] == "2"]
    assert {row["track"] for row in rows_of(tmp_path / "out/b.tif/objects.csv")} == {""}
    assert "no time axis" in rows_of(tmp_path / "out/summary.csv")[1]["warnings"]
    assert not (tmp_path / "out/b.tif/tracks.csv").exists()


def test_refused_at_once(model, image, tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", image)

    def refused(options, *words):
        assert_refused(run_verb("segment", model, "a.tif", "--out", "out", *options, cwd=tmp_path), *words)

    refused(["--properties", "perimetre"], "did you mean perimeter")
    refused(["--largest-object", 5], "no cell is left", "below 6 pixels")
    refused(["--track-distance", 5], "give that, too")
    monkeypatch.setattr("cellseg.segmentation.tracking.LIBRARIES", ("no_such_library",))
    refused(["--track"], "pip install 'cellseg-caffe[track]'")
    assert not (tmp_path / "out").exists()
