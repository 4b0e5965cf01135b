"""The indicators of the report's Table 1 (its section 7.2) from the counts of a binary classification.

Runs under real Caffe's Python 3.9 too.
"""

import math
from typing import Callable, NamedTuple, Optional

import numpy as np


class Indicator(NamedTuple):
    """One indicator: records, tables and the page take all that they need from here.

    Attributes
    ----------
    name : str
        Its key in records and CSV files.
    title : str
        Its name in tables.
    value : callable
        Takes the numbers of true positive, false positive, true negative and false negative pixels (int); gives a
        float, or None where it is undefined.
    report : (float, float) or None
        Its values in the report before and after fine-tuning; None for one that the report does not have. Records of
        earlier evaluations lack such an indicator, and tables show a dash for it.
    """

    name: str
    title: str
    value: Callable
    report: Optional[tuple[float, float]] = None


def _ratio(part, whole):
    return part / whole if whole else None


def _mcc(tp, fp, tn, fn):
    margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / math.sqrt(margins) if margins else 0.0


INDICATORS = (
    Indicator("specificity", "specificity", lambda tp, fp, tn, fn: _ratio(tn, tn + fp), (0.96, 0.98)),
    Indicator("precision", "precision", lambda tp, fp, tn, fn: _ratio(tp, tp + fp), (0.58, 0.81)),
    Indicator("recall", "recall", lambda tp, fp, tn, fn: _ratio(tp, tp + fn), (0.52, 0.73)),
    Indicator("accuracy", "accuracy", lambda tp, fp, tn, fn: _ratio(tp + tn, tp + fp + tn + fn), (0.91, 0.95)),
    Indicator("f_score", "F-score", lambda tp, fp, tn, fn: _ratio(2 * tp, 2 * tp + fp + fn), (0.55, 0.77)),
    Indicator("mcc", "MCC", _mcc, (0.50, 0.74)),
)
NAMES = tuple(one.name for one in INDICATORS)
TITLES = tuple(one.title for one in INDICATORS)


def indicators(tp, fp, tn, fn):
    """All indicators of a classification.

    Parameters
    ----------
    tp, fp, tn, fn : int
        True and false positive, true and false negative pixels; cell is positive.

    Returns
    -------
    dict of str to float or None
        Keys `NAMES`. None where a ratio is undefined (0 / 0); the Matthews correlation is 0 where a margin of the
        table is empty, by the usual convention.
    """
    counts = int(tp), int(fp), int(tn), int(fn)
    return {one.name: one.value(*counts) for one in INDICATORS}


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
