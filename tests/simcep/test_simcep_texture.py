import numpy as np
import pytest

from cellseg.simcep.shape import random_shape
from cellseg.simcep.texture import interpolation_matrix, texture


@pytest.mark.parametrize(
    "radius, shape, options, draws, mean, spread, square",
    [
        (10, (0.1, 0.1), (0.5, 2, 5, 0.2), 1000, 0.60, 0.16, 0.39),
        (25, (0.3, 0.05), (0.9, 2, 8, 0.2), 100, 0.60, 0.12, 0.38),
    ],
)
def test_levels_of_default_textures(radius, shape, options, draws, mean, spread, square):
    rng = np.random.RandomState(0)
    pixels = []
    for _ in range(draws):
        mask = random_shape(radius, *shape, rng)
        pixels.append(texture(mask.shape, *options, rng)[mask])
    pixels = np.concatenate(pixels)
    assert pixels.mean() == pytest.approx(mean, abs=0.01)
    assert pixels.std() == pytest.approx(spread, abs=0.01)
    assert np.mean(pixels**2) == pytest.approx(square, abs=0.015)


def test_range_is_bias_to_one():
    drawn = texture((30, 20), 0.5, 2, 5, 0.2, np.random.RandomState(0))
    assert drawn.shape == (30, 20)
    assert drawn.min() == pytest.approx(0.2) and drawn.max() == pytest.approx(1)


def keys(x):
    x = abs(x)
    return 1.5 * x**3 - 2.5 * x**2 + 1 if x <= 1 else -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def slow_texture(shape, persistence, first, octaves, seed):
    """The definition, one number at a time."""
    rng = np.random.RandomState(seed)
    total = np.zeros(shape)
    for octave in range(first, first + octaves):
        f = 2**octave
        grid = np.pad(rng.random_sample((f, f)), 1, mode="edge")
        smooth = np.array([[grid[i : i + 3, j : j + 3].mean() for j in range(f)] for i in range(f)])
        if f > 2:
            smooth = np.vstack(
                [3 * smooth[0] - 3 * smooth[1] + smooth[2], smooth, 3 * smooth[-1] - 3 * smooth[-2] + smooth[-3]]
            )
            before = 3 * smooth[:, 0] - 3 * smooth[:, 1] + smooth[:, 2]
            after = 3 * smooth[:, -1] - 3 * smooth[:, -2] + smooth[:, -3]
            smooth = np.column_stack([before, smooth, after])
        kernel, shift = (keys, 1) if f > 2 else (lambda x: max(0, 1 - abs(x)), 0)
        for i, row in enumerate(np.linspace(0, f - 1, shape[0])):
            for j, column in enumerate(np.linspace(0, f - 1, shape[1])):
                weights = np.outer(
                    [kernel(row + shift - k) for k in range(len(smooth))],
                    [kernel(column + shift - k) for k in range(len(smooth))],
                )
                total[i, j] += persistence**octave * (weights * smooth).sum()
    return (total - total.min()) / (total.max() - total.min())


@pytest.mark.parametrize("shape, first, octaves", [((9, 12), 1, 2), ((7, 5), 2, 2), ((1, 6), 1, 3)])
def test_against_the_definition(shape, first, octaves):
    fast = texture(shape, 0.7, first, octaves, 0, np.random.RandomState(5))
    assert fast == pytest.approx(slow_texture(shape, 0.7, first, octaves, 5), abs=1e-12)


def test_third_number_counts_octaves():
    rng = np.random.RandomState(0)
    texture((8, 8), 0.5, 2, 3, 0, rng)
    expected = np.random.RandomState(0)
    expected.random_sample(4**2 + 8**2 + 16**2)
    assert rng.random_sample() == expected.random_sample()


@pytest.mark.parametrize("points", [4, 8])
def test_cubic_is_exact_on_quadratics_up_to_the_border(points):
    at = np.linspace(0, points - 1, 23)
    matrix = interpolation_matrix(23, points)
    k = np.arange(points)
    assert matrix @ (3 - 2 * k + 0.5 * k**2) == pytest.approx(3 - 2 * at + 0.5 * at**2)
    assert matrix.sum(axis=1) == pytest.approx(1)
    assert matrix[0] == pytest.approx(np.eye(points)[0]) and matrix[-1] == pytest.approx(np.eye(points)[-1])


def test_two_points_are_interpolated_linearly():
    assert interpolation_matrix(3, 2) == pytest.approx(np.array([[1, 0], [0.5, 0.5], [0, 1]]))


def test_first_octave_below_one_is_one():
    drawn = [texture((9, 9), 0.5, first, 2, 0, np.random.RandomState(0)) for first in (-3, 0, 1)]
    assert np.array_equal(drawn[0], drawn[2]) and np.array_equal(drawn[1], drawn[2])


def test_single_pixel():
    assert texture((1, 1), 0.5, 2, 5, 0.2, np.random.RandomState(0)) == pytest.approx(0.2)
