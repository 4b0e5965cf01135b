"""Grey values to network input: one named rule, applied alike to simulated and real images, image by image."""

import numpy as np

from cellseg.errors import CellsegError

LOW, HIGH = 1.0, 99.8


def percentile(image):
    """Map the 1st percentile to 0 and the 99.8th to 1, and clip: indifferent to exposure, offset and bit depth."""
    low, high = np.percentile(image, [LOW, HIGH])
    return np.clip((image - low) / (high - low), 0, 1) if high > low else np.zeros(image.shape)


def root(image):
    """The square root of `percentile`: dim cells beside bright ones keep their contrast."""
    return np.sqrt(percentile(image))


def standard(image):
    """Subtract the mean and divide by the standard deviation, as Xie et al. do with each patch."""
    deviation = image.std()
    return (image - image.mean()) / deviation if deviation > 0 else np.zeros(image.shape)


def unchanged(image):
    """Leave the values as they are: for images that already share one scale of about 0 to 1."""
    return image


RULES = {"percentile": percentile, "root": root, "standard": standard, "unchanged": unchanged}


def normalise(image, name="percentile"):
    """Apply a rule to one image.

    Parameters
    ----------
    image : ndarray of shape (H, W)
        Grey values of any scale.
    name : {"percentile", "root", "standard", "unchanged"}

    Returns
    -------
    ndarray of shape (H, W), float32
        All 0 for a constant image, but under "unchanged".

    Raises
    ------
    CellsegError
        If no rule has that name.
    """
    if name not in RULES:
        raise CellsegError(f"no normalisation is called '{name}'; there are: {', '.join(RULES)}")
    return RULES[name](np.asarray(image, np.float64)).astype(np.float32)
