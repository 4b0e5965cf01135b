"""Cleaning a mask as the report suggests for its network: small objects removed, small holes filled."""

import inspect

import numpy as np
from skimage.morphology import remove_small_holes, remove_small_objects

from cellseg.evaluation.indicators import pooled

#: Areas in pixels from which `choose_cleaning` chooses.
SMALLEST_OBJECTS = (0, 5, 10, 15, 20, 30, 40, 50, 75, 100)
LARGEST_HOLES = (0, 5, 10, 20, 30, 50, 100, 200)

# scikit-image 0.26 renamed the limits and let them count themselves: areas <= max_size, not < min_size, are removed.
_INCLUSIVE = "max_size" in inspect.signature(remove_small_objects).parameters


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
    return _fill_holes(_remove_objects(np.asarray(mask, bool), smallest_object), largest_hole)


def choose_cleaning(masks, truths):
    """Choose the areas of `clean` with the highest Matthews correlation over the pixels of all images.

    Parameters
    ----------
    masks, truths : sequence of ndarray of shape (H, W), bool
        Predictions before cleaning, and truth.

    Returns
    -------
    smallest_object, largest_hole : int
        Of `SMALLEST_OBJECTS` and `LARGEST_HOLES`; of equally good ones the smallest, so 0 and 0 where nothing helps.
    """
    best, chosen = -2, None
    for smallest in SMALLEST_OBJECTS:
        kept = [_remove_objects(np.asarray(mask, bool), smallest) for mask in masks]
        for largest in LARGEST_HOLES:
            mcc = pooled(truths, [_fill_holes(mask, largest) for mask in kept])["mcc"]
            if mcc > best:
                best, chosen = mcc, (smallest, largest)
    return chosen


def _remove_objects(mask, smallest):
    limit = {"max_size": max(smallest - 1, 0)} if _INCLUSIVE else {"min_size": smallest}
    return remove_small_objects(mask, connectivity=2, **limit)


def _fill_holes(mask, largest):
    limit = {"max_size": largest} if _INCLUSIVE else {"area_threshold": largest + 1}
    return remove_small_holes(mask, connectivity=1, **limit)
