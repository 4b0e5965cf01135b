"""The report's augmentation (its section 7.1): rotations by quarter turns and mirroring, eight orientations."""

import numpy as np


def orientations(stack):
    """All eight orientations of square patches.

    Parameters
    ----------
    stack : ndarray of shape (N, S, S)

    Returns
    -------
    ndarray of shape (8 N, S, S)
        The N patches as they are, then rotated by 90, 180 and 270 degrees, then mirrored left to right, then
        mirrored and rotated.
    """
    both = [stack, stack[:, :, ::-1]]
    return np.concatenate([np.rot90(one, turns, axes=(1, 2)) for one in both for turns in range(4)])
