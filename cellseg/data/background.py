"""The report's uneven background: simplex noise, added to half of the simulated images (its section 7.1)."""

import noise
import numpy as np

PERIOD = 128.0
OCTAVES = 3


def simplex_noise(shape, rng):
    """A smooth random field.

    Parameters
    ----------
    shape : tuple of int
        Height and width in pixels.
    rng : numpy.random.RandomState
        Chooses where in the (endless) noise the field is cut.

    Returns
    -------
    ndarray of shape (H, W)
        Values from exactly 0 to exactly 1. Its largest features are about 128 pixels wide. Two finer octaves have half
        and a quarter of their height.
    """
    row, column = rng.uniform(-1000, 1000, 2)
    height, width = shape
    field = np.array(
        [
            [noise.snoise2(column + x / PERIOD, row + y / PERIOD, octaves=OCTAVES) for x in range(width)]
            for y in range(height)
        ]
    )
    return (field - field.min()) / np.ptp(field)


def add_background(image, rng, amplitude=(0.1, 0.4)):
    """Add simplex noise to an image, as light of its own.

    The field lies under the cells as well, like the simulator's illumination. A background that stopped at the cells
    would show their outlines.

    Parameters
    ----------
    image : ndarray of shape (H, W)
        Grey values from 0 to 1.
    rng : numpy.random.RandomState
    amplitude : tuple of float
        Range from which the height of the field is drawn.

    Returns
    -------
    ndarray of shape (H, W)
        Clipped to 0 to 1, as a detector does.
    """
    return np.clip(image + rng.uniform(*amplitude) * simplex_noise(image.shape, rng), 0, 1)
