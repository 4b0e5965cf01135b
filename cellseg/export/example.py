"""The image with which a package shows and tests itself: simulated, so it is nobody's data, and always the same."""

import numpy as np
from PIL import Image

from cellseg.files import replacing
from cellseg.simcep import Options, simulate

_SEED = 2016
#: On a dark background, as in fluorescence: the report's own simulated images are brighter between the cells.
_OPTIONS = {"population.template": (256, 256), "population.N": 20, "measurement.illumscale": 0.0}


def example_image(normalisation):
    """One simulated image, of whole grey values as of a camera with 8 bits; for "unchanged" of values from 0 to 1.

    Parameters
    ----------
    normalisation : str
        The model's.

    Returns
    -------
    ndarray of shape (256, 256), float32
    """
    image = simulate(Options().replace(_OPTIONS), _SEED).plane("nuclei")
    return (image if normalisation == "unchanged" else np.round(image * 255)).astype(np.float32)


def write_cover(path, image, probability):
    """Write a picture, twice as wide as high: an image and, to the right of it, its probability.

    Parameters
    ----------
    path : path
        Ends in .png.
    image : ndarray of shape (H, W)
        Shown from its least to its greatest value.
    probability : ndarray of shape (H, W)
        0 to 1.
    """
    low, high = float(image.min()), float(image.max())
    shown = (image - low) / ((high - low) or 1)
    grey = np.round(np.hstack([shown, np.clip(probability, 0, 1)]) * 255).astype(np.uint8)
    with replacing(path) as beside:
        Image.fromarray(grey).save(str(beside))
