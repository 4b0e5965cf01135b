"""Augmentation beyond the report's: copies of other brightness.

Stock Caffe reads its patches from files, so the copies are made beforehand.
"""

import numpy as np

#: Largest changes. Each copy draws its own, evenly distributed up to these.
GAMMA, GAIN, OFFSET = 0.4, 0.25, 0.08


def vary(patch, label, rng):
    """One random copy of a patch: in one of the eight orientations, brighter or darker.

    Parameters
    ----------
    patch : ndarray of shape (S, S)
        Normalised grey values.
    label : ndarray of shape (S, S)
        Class numbers 0 and 1.
    rng : numpy.random.RandomState

    Returns
    -------
    patch : ndarray of shape (S, S), float32
    label : ndarray of shape (S, S), same type as given
        Turned together with the patch.
    """
    gamma, gain = np.exp(rng.uniform(-GAMMA, GAMMA)), 1 + rng.uniform(-GAIN, GAIN)
    patch = np.sign(patch) * np.abs(patch, dtype=np.float64) ** gamma * gain + rng.uniform(-OFFSET, OFFSET)
    turns, mirrored = rng.randint(4), rng.randint(2)
    both = [np.rot90(plane, turns) for plane in (patch.astype(np.float32), label)]
    return tuple(np.ascontiguousarray(plane[:, ::-1] if mirrored else plane) for plane in both)


def with_copies(data, label, copies, rng, progress=iter):
    """Patches and random copies of them.

    Parameters
    ----------
    data, label : ndarray of shape (N, S, S)
    copies : int
        How often each patch is in the result: once as it is, the other times as a random copy.
    rng
        As in `vary`.
    progress : callable, optional
        Wraps the loop over rounds of copies.

    Returns
    -------
    data, label : ndarray of shape (copies N, S, S)
        All patches once, then a copy of each, and so on.
    """
    pairs = [
        *zip(data, label),
        *(vary(*pair, rng) for _ in progress(range(copies - 1)) for pair in zip(data, label)),
    ]
    return tuple(np.stack(planes) for planes in zip(*pairs))
