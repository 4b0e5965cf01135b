"""Whole cells: true objects matched with found ones; precision, recall, F1, average precision.

Objects are numbered cells. Where the truth numbers none, they are the 8-connected components of the masks, so that
cells that touch count as one, in truth and prediction alike.

A found object and a true one match if their intersection over union (IoU) is at least a threshold t. As in stardist
(Schmidt et al. 2018, `stardist.matching`), an object has at most one match, and there are as many matches as possible.
Matches are true positives (tp), found objects without a match false positives (fp), true objects without a match false
negatives (fn). Average precision at t is tp / (tp + fp + fn). Counts are added up over all images before the ratios.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

#: 0.5, 0.55, ..., 0.95
IOU_THRESHOLDS = np.arange(10, 20) / 20
_AT_75, _AT_90 = 5, 8  # where 0.75 and 0.9 are among them


@dataclass(frozen=True, kw_only=True)
class ObjectScores:
    """Scores of whole objects over all images.

    Attributes
    ----------
    precision, recall, f1 : float or None
        At an IoU of 0.5; None where undefined (0 / 0), as where there are no cells and none were found.
    f1_75, f1_90 : float or None
        F1 at an IoU of 0.75 and of 0.9; None also in records from before they were counted.
    mean_f1 : float or None
        Mean of F1 over the IoU thresholds 0.5, 0.55, ..., 0.95; None also in records from before it was counted.
    ap : float or None
        Mean over these thresholds of the average precision.
    count_error : float
        Mean over images of the absolute difference between the numbers of found and true objects.
    count_bias : float
        Mean of that difference with its sign: positive where too many were found.
    numbered : bool
        Whether the objects are cells that the truth numbers one by one. If not, they are connected components.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    f1_75: float | None = None
    f1_90: float | None = None
    mean_f1: float | None = None
    ap: float | None
    count_error: float
    count_bias: float
    numbered: bool = False


class Overlaps(NamedTuple):
    """The pairs of overlapping objects of two label images, and the number of all objects.

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


def overlaps(truth, found):
    """Find the overlapping objects of two label images. Pairs that do not overlap are not stored.

    Parameters
    ----------
    truth, found : ndarray of shape (H, W), int
        0 is background, the objects have numbers from 1 on.

    Returns
    -------
    Overlaps
    """
    true_area, found_area = np.bincount(truth.ravel()), np.bincount(found.ravel())
    both = (truth > 0) & (found > 0)
    pairs, common = np.unique(truth[both].astype(np.int64) * len(found_area) + found[both], return_counts=True)
    rows, columns = np.divmod(pairs, len(found_area))
    iou = common / (true_area[rows] + found_area[columns] - common)
    return Overlaps(rows, columns, iou, *(int(np.count_nonzero(area[1:])) for area in (true_area, found_area)))


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
    if not fits.any():
        return 0
    fit = csr_array((fits[fits], (pairs.true[fits], pairs.found[fits])))
    return int(np.count_nonzero(maximum_bipartite_matching(fit) >= 0))


def count_matches(truth, found):
    """Match the objects of two label images.

    Parameters
    ----------
    truth, found : ndarray of shape (H, W), int

    Returns
    -------
    ndarray of shape (10, 3), int
        Columns tp, fp, fn, a row for each of `IOU_THRESHOLDS`.
    """
    pairs = overlaps(truth, found)
    tp = np.array([matches(pairs, threshold) for threshold in IOU_THRESHOLDS])
    return np.stack([tp, pairs.objects - tp, pairs.cells - tp], axis=1)


def object_scores(truths, founds, numbered=False):
    """Scores of whole objects over all images.

    Parameters
    ----------
    truths, founds : sequence of ndarray of shape (H, W), int
        One label image an image; at least one image.
    numbered : bool
        Whether the truth numbers cells one by one, for the record.

    Returns
    -------
    ObjectScores
    """
    counts = np.stack([count_matches(*labels) for labels in zip(truths, founds, strict=True)])
    pooled = counts.sum(axis=0)
    tp, fp, fn = map(int, pooled[0])
    surplus = counts[:, 0, 1] - counts[:, 0, 2]
    any_object = tp + fp + fn > 0
    f1 = (2 * pooled[:, 0] / (pooled.sum(axis=1) + pooled[:, 0])).tolist() if any_object else [None] * len(pooled)
    return ObjectScores(
        precision=tp / (tp + fp) if tp + fp else None,
        recall=tp / (tp + fn) if tp + fn else None,
        f1=f1[0],
        f1_75=f1[_AT_75],
        f1_90=f1[_AT_90],
        mean_f1=float(np.mean(f1)) if any_object else None,
        ap=float((pooled[:, 0] / pooled.sum(axis=1)).mean()) if any_object else None,
        count_error=float(np.abs(surplus).mean()),
        count_bias=float(surplus.mean()),
        numbered=numbered,
    )
