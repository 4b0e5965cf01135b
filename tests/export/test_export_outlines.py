"""Outlines: what is drawn from them is what they were traced from."""

import numpy as np
import pytest
from scipy import ndimage
from support import LabelledPlane

from cellseg.data.truth_outlines import Outline, draw
from cellseg.export import outlines as module
from cellseg.export.outlines import outlines, trace

EIGHT = np.ones((3, 3))


def picture(*rows):
    return np.array([[int(pixel) for pixel in row] for row in rows])


def drawn(traced, shape):
    return draw("x", [Outline("a", [ring for rings in polygons for ring in rings]) for polygons in traced], shape)


def area(ring):
    """By Green's theorem; rings that run to the right along upper edges are positive."""
    x, y = ring.T
    return ((x - np.roll(x, -1)) * (y + np.roll(y, -1))).sum() / 2


def check(labels):
    traced = trace(labels)
    np.testing.assert_array_equal(drawn(traced, labels.shape), labels)
    for number, polygons in enumerate(traced, start=1):
        assert len(polygons) == ndimage.label(labels == number)[1]
        assert sum(area(ring) for rings in polygons for ring in rings) == np.count_nonzero(labels == number)
        for outer, *holes in polygons:
            assert area(outer) > 0 and all(area(hole) < 0 for hole in holes)
            for ring in (outer, *holes):
                assert len(np.unique(ring, axis=0)) == len(ring)
                steps = np.roll(ring, -1, axis=0) - ring
                sideways = steps[:, 0] != 0
                assert ((steps != 0).sum(axis=1) == 1).all() and (sideways != np.roll(sideways, 1)).all()
    return traced


def test_a_square_and_where_it_lies():
    (((ring,),),) = trace(picture("000", "011", "011"), top=5)
    assert sorted(map(tuple, ring.tolist())) == [(1, 6), (1, 8), (3, 6), (3, 8)]


@pytest.mark.parametrize(
    ("rows", "parts", "holes"),
    [
        (("111", "101", "111"), 1, 1),
        (("010", "101", "010"), 4, 0),  # nothing of it has a hole: its parts meet at corners
        (("1111", "1011", "1101", "1111"), 1, 2),  # holes that meet at a corner
        (("1111", "1001", "1010", "1111"), 1, 1),  # the cell meets itself at a corner of its hole
        (("11111", "10001", "10101", "10001", "11111"), 2, 1),  # an island of the same cell
        (("22222", "21112", "21012", "21112", "22222"), 1, 1),  # a cell in the hole of another one
        (("1",), 1, 0),
    ],
)
def test_holes_and_corners(rows, parts, holes):
    polygons = check(picture(*rows))[0]
    assert len(polygons) == parts and sum(len(rings) - 1 for rings in polygons) == holes


def test_any_labels():
    random = np.random.RandomState(0)
    for density in (0.3, 0.5, 0.6, 0.7, 0.9) * 4:
        mask = random.rand(*random.randint(5, 16, 2)) < density
        check(ndimage.label(mask, EIGHT)[0])
        check(mask * random.choice([1, 2], mask.shape))
    assert trace(np.zeros((3, 4), int)) == []


def test_cells_of_a_plane_come_in_order_and_whole_from_bands(monkeypatch):
    labels = ndimage.label(ndimage.gaussian_filter(np.random.RandomState(0).rand(60, 50), 1.5) > 0.5, EIGHT)[0]
    labels = np.pad(labels, ((0, 0), (3, 0)))
    labels[2:58, 0] = labels.max() + 1  # the last one, as high as the plane, and then the first
    labels = np.where(labels == labels.max(), 1, np.where(labels > 0, labels + 1, 0))
    expected = trace(labels)
    monkeypatch.setattr(module, "_BAND", 53 * 7)
    found, pieces = [], 0
    for cells, traced in outlines(LabelledPlane(labels)):
        assert cells == slice(len(found), len(found) + len(traced))
        found, pieces = found + traced, pieces + 1
    assert pieces > 3
    np.testing.assert_array_equal(drawn(found, labels.shape), labels)
    assert str(found) == str(expected)
