"""A trained model on an image that is in memory: numpy in, numpy out."""

import logging
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from cellseg.data.normalisation import Scale
from cellseg.errors import CellsegError
from cellseg.models.settings import ModelSettings
from cellseg.models.shipped import DEFAULT
from cellseg.segmentation.doubts import doubts
from cellseg.segmentation.find_cells import find_cells, map_bands, measure_scale
from cellseg.segmentation.model import Model, load_model
from cellseg.segmentation.selection import ALL, Selection
from cellseg.segmentation.size import at_size, read_diameter, rescaling


class Segmentation(NamedTuple):
    """The cells of an image.

    Attributes
    ----------
    labels : ndarray of shape (H, W), uint16 or, past 65 535 cells, uint32
        0 is background, cells have the numbers 1 to n in the order of their first pixels, row by row.
    probability : ndarray of shape (H, W), float32
        Of cell, 0 to 1.
    objects : ndarray of shape (n,), structured
        A row a cell; its columns (``objects["area"]`` and so on) are in `cellseg.segmentation.measurement.CELL`.
    """

    labels: np.ndarray
    probability: np.ndarray
    objects: np.ndarray


class Maps(NamedTuple):
    """What a network says of an image, whatever the settings with which cells are found in it.

    Attributes
    ----------
    plane : cellseg.images.source.Plane or alike
        The image.
    scale : cellseg.data.normalisation.Scale
    maps : ndarray of shape (M, H, W), float32
        See `cellseg.inference.network.Network`; the first is the probability of cell.
    settings : cellseg.models.settings.ModelSettings
        The model's, in pixels of the image.
    """

    plane: "_ArrayPlane"
    scale: Scale
    maps: np.ndarray
    settings: ModelSettings


def segment(image, model=DEFAULT, diameter=None, percentiles=None, drop_border=False, largest_object=None):
    """Segment an image. What should be known of the result is logged as a warning.

    Parameters
    ----------
    image : array_like of shape (H, W)
        Grey values of any real type and scale.
    model : str, path or cellseg.segmentation.model.Model
        As for `cellseg.segmentation.load_model`, with which it is loaded once for several images.
    diameter : float, optional
        Median diameter of the image's cells in pixels. The network then sees the image at the size that it was trained
        on; labels and probability have the image's own size.
    percentiles : tuple of float, optional
        Of the grey values that become 0 and 1, in place of the 1st and the 99.8th.
    drop_border : bool
        Whether cells that touch the edge of the image are left out.
    largest_object : int, optional
        Area in pixels of the image above which cells are left out.

    Returns
    -------
    Segmentation

    Raises
    ------
    CellsegError
        If the image has other than two axes, no pixels, complex values or nothing but NaN, or the model cannot be used.
    """
    plane, scale, bands, settings = _bands(image, model, diameter, percentiles)
    found, notes = _found(plane, scale, bands, settings, Selection(drop_border, largest_object))
    for note in notes:
        logging.getLogger(__name__).warning("warning: the image: %s", note)
    return found


def map_image(image, model=DEFAULT, diameter=None, progress=lambda pixels: None):
    """Run the network over an image, once for all settings with which cells are then found; see `find_in_maps`.

    Parameters
    ----------
    image, model, diameter
        As of `segment`.
    progress : callable
        Told the number of pixels of each finished band.

    Returns
    -------
    Maps

    Raises
    ------
    CellsegError
        As `segment`.
    """
    plane, scale, bands, settings = _bands(image, model, diameter)
    parts = []
    for top, bottom, part in bands:
        parts.append(part)
        progress((bottom - top) * plane.shape[1])
    return Maps(plane, scale, np.concatenate(parts, axis=1), settings)


def find_in_maps(maps, **changes):
    """Find the cells in the maps of an image.

    Parameters
    ----------
    maps : Maps
    **changes
        Fields of `cellseg.models.settings.ModelSettings` that differ from those of the model: ``threshold``,
        ``split``, ``smallest_object``, ``largest_hole``; in pixels of the image.

    Returns
    -------
    found : Segmentation
    notes : list of str
        What should be known of the result.
    """
    bands = [(0, maps.plane.shape[0], maps.maps)]
    return _found(maps.plane, maps.scale, bands, replace(maps.settings, **changes))


def _bands(image, model, diameter, percentiles=None):
    """An image as a plane, its scale, the bands of its maps, and the settings in its pixels."""
    plane = _ArrayPlane(image)
    model = model if isinstance(model, Model) else load_model(model)
    scale = measure_scale([plane], "the image", model.settings, percentiles)
    factor = rescaling(None if diameter is None else read_diameter(str(diameter)), model.settings)
    settings = at_size(model.settings, factor, model.tiles.network.maps)
    return plane, scale, map_bands(plane, scale, model.tiles, factor), settings


def _found(plane, scale, bands, settings, selection=ALL):
    labels, probability = [], []
    cells = find_cells(plane, bands, settings, labels.append, probability.append, selection=selection)
    numbers = cells.numbers.astype(label_type(len(cells.table)))
    found = Segmentation(numbers[np.concatenate(labels)], np.concatenate(probability), cells.table)
    return found, doubts(plane, scale, cells, settings.diameter)


def label_type(count):
    """The type of labels for that many cells."""
    return np.dtype(np.uint16 if count <= np.iinfo(np.uint16).max else np.uint32)


class _ArrayPlane:
    """An array read as `cellseg.images.source.Plane` is."""

    def __init__(self, image):
        self.array = np.asarray(image)
        if self.array.ndim != 2 or not self.array.size:
            raise CellsegError(f"the image has the shape {self.array.shape}; give rows and columns of one channel")
        if self.array.dtype.kind not in "buif":
            raise CellsegError(f"the image holds {self.array.dtype} values; give real numbers")
        self.shape, self.dtype = self.array.shape, self.array.dtype

    def read(self, top, bottom, left, right):
        return self.array[top:bottom, left:right]
