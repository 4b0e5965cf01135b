"""The indicators of the report's Table 1 (its section 7.2) from the counts of a binary classification."""

import math

import numpy as np

NAMES = ("specificity", "precision", "recall", "accuracy", "f_score", "mcc")


def indicators(tp, fp, tn, fn):
    """Specificity, precision, recall, accuracy, F-score and Matthews correlation coefficient.

    Parameters
    ----------
    tp, fp, tn, fn : int
        True and false positive, true and false negative pixels; cell is positive.

    Returns
    -------
    dict of str to float or None
        Keys `NAMES`. None where a ratio is undefined (0 / 0); the coefficient is 0 where a margin of the table
        is empty, by the usual convention.
    """
    tp, fp, tn, fn = int(tp), int(fp), int(tn), int(fn)
    margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return {
        "specificity": _ratio(tn, tn + fp),
        "precision": _ratio(tp, tp + fp),
        "recall": _ratio(tp, tp + fn),
        "accuracy": _ratio(tp + tn, tp + fp + tn + fn),
        "f_score": _ratio(2 * tp, 2 * tp + fp + fn),
        "mcc": (tp * tn - fp * fn) / math.sqrt(margins) if margins else 0.0,
    }


def count(predicted, truth):
    """Count ``(tp, fp, tn, fn)`` of two boolean arrays of the same shape."""
    tp = int((predicted & truth).sum())
    fp, fn = int(predicted.sum()) - tp, int(truth.sum()) - tp
    return tp, fp, truth.size - tp - fp - fn, fn


def pooled(truths, founds):
    """The indicators over the pixels of all images, as the report counts.

    Parameters
    ----------
    truths, founds : sequence of ndarray of shape (H, W), bool
        One mask an image.

    Returns
    -------
    dict of str to float or None
        As of `indicators`.
    """
    return indicators(*np.sum([count(found, truth) for truth, found in zip(truths, founds)], axis=0))


def _ratio(part, whole):
    return part / whole if whole else None
