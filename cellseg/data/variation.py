"""Augmentation beyond the report's: random copies of patches.

Stock Caffe reads its patches from files, so the copies are made beforehand.
"""

import numpy as np
from scipy import ndimage

from cellseg.data.normalisation import normalise

#: Largest changes of brightness. Each copy draws its own, evenly distributed up to these.
GAMMA, GAIN, OFFSET = 0.4, 0.25, 0.08
#: Largest changes that `microscope` makes besides: size by a factor, shift in pixels, noise, and light across the
#: patch.
ZOOM, SHIFT, NOISE, GRADIENT = 1.4, 10, 0.05, 0.15
#: Of so many copies by `microscope` one is an empty field, and one has hot pixels.
EMPTY, HOT = 25, 10


def brightness(patch, labels, rng):
    """One random copy of a patch: in one of the eight orientations, brighter or darker.

    Parameters
    ----------
    patch : ndarray of shape (S, S)
        Normalised grey values.
    labels : ndarray of shape (S, S)
        Numbers of cells; 0 is background.
    rng : numpy.random.RandomState

    Returns
    -------
    patch : ndarray of shape (S, S), float32
    labels : ndarray of shape (S, S), same type as given
        Turned together with the patch.
    """
    gamma, gain = np.exp(rng.uniform(-GAMMA, GAMMA)), 1 + rng.uniform(-GAIN, GAIN)
    patch = np.sign(patch) * np.abs(patch, dtype=np.float64) ** gamma * gain + rng.uniform(-OFFSET, OFFSET)
    turns, mirrored = rng.randint(4), rng.randint(2)
    both = [np.rot90(plane, turns) for plane in (patch.astype(np.float32), labels)]
    return tuple(np.ascontiguousarray(plane[:, ::-1] if mirrored else plane) for plane in both)


def microscope(patch, labels, rng):
    """One random copy as another microscope might have taken it.

    Turned by any angle, larger or smaller, brighter or darker, with light that falls off to one side, and noise. Some
    copies have hot pixels, some show an empty field. Parameters and result are those of `brightness`.
    """
    if rng.randint(EMPTY) == 0:
        return _empty(patch, rng), np.zeros_like(labels)
    patch, labels = brightness(*_moved(patch, labels, rng), rng)
    patch = patch + _slope(patch.shape, rng) + rng.normal(0, rng.uniform(0, NOISE), patch.shape)
    if rng.randint(HOT) == 0:
        hot = rng.uniform(size=patch.shape) < rng.uniform(0, 0.002)
        patch = np.where(hot, rng.uniform(0.5, 1.2), patch)
    return patch.astype(np.float32), labels


def _moved(patch, labels, rng):
    """Turned about the middle, resized and shifted; what lies outside of the patch is reflected into it."""
    angle, zoom = rng.uniform(0, 2 * np.pi), ZOOM ** rng.uniform(-1, 1)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / zoom
    middle = (np.array(patch.shape) - 1) / 2
    offset = middle - turn @ middle + rng.uniform(-SHIFT, SHIFT, 2)
    grey = ndimage.affine_transform(patch, turn, offset, order=1, mode="reflect")
    return grey, ndimage.affine_transform(labels, turn, offset, order=0, mode="reflect")


def _slope(shape, rng):
    """Light that rises evenly in a random direction, by up to `GRADIENT` across the patch, and is 0 on average."""
    rows, columns = (np.linspace(-0.5, 0.5, side) for side in shape)
    return rng.uniform(-GRADIENT, GRADIENT) * rows[:, None] + rng.uniform(-GRADIENT, GRADIENT) * columns


def _empty(patch, rng):
    """A field without cells, as the grey-value rule "floor" shows the noise of a camera."""
    field = rng.normal(0, 1, patch.shape) + rng.uniform(0, 10) * _slope(patch.shape, rng)
    return (normalise(field, "floor") + rng.uniform(-OFFSET, OFFSET)).astype(np.float32)


VARIATIONS = {"brightness": brightness, "microscope": microscope}


def with_copies(data, labels, copies, rng, variation="brightness", progress=iter):
    """Patches and random copies of them.

    Parameters
    ----------
    data, labels : ndarray of shape (N, S, S)
    copies : int
        How often each patch is in the result: once as it is, the other times as a random copy.
    rng : numpy.random.RandomState
    variation : str
        What a copy is: a name of `VARIATIONS`.
    progress : callable, optional
        Wraps the loop over rounds of copies.

    Returns
    -------
    data, labels : ndarray of shape (copies N, S, S)
        All patches once, then a copy of each, and so on.
    """
    shape = (copies * len(data), *data.shape[1:])
    many = np.empty(shape, np.float32), np.empty(shape, labels.dtype)
    many[0][: len(data)], many[1][: len(data)] = data, labels
    for number in progress(range(1, copies)):
        for index in range(len(data)):
            place = number * len(data) + index
            many[0][place], many[1][place] = VARIATIONS[variation](data[index], labels[index], rng)
    return many
