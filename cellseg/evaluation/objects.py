"""Whole cells: true objects matched with found ones; precision, recall, F1, average precision.

Objects are 8-connected components of a mask, so cells that touch in a mask count as one, in truth and prediction alike.

A found object and a true one match if their intersection over union (IoU) is at least a threshold t. As in stardist
(Schmidt et al. 2018, `stardist.matching`), an object has at most one match, and there are as many matches as possible.
Matches are true positives (tp), found objects without a match false positives (fp), true objects without a match false
negatives (fn). Average precision at t is tp / (tp + fp + fn). Counts are added up over all images before the ratios.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from skimage.measure import label

#: 0.5, 0.55, ..., 0.95
IOU_THRESHOLDS = np.arange(10, 20) / 20


@dataclass(frozen=True, kw_only=True)
class ObjectScores:
    """Scores of whole objects over all images.

    Attributes
    ----------
    precision, recall, f1 : float or None
        At an IoU of 0.5; None where undefined (0 / 0), as where there are no cells and none were found.
    ap : float or None
        Mean over the IoU thresholds 0.5, 0.55, ..., 0.95 of the average precision.
    count_error : float
        Mean over images of the absolute difference between the numbers of found and true objects.
    count_bias : float
        Mean of that difference with its sign: positive where too many were found.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    ap: float | None
    count_error: float
    count_bias: float


class Overlaps(NamedTuple):
    """The pairs of overlapping objects of two masks, and the number of all objects.

    Attributes
    ----------
    true, found : ndarray of shape (P,), int
        Labels of the two objects of each pair, from 1.
    iou : ndarray of shape (P,), float
        Their intersection over union, above 0 and at most 1.
    cells : int
        Number of true objects.
    objects : int
        Number of found objects.
    """

    true: np.ndarray
    found: np.ndarray
    iou: np.ndarray
    cells: int
    objects: int


def objects_of(mask):
    """Label the objects of a mask.

    Parameters
    ----------
    mask : ndarray of shape (H, W), bool

    Returns
    -------
    ndarray of shape (H, W), int
        0 background, 1 and up the 8-connected objects.
    """
    return label(mask, connectivity=2)


def overlaps(truth, found):
    """Find the overlapping objects of two label images. Pairs that do not overlap are not stored.

    Parameters
    ----------
    truth, found : ndarray of shape (H, W), int
        Labels 1, 2, ... without gaps; 0 is background.

    Returns
    -------
    Overlaps
    """
    true_area, found_area = np.bincount(truth.ravel()), np.bincount(found.ravel())
    both = (truth > 0) & (found > 0)
    pairs, common = np.unique(truth[both].astype(np.int64) * len(found_area) + found[both], return_counts=True)
    rows, columns = np.divmod(pairs, len(found_area))
    iou = common / (true_area[rows] + found_area[columns] - common)
    return Overlaps(rows, columns, iou, len(true_area) - 1, len(found_area) - 1)


def matches(pairs, threshold):
    """Largest possible number of matches, each of one object with one, at an IoU of `threshold` or more.

    Parameters
    ----------
    pairs : Overlaps
    threshold : float
        Above 0, at most 1.

    Returns
    -------
    int
    """
    fits = pairs.iou >= threshold
    (rows, row), (columns, column) = (np.unique(side[fits], return_inverse=True) for side in (pairs.true, pairs.found))
    fit = np.zeros((len(rows), len(columns)))
    fit[row, column] = 1
    return int(fit[linear_sum_assignment(fit, maximize=True)].sum())


def count_matches(truth, found):
    """Match the objects of two masks.

    Parameters
    ----------
    truth, found : ndarray of shape (H, W), bool

    Returns
    -------
    ndarray of shape (10, 3), int
        Columns tp, fp, fn, a row for each of `IOU_THRESHOLDS`.
    """
    pairs = overlaps(objects_of(truth), objects_of(found))
    tp = np.array([matches(pairs, threshold) for threshold in IOU_THRESHOLDS])
    return np.stack([tp, pairs.objects - tp, pairs.cells - tp], axis=1)


def object_scores(truths, founds):
    """Scores of whole objects over all images.

    Parameters
    ----------
    truths, founds : sequence of ndarray of shape (H, W), bool
        One mask an image; at least one image.

    Returns
    -------
    ObjectScores
    """
    counts = np.stack([count_matches(*masks) for masks in zip(truths, founds)])
    pooled = counts.sum(axis=0)
    tp, fp, fn = map(int, pooled[0])
    surplus = counts[:, 0, 1] - counts[:, 0, 2]
    return ObjectScores(
        precision=tp / (tp + fp) if tp + fp else None,
        recall=tp / (tp + fn) if tp + fn else None,
        f1=2 * tp / (2 * tp + fp + fn) if tp + fp + fn else None,
        ap=float((pooled[:, 0] / pooled.sum(axis=1)).mean()) if tp + fp + fn else None,
        count_error=float(np.abs(surplus).mean()),
        count_bias=float(surplus.mean()),
    )
