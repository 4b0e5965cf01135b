"""What one gets without a network: Otsu's threshold."""

import numpy as np
from skimage.filters import threshold_otsu


def otsu(images):
    """Segment each image by its own Otsu threshold.

    Parameters
    ----------
    images : ndarray of shape (N, H, W)

    Returns
    -------
    ndarray of shape (N, H, W), bool
        All background for an image of one value.
    """
    return np.stack(
        [image > threshold_otsu(image) if np.ptp(image) > 0 else np.zeros(image.shape, bool) for image in images]
    )
