"""How far two correct computations may differ in single precision: tolerances that hold on every machine."""

import math

import numpy as np

from cellseg.engine.weights import read_weights

#: Largest error of one operation, by its result.
UNIT = 2.0**-24
#: Standard deviations that the largest of some million differences stays within, with room for two computations.
MARGIN = 8


def rounding(*terms):
    """The largest difference of two results that differ by rounding alone, relative to the largest number among them.

    A processor, a BLAS kernel or a number of threads chooses the order of a sum and which products are fused with it.
    Each of its n operations is off by up to `UNIT`, up or down, so their sum walks at random to about sqrt(n) units
    (Higham and Mary, SIAM J. Sci. Comput. 41, 2019). Errors of sums that follow each other add up in the same way:
    as those of one sum with all of their terms.

    Parameters
    ----------
    *terms : int
        How many numbers are added or multiplied into one result, for each step of the computation.

    Returns
    -------
    float
    """
    return MARGIN * UNIT * math.sqrt(sum(terms))


def rounding_of_probabilities(weights, probability):
    """The largest difference of two computations of a net's probabilities that differ by rounding alone.

    A probability is the logistic function of a difference of scores, whose slope is 1/4 at most.

    Parameters
    ----------
    weights : path
        Of the net; the windows of its convolutions say how long the sums are.
    probability : ndarray
        What one of the computations found; the scores follow from it.

    Returns
    -------
    float
    """
    windows = [blobs[0] for blobs in read_weights(weights).values() if blobs and blobs[0].ndim == 4]
    likely = np.clip(np.asarray(probability, float), UNIT, 1 - UNIT)
    score = np.abs(np.log(likely / (1 - likely))).max()
    return rounding(*(window[0].size for window in windows)) * max(1, score) / 4
