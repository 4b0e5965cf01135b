"""The image that a package is tested and shown with. It is simulated, so it is nobody's data, and always the same."""

import numpy as np
from PIL import Image

from cellseg.files import replacing
from cellseg.simcep import Options, simulate

_SEED = 2016
#: The background is dark, as in fluorescence. The report's own simulated images are brighter between the cells.
_OPTIONS = {"population.template": (256, 256), "population.N": 20, "measurement.illumscale": 0.0}


def example_image(normalisation):
    """Simulate one image: whole grey values of 8 bits, as of a camera; for "unchanged" values from 0 to 1.

    Parameters
    ----------
    normalisation : str
        The model's rule.

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
        Image.fromarray(grey).save(beside)
