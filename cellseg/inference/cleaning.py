"""Cleaning a mask as the report suggests for its network: small objects removed, small holes filled."""

import functools
import inspect

import numpy as np
import skimage


def clean(mask, smallest_object, largest_hole):
    """Remove small objects, then fill small holes.

    Parameters
    ----------
    mask : ndarray of shape (H, W), bool
    smallest_object : int
        Area in pixels of the smallest 8-connected object that is kept; 0 or 1 keeps all.
    largest_hole : int
        Area in pixels of the largest hole that is filled: 4-connected background within a cell, or between cells and
        the image's edge; 0 fills none.

    Returns
    -------
    ndarray of shape (H, W), bool
    """
    return fill_holes(remove_objects(np.asarray(mask, bool), smallest_object), largest_hole)


def remove_objects(mask, smallest):
    """Remove 8-connected objects of fewer than `smallest` pixels from a mask of bool."""
    limit = {"max_size": max(smallest - 1, 0)} if _inclusive() else {"min_size": smallest}
    return skimage.morphology.remove_small_objects(mask, connectivity=2, **limit)


def fill_holes(mask, largest):
    """Fill 4-connected holes of up to `largest` pixels in a mask of bool."""
    limit = {"max_size": largest} if _inclusive() else {"area_threshold": largest + 1}
    return skimage.morphology.remove_small_holes(mask, connectivity=1, **limit)


@functools.cache
def _inclusive():
    """scikit-image 0.26 renamed the limits and let them count themselves: areas <= max_size, not < min_size, go."""
    return "max_size" in inspect.signature(skimage.morphology.remove_small_objects).parameters
