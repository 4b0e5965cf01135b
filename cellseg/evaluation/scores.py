"""Scores of a segmentation: over the pixels of all images, image by image, and over whole cells."""

import numpy as np

from cellseg.evaluation.indicators import count, indicators, pooled
from cellseg.evaluation.objects import object_scores, objects_of


def score(truths, founds):
    """Score one method's masks.

    Parameters
    ----------
    truths, founds : sequence of ndarray of shape (H, W), bool
        One mask an image; at least one image.

    Returns
    -------
    dict
        The indicators over the pixels of all images (`cellseg.evaluation.indicators.NAMES`); ``median_mcc``, the
        median over the images of their own coefficient; ``objects``, see `cellseg.evaluation.objects.object_scores`.
    """
    each = [indicators(*count(found, truth))["mcc"] for truth, found in zip(truths, founds)]
    return {
        **pooled(truths, founds),
        "median_mcc": float(np.median(each)),
        "objects": object_scores(truths, founds),
    }


def image_scores(names, truths, founds):
    """Score image by image.

    Parameters
    ----------
    names : sequence of str
    truths, founds : sequence of ndarray of shape (H, W), bool

    Returns
    -------
    list of dict
        ``name``, ``tp``, ``fp``, ``tn``, ``fn`` (pixels), ``mcc`` (0 where truth or prediction are of one class),
        ``cells`` and ``found`` (8-connected objects in truth and prediction).
    """
    return [_image(*row) for row in zip(names, truths, founds)]


def _image(name, truth, found):
    counts = count(found, truth)
    return {
        "name": name,
        **dict(zip(("tp", "fp", "tn", "fn"), counts)),
        "mcc": indicators(*counts)["mcc"],
        "cells": int(objects_of(truth).max()),
        "found": int(objects_of(found).max()),
    }
