"""Scores of a segmentation: over the pixels of all images, image by image, and over whole cells."""

import numpy as np

from cellseg.evaluation.indicators import count, indicators, pooled
from cellseg.evaluation.objects import object_scores, objects_of
from cellseg.evaluation.record import ImageScores, MethodScores


def score(truths, founds) -> MethodScores:
    """Score one method's masks.

    Parameters
    ----------
    truths, founds : sequence of ndarray of shape (H, W), bool
        One mask an image; at least one image.
    """
    each = [indicators(*count(found, truth))["mcc"] for truth, found in zip(truths, founds, strict=True)]
    objects = object_scores(truths, founds)
    return MethodScores(**pooled(truths, founds), median_mcc=float(np.median(each)), objects=objects)


def image_scores(names, truths, founds) -> list[ImageScores]:
    """Score image by image: pixels, their Matthews correlation, and the numbers of 8-connected objects.

    Parameters
    ----------
    names : sequence of str
    truths, founds : sequence of ndarray of shape (H, W), bool
    """
    return [_image(*row) for row in zip(names, truths, founds, strict=True)]


def _image(name, truth, found):
    counts = count(found, truth)
    return ImageScores(
        name=name,
        **dict(zip(("tp", "fp", "tn", "fn"), counts, strict=True)),
        mcc=indicators(*counts)["mcc"],
        cells=int(objects_of(truth).max()),
        found=int(objects_of(found).max()),
    )
