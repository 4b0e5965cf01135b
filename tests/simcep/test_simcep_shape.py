import numpy as np
import pytest

from cellseg.simcep.shape import SAMPLES, fill_polygon, random_outline, random_shape


@pytest.mark.parametrize("radius, alpha, beta, spread, side", [(10, 0.1, 0.1, 0.04, 2.02), (25, 0.3, 0.05, 0.12, 2.15)])
def test_areas_and_sides(radius, alpha, beta, spread, side):
    rng = np.random.RandomState(0)
    masks = [random_shape(radius, alpha, beta, rng) for _ in range(1500)]
    areas = np.array([mask.sum() for mask in masks])
    assert areas.mean() == pytest.approx(np.pi * radius**2, rel=0.01)
    assert areas.std() / areas.mean() == pytest.approx(spread, rel=0.15)
    sides = np.array([mask.shape for mask in masks])
    assert sides.mean() / radius == pytest.approx(side, rel=0.02)
    assert sides[:, 0].mean() == pytest.approx(sides[:, 1].mean(), rel=0.02)


def test_box_is_tight():
    rng = np.random.RandomState(1)
    for _ in range(50):
        mask = random_shape(6, 0.3, 0.1, rng)
        assert mask[0].any() and mask[-1].any() and mask[:, 0].any() and mask[:, -1].any()


def test_undisturbed_outline_is_a_circle():
    outline = random_outline(0, 0, np.random.RandomState(0))
    assert outline.shape == (SAMPLES, 2)
    assert np.hypot(*outline.T) == pytest.approx(1, abs=0.002)
    assert outline[0] == pytest.approx([1, 0]) and outline[-1] == pytest.approx([1, 0])
    assert outline[SAMPLES // 4, 1] > 0.9  # from the row axis towards positive columns


def test_outline_is_smooth_where_it_closes():
    outline = random_outline(0.3, 0.1, np.random.RandomState(2))
    steps = np.diff(outline, axis=0)
    assert np.abs(steps[0] - steps[-1]).max() < 0.1 * np.abs(steps).max()


def test_sine_and_cosine_are_disturbed_independently():
    rng = np.random.RandomState(0)
    radii = np.array([np.hypot(*random_outline(0, 0.5, rng)[0]) for _ in range(200)])
    assert radii.std() > 0.05  # with one disturbance for both, every vertex would lie on the circle


def even_odd(vertices, row, column):
    """Ray casting for one point, pushed a little down and to the right, off the outline."""
    row, column = row + 1e-4, column + 1e-7
    inside = False
    for (r0, c0), (r1, c1) in zip(vertices, np.roll(vertices, -1, axis=0)):
        if (r0 > row) != (r1 > row) and column > c0 + (row - r0) * (c1 - c0) / (r1 - r0):
            inside = not inside
    return inside


def test_polygon_against_ray_casting():
    rng = np.random.RandomState(3)
    for corners in (3, 4, 7):
        for _ in range(20):
            vertices = rng.randint(0, 12, (corners, 2))
            mask = fill_polygon(vertices)
            centres = {tuple(point) for point in np.argwhere(mask)}
            # A pixel centre exactly on a slanted edge can fall on either side of the push; those are left out.
            for row, column in np.ndindex(mask.shape):
                left, right = even_odd(vertices, row, column - 1e-2), even_odd(vertices, row, column + 1e-2)
                if left == right:
                    assert ((row, column) in centres) == left


def test_polygon_of_a_square_keeps_its_area():
    mask = fill_polygon(np.array([[1, 2], [1, 5], [4, 5], [4, 2]]))
    expected = np.zeros((5, 6), bool)
    expected[1:4, 2:5] = True
    assert np.array_equal(mask, expected)


def test_smallest_shape_has_a_pixel():
    rng = np.random.RandomState(0)
    assert min(random_shape(0.1, 0.1, 0.1, rng).sum() for _ in range(20)) >= 1
