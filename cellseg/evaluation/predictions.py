"""What a network made of annotated images, kept for figures and later counts: ``predictions.h5``.

One group an image, ``0000``, ``0001`` and so on in the order of the data, with the attribute ``name`` and the datasets
``image`` (normalised), ``mask`` and ``probability``.
"""

from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from cellseg.errors import CellsegError
from cellseg.files import replacing

PREDICTIONS = "predictions.h5"


class Prediction(NamedTuple):
    """One annotated image and the network's output for it.

    Attributes
    ----------
    name : str
        As in the evaluation's ``per_image``.
    image : ndarray of shape (H, W), float32
        Normalised grey values.
    mask : ndarray of shape (H, W), bool
        Truth: where there is cell.
    probability : ndarray of shape (H, W), float32
        Probability of cell, 0 to 1.
    """

    name: str
    image: np.ndarray
    mask: np.ndarray
    probability: np.ndarray


def write_predictions(path, predictions):
    """Write ``predictions.h5``: compressed, and the same bytes for the same predictions.

    Parameters
    ----------
    path : str or path
    predictions : iterable of Prediction

    Raises
    ------
    CellsegError
        If it cannot be written.
    """
    with replacing(path) as beside, h5py.File(str(beside), "w") as file:
        for number, (name, *planes) in enumerate(predictions):
            group = file.create_group(f"{number:04d}")
            group.attrs["name"] = name
            for key, plane, kind in zip(Prediction._fields[1:], planes, (np.float32, np.uint8, np.float32)):
                data = np.asarray(plane, kind)
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
    if not Path(path).is_file():
        raise CellsegError(f"{path}: no such file; make it with `cellseg evaluate`")
    try:
        with h5py.File(str(path), "r") as file:
            return [_read(file[key]) for key in sorted(file, key=int)]
    except (OSError, KeyError, ValueError, AttributeError, TypeError, RuntimeError) as error:
        raise CellsegError(f"{path}: damaged, or no predictions; make it again with `cellseg evaluate`") from error


def _read(group):
    image, mask, probability = (group[key][()] for key in Prediction._fields[1:])
    if image.ndim != 2 or not image.shape == mask.shape == probability.shape:
        raise ValueError("planes of different shapes")
    return Prediction(str(group.attrs["name"]), image, mask.astype(bool), probability)
