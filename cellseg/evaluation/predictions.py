"""Annotated images and the network's output for them, kept for figures and later counts: ``predictions.h5``.

There is a group for each image, ``0000``, ``0001`` and so on in the order of the data, with the attributes ``name`` and
``background`` and the datasets ``image`` (normalised), ``mask`` and ``probability``.
"""

import re
from typing import NamedTuple

import numpy as np

from cellseg.engine import hdf5

PREDICTIONS = "predictions.h5"

_PLANES = {"image": np.float32, "mask": np.uint8, "probability": np.float32}
_ROUNDING = 1e-3
_OLD_NOISE = re.compile(r"simulated_\d+n(@|$)")  # how names told of a noise background before there was an attribute


class Prediction(NamedTuple):
    """One annotated image and the network's output for it.

    Attributes
    ----------
    name : str
        The name in the evaluation's ``per_image``.
    image : ndarray of shape (H, W), float32
        Normalised grey values.
    mask : ndarray of shape (H, W), bool
        Truth: where cells are.
    probability : ndarray of shape (H, W), float32
        Probability of cell, 0 to 1.
    background : str
        "plain" or "noise" for a simulated image; empty if unknown.
    """

    name: str
    image: np.ndarray
    mask: np.ndarray
    probability: np.ndarray
    background: str = ""


def write_predictions(path, predictions):
    """Write ``predictions.h5`` to `path` itself, compressed. The same predictions give the same bytes.

    Parameters
    ----------
    path : str or path
    predictions : iterable of Prediction

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with hdf5.writing(path) as file:
        for number, prediction in enumerate(predictions):
            group = file.create_group(f"{number:04d}")
            group.attrs["name"], group.attrs["background"] = prediction.name, prediction.background
            for key, kind in _PLANES.items():
                data = np.asarray(getattr(prediction, key), kind)
                group.create_dataset(key, data=data, compression="gzip", shuffle=True, track_times=False)


def read_predictions(path):
    """Read ``predictions.h5``.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    list of Prediction
        In the order of the data.

    Raises
    ------
    CellsegError
        If the file is missing, damaged or something else.
    """
    return hdf5.read(path, _all, advice="make it again with `cellseg evaluate`")


def _all(file):
    if not file.keys():
        raise ValueError("no images")
    return [_one(file, key) for key in sorted(file.keys(), key=int)]


def _one(file, key):
    image, mask, probability = (file.array(f"{key}/{name}", kind) for name, kind in _PLANES.items())
    if image.ndim != 2 or not image.size or not image.shape == mask.shape == probability.shape:
        raise ValueError("planes of different shapes")
    if not np.isfinite(image).all() or not np.all((probability > -_ROUNDING) & (probability < 1 + _ROUNDING)):
        raise ValueError("numbers out of range")
    name = file.text(key, "name")
    if name is None:
        raise ValueError(f"image {key} has no name")
    background = file.text(key, "background")
    if background is None:
        background = "noise" if _OLD_NOISE.match(name) else ""
    return Prediction(name, image, mask.astype(bool), probability, background)
