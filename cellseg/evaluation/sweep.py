"""Sweeping the threshold on the network's output (the report's section 7.2 and Figure 10), in one pass over pixels.

It runs beside real Caffe, too, and so under Python 3.9.
"""

import numpy as np

from cellseg.evaluation.indicators import indicators

THRESHOLDS = np.arange(101) / 100


class Sweep:
    """Counts for many thresholds; a pixel is cell where its value is at least the threshold.

    Feed it with `add`; the pixels themselves are not kept.

    Parameters
    ----------
    thresholds : ndarray of shape (T,), optional
        Ascending; by default those for probabilities, 0, 0.01, ..., 1.
    """

    def __init__(self, thresholds=THRESHOLDS):
        self._thresholds = np.asarray(thresholds, np.float64)
        self._counts = np.zeros((2, len(thresholds) + 1), np.int64)

    def add(self, probability, truth):
        """Count more pixels.

        Parameters
        ----------
        probability : ndarray
            Probability of cell, 0 to 1, or other values that the thresholds are for.
        truth : ndarray of the same shape, bool
        """
        passed = np.searchsorted(self._thresholds, np.asarray(probability, np.float64).ravel(), side="right")
        for row, chosen in enumerate((~truth.ravel(), truth.ravel())):
            self._counts[row] += np.bincount(passed[chosen], minlength=self._counts.shape[1])

    def confusion(self):
        """Counts at every threshold.

        Returns
        -------
        ndarray of shape (T, 4), int64
            Columns tp, fp, tn, fn.
        """
        totals = self._counts.sum(axis=1)
        negative, positive = totals[:, None] - np.cumsum(self._counts, axis=1)[:, :-1]
        return np.stack([positive, negative, totals[0] - negative, totals[1] - positive], axis=1)

    def table(self):
        """A dict for each threshold: ``threshold``, ``tp``, ``fp``, ``tn``, ``fn`` and the indicators."""
        return [
            {"threshold": float(threshold), **dict(zip(("tp", "fp", "tn", "fn"), map(int, row))), **indicators(*row)}
            for threshold, row in zip(self._thresholds, self.confusion())
        ]

    @property
    def best(self):
        """The row of `table` with the highest Matthews correlation; of several, the one in the middle."""
        return _best(self.table())

    @property
    def best_threshold(self):
        """Threshold with the highest Matthews correlation."""
        return self.best["threshold"]

    @property
    def best_mcc(self):
        """Highest Matthews correlation over all thresholds."""
        return self.best["mcc"]


def pooled(tables):
    """The best threshold for the pixels of several sweeps together.

    Parameters
    ----------
    tables : list of list of cellseg.evaluation.record.SweepRow
        Over the same thresholds.

    Returns
    -------
    dict
        ``threshold``, the counts and the indicators, where the Matthews correlation is highest; of several such
        thresholds, the one in the middle.
    """
    names = ("tp", "fp", "tn", "fn")
    counts = [[sum(getattr(row, name) for row in rows) for name in names] for rows in zip(*tables)]
    rows = [
        {"threshold": row.threshold, **dict(zip(names, total)), **indicators(*total)}
        for row, total in zip(tables[0], counts)
    ]
    return _best(rows)


def _best(rows):
    """The row with the highest Matthews correlation; of several, the one in the middle."""
    highest = max(row["mcc"] for row in rows)
    tied = [row for row in rows if row["mcc"] == highest]
    return tied[len(tied) // 2]


def area_under_roc(probability, truth):
    """Area under the ROC curve: the chance that a random cell pixel scores above a random background pixel.

    Parameters
    ----------
    probability : ndarray
        Any scores.
    truth : ndarray of the same shape, bool

    Returns
    -------
    float or None
        Exact, with ties counted half (the Mann-Whitney statistic); None if one class is missing.
    """
    values, inverse = np.unique(np.asarray(probability).ravel(), return_inverse=True)
    positive = np.bincount(inverse.ravel(), weights=truth.ravel(), minlength=len(values))
    negative = np.bincount(inverse.ravel(), weights=~truth.ravel(), minlength=len(values))
    pairs = positive.sum() * negative.sum()
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / pairs) if pairs else None
