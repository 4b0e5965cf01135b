"""What one gets without a network: thresholds on grey values.

The threshold that is chosen is the one with the highest Matthews correlation over the pixels of all given images.
"""

import numpy as np
from skimage.filters import threshold_local, threshold_otsu

from cellseg.evaluation.sweep import Sweep

#: Sides in pixels of the neighbourhoods from which `choose_local` chooses.
BLOCKS = (15, 25, 41, 65, 101)
_STEPS, _OFFSETS = np.arange(1001) / 1000, np.arange(-50, 51) / 100


def otsu(image):
    """Segment one image by its own Otsu threshold.

    Parameters
    ----------
    image : ndarray of shape (H, W)

    Returns
    -------
    ndarray of shape (H, W), bool
        All background for an image of one value.
    """
    return image > threshold_otsu(image) if np.ptp(image) > 0 else np.zeros(image.shape, bool)


def local(image, block, offset):
    """Segment one image by a local threshold: the Gaussian-weighted mean of each pixel's neighbourhood.

    Parameters
    ----------
    image : ndarray of shape (H, W)
    block : int
        Side of the neighbourhood in pixels, odd. The Gaussian's sigma is (block - 1) / 6.
    offset : float
        Subtracted from the mean, as in `skimage.filters.threshold_local`. A negative one asks for brighter pixels.

    Returns
    -------
    ndarray of shape (H, W), bool
    """
    return _above_surroundings(image, block) >= -offset


def choose_global(images, masks):
    """Choose one threshold for all images, in steps of a thousandth of the range of their grey values.

    Parameters
    ----------
    images : sequence of ndarray of shape (H, W)
        Normalised by one rule.
    masks : sequence of ndarray of shape (H, W), bool
        Truth.

    Returns
    -------
    float
        A pixel is cell where its value is at least this.
    """
    low, high = _range(images)
    return _sweep(images, masks, low + _STEPS * (high - low)).best["threshold"]


def choose_local(images, masks):
    """Choose block and offset of `local`: a block of `BLOCKS`, an offset in hundredths of the range of grey values.

    Parameters
    ----------
    images, masks
        As in `choose_global`.

    Returns
    -------
    block : int
    offset : float
    """
    low, high = _range(images)
    tried = []
    for block in BLOCKS:
        above = [_above_surroundings(image, block) for image in images]
        best = _sweep(above, masks, _OFFSETS * (high - low)).best
        tried.append((best["mcc"], block, -best["threshold"]))
    return max(tried)[1:]


def _above_surroundings(image, block):
    image = np.asarray(image, np.float64)
    return image - threshold_local(image, block, method="gaussian")


def _range(images):
    return float(min(image.min() for image in images)), float(max(image.max() for image in images))


def _sweep(planes, masks, thresholds):
    sweep = Sweep(thresholds)
    for plane, mask in zip(planes, masks, strict=True):
        sweep.add(plane, mask)
    return sweep
