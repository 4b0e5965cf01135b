"""Augmentation beyond the report's: copies of another brightness, and if wanted of another shape.

Stock Caffe reads its patches from files, so the copies are made beforehand.
"""

import numpy as np
from scipy import ndimage

#: Largest changes; each copy draws its own, evenly, up to these.
GAMMA, GAIN, OFFSET = 0.4, 0.25, 0.08
SCALE, ASPECT, SHIFT = 0.25, 0.1, 8.0
BEND, BEND_NODES = 2.5, 5


def vary(patch, label, rng, deform=False):
    """One random copy of a patch: in one of the eight orientations, brighter or darker, if wanted deformed.

    Parameters
    ----------
    patch : ndarray of shape (S, S)
        Normalised grey values.
    label : ndarray of shape (S, S)
        Class numbers 0 and 1.
    rng : numpy.random.RandomState
    deform : bool
        Whether to scale, shift and bend it; at the borders it is mirrored.

    Returns
    -------
    patch : ndarray of shape (S, S), float32
    label : ndarray of shape (S, S), same type as given
        Turned and deformed together with the patch.
    """
    if deform:
        where = _deformation(patch.shape[0], rng)
        patch = ndimage.map_coordinates(patch, where, order=3, mode="mirror", output=np.float64)
        truth = ndimage.map_coordinates(label.astype(np.float64), where, order=1, mode="mirror") >= 0.5
        label = truth.astype(label.dtype)
    gamma, gain = np.exp(rng.uniform(-GAMMA, GAMMA)), 1 + rng.uniform(-GAIN, GAIN)
    patch = np.sign(patch) * np.abs(patch, dtype=np.float64) ** gamma * gain + rng.uniform(-OFFSET, OFFSET)
    turns, mirrored = rng.randint(4), rng.randint(2)
    both = [np.rot90(plane, turns) for plane in (patch.astype(np.float32), label)]
    return tuple(np.ascontiguousarray(plane[:, ::-1] if mirrored else plane) for plane in both)


def with_copies(data, label, copies, rng, deform=False, progress=iter):
    """Patches and random copies of them.

    Parameters
    ----------
    data, label : ndarray of shape (N, S, S)
    copies : int
        How often each patch stands in the result: once as it is, and otherwise as a random copy.
    rng, deform
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
        *(vary(*pair, rng, deform) for _ in progress(range(copies - 1)) for pair in zip(data, label)),
    ]
    return tuple(np.stack(planes) for planes in zip(*pairs))


def _deformation(side, rng):
    """Where each pixel comes from: (2, side, side) rows and columns."""
    middle = (side - 1) / 2
    scale, aspect = np.exp(rng.uniform(-SCALE, SCALE)), np.exp(rng.uniform(-ASPECT, ASPECT))
    where = np.indices((side, side)).astype(np.float64) - middle
    where *= np.array([scale * aspect, scale / aspect])[:, None, None]
    where += middle + rng.uniform(-SHIFT, SHIFT, 2)[:, None, None]
    for axis in range(2):
        nodes = rng.standard_normal((BEND_NODES, BEND_NODES)) * rng.uniform(0, BEND)
        where[axis] += ndimage.zoom(nodes, side / BEND_NODES, order=3)
    return where
