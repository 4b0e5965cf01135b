"""Value noise of several octaves: the texture of cells and of the autofluorescent background (the 2007 paper)."""

import functools

import numpy as np


def _mean_matrix(points):
    """Mean of each of `points` values and its two neighbours, the end values repeated beyond the ends."""
    index = np.arange(points)
    matrix = np.zeros((points, points))
    for shift in (-1, 0, 1):
        matrix[index, np.clip(index + shift, 0, points - 1)] += 1 / 3
    return matrix


def interpolation_matrix(size, points):
    """Weights that interpolate `points` equally spaced values at `size` places from the first value to the last.

    Linear for fewer than three values; otherwise cubic convolution (Keys 1981, a = -1/2), for which the values
    beyond each end follow from the quadratic through the three end values: v[-1] = 3 v[0] - 3 v[1] + v[2].

    Returns
    -------
    ndarray, (size, points) float
        Each row sums to 1.
    """
    place = np.linspace(0, points - 1, size)
    left = np.minimum(place.astype(int), points - 2)
    t = place - left
    index = np.arange(size)
    if points < 3:
        weights = np.zeros((size, points))
        weights[index, left] = 1 - t
        weights[index, left + 1] = t
        return weights
    weights = np.zeros((size, points + 2))  # with one value beyond each end
    weights[index, left] = ((2 - t) * t - 1) * t / 2
    weights[index, left + 1] = ((3 * t - 5) * t * t + 2) / 2
    weights[index, left + 2] = ((4 - 3 * t) * t + 1) * t / 2
    weights[index, left + 3] = (t - 1) * t * t / 2
    weights[:, 1:4] += weights[:, :1] * np.array([3.0, -3.0, 1.0])
    weights[:, -4:-1] += weights[:, -1:] * np.array([1.0, -3.0, 3.0])
    return weights[:, 1:-1]


@functools.lru_cache(maxsize=2048)
def _octave_matrix(size, points):
    matrix = interpolation_matrix(size, points) @ _mean_matrix(points)
    matrix.setflags(write=False)
    return matrix


def texture(shape, persistence, first_octave, octaves, bias, rng):
    """Draw a texture.

    Octave o is a grid of 2**o x 2**o uniform random numbers, smoothed by a 3 x 3 mean and interpolated to the whole
    of `shape` with the corners aligned (`interpolation_matrix`), times persistence**o. The sum of the octaves is
    stretched to [0, 1] over `shape`, then to [bias, 1]. Octaves finer than the pixels act as pixel noise.

    Parameters
    ----------
    shape : (int, int)
        Height and width in pixels.
    persistence : float
        Weight of an octave relative to the one before; positive.
    first_octave : int
        Coarsest octave; less than 1 counts as 1.
    octaves : int
        Number of octaves. (The original's option file calls it the last octave; its code counts.)
    bias : float
        Smallest value, 0 to 1.
    rng : numpy.random.RandomState

    Returns
    -------
    ndarray, `shape` float
        From `bias` to 1; a constant `bias` where there is no contrast to stretch (a single pixel).
    """
    height, width = shape
    first_octave = max(1, first_octave)
    total = np.zeros(shape)
    for octave in range(first_octave, first_octave + octaves):
        points = 2**octave
        grid = rng.random_sample((points, points))
        total += persistence**octave * (_octave_matrix(height, points) @ grid @ _octave_matrix(width, points).T)
    total -= total.min()
    largest = total.max()
    if largest > 0:
        total /= largest
    return bias + (1 - bias) * total
