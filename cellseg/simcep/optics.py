"""Focus: every connected group of cells lies at its own depth, which decides how blurred it is (the 2007 paper)."""

import numpy as np
from scipy import ndimage

#: Pixels from the middle to the edge of the blur window, which is 9 x 9 whatever the sigma.
REACH = 4
#: Standard deviation of the depths. Only the depths' ratios matter in the end.
DEPTH_SD = 0.5


def focus_kernel(sigma):
    """Gaussian of standard deviation `sigma` pixels, cut off after `REACH` pixels, with sum 1.

    The two-dimensional window is its product with itself. (The original sets weights below the machine's precision
    to 0, which changes nothing that could be seen.)

    Returns
    -------
    ndarray, (2 REACH + 1,) float
    """
    at = np.arange(-REACH, REACH + 1)
    kernel = np.exp(-(at**2) / (2 * sigma**2))
    return kernel / kernel.sum()


def focus_sigmas(foreground, focus_sigma, rng):
    """Draw the blur of each 8-connected component of the foreground.

    Each gets a depth, the absolute value of a normal number; the background's is 0. The depths of an image are
    stretched linearly from their own least and largest to `focus_sigma`. So the most defocused component of *every*
    image has the largest blur, however small its depth. (The original divides by 0 in an image without cells, and
    overlooks part of an image that is not square.)

    Parameters
    ----------
    foreground : ndarray, (height, width) bool
    focus_sigma : (float, float)
        Sigma in pixels of the least and of the largest depth.
    rng : numpy.random.RandomState

    Returns
    -------
    components : ndarray, (height, width) int
        Number of the component at each pixel, 0 in the background.
    sigmas : ndarray, (components + 1,) float
        Sigma of each, that of the background first.
    """
    components, number = ndimage.label(foreground, structure=np.ones((3, 3)))
    depths = np.abs(DEPTH_SD * rng.standard_normal(number))
    seen = depths if foreground.all() else np.append(depths, 0.0)
    least, largest = focus_sigma
    span = (seen.max() - seen.min()) or 1.0
    sigmas = least + (largest - least) * (depths - seen.min()) / span
    return components, np.append(least, sigmas)


def focus_blur(ideal, components, sigmas):
    """Blur each component by its own sigma. Its light spreads over its surroundings, over other components too.

    No light is lost or gained, except across the image's border: nothing shines in from outside.

    Parameters
    ----------
    ideal : ndarray, (height, width, channels) float
        Zero in the background.
    components : ndarray, (height, width) int
        As from `focus_sigmas`.
    sigmas : ndarray, (components + 1,) float

    Returns
    -------
    ndarray, (height, width, channels) float
    """
    height, width, channels = ideal.shape
    blurred = np.zeros((height + 2 * REACH, width + 2 * REACH, channels))
    for number, box in enumerate(ndimage.find_objects(components), start=1):
        light = np.where((components[box] == number)[..., None], ideal[box], 0.0)
        light = np.pad(light, [(REACH, REACH), (REACH, REACH), (0, 0)])
        kernel = focus_kernel(sigmas[number])
        for axis in (0, 1):
            light = ndimage.convolve1d(light, kernel, axis=axis, mode="constant")
        rows, columns = box
        blurred[rows.start : rows.stop + 2 * REACH, columns.start : columns.stop + 2 * REACH] += light
    return blurred[REACH:-REACH, REACH:-REACH]
