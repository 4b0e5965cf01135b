"""Cells over time: one number for a cell that moves, is missed once, or lies in a slice of its own."""

import csv

import numpy as np
import pytest
import tifffile
from support import LabelledPlane

from cellseg.segmentation.track_output import write_tracks
from cellseg.segmentation.tracking import track

pytest.importorskip("laptrack")


def planes(*frames, **index):
    """A plane for each time, with squares of 4 pixels whose centres are given."""
    done = []
    for time, centres in enumerate(frames):
        labels = np.zeros((60, 80), int)
        for number, (row, column) in enumerate(centres, start=1):
            labels[row - 2 : row + 2, column - 2 : column + 2] = number
        done.append(LabelledPlane(labels, T=time, **index))
    return done


def numbers(tracks):
    return [one.tolist() for one in tracks]


def test_cells_that_move_cross_and_are_missed():
    frames = [(10, 10), (30, 60)], [(31, 58), (12, 12)], [(14, 14)], [(32, 56), (16, 16), (50, 5)]
    tracks, notes = track(planes(*frames), 6)
    assert numbers(tracks) == [[1, 2], [2, 1], [1], [2, 1, 3]] and notes == []
    tracks, _ = track(planes(*frames), 2.5)
    assert numbers(tracks) == [[1, 2], [2, 3], [4], [2, 5, 6]]  # cells that move farther than that are others


def test_the_distance_is_the_cells_diameter_unless_given():
    tracks, notes = track(planes([(10, 10)], [(10, 14)], [(10, 19)]))  # 4.5 pixels
    assert numbers(tracks) == [[1], [1], [2]] and notes == []
    tracks, (note,) = track(planes([(10, 10)], [(10, 19)]))
    assert numbers(tracks) == [[1], [2]] and "0 of 1 cells" in note and "--track-distance" in note


def test_each_slice_is_followed_by_itself_and_no_cell_is_no_mistake():
    upper, lower = planes([(10, 10)], [(10, 11)], Z=0), planes([(10, 10)], [(10, 10)], Z=1)
    tracks, _ = track([upper[0], lower[0], upper[1], lower[1]])
    assert numbers(tracks) == [[1], [2], [1], [2]]
    assert numbers(track(planes([], [(10, 10)], []))[0]) == [[], [1], []]
    assert numbers(track(planes([], []))[0]) == [[], []] and numbers(track(planes([(9, 9)]))[0]) == [[1]]


def test_the_table_for_napari_and_the_image_of_tracks(tmp_path):
    done = planes([(10, 10), (30, 60)], [(30, 60), (11, 10)], [(30, 60)], Z=0)
    tracks, _ = track(done, 5)
    write_tracks(tmp_path, done, tracks, (3, 1, 60, 80), "TZ")
    with open(tmp_path / "tracks.csv", newline="") as stream:
        header, *rows = csv.reader(stream)
    assert header == ["track", "frame", "z", "y", "x", "label"]
    assert [row[:2] + row[5:] for row in rows] == [list(row) for row in ("101", "112", "202", "211", "221")]
    assert rows[1][2:5] == ["0", "10.5", "9.5"]
    image = tifffile.imread(tmp_path / "tracks.tif")
    assert image.dtype == np.uint16
    for one, of_plane, page in zip(done, tracks, image.reshape(3, 60, 80)):
        np.testing.assert_array_equal(page, np.append(0, of_plane)[one.array])
