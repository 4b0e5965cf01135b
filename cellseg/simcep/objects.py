"""The parts of one cell: first their outlines, then their brightness, so that refusing a place costs little."""

from typing import NamedTuple

import numpy as np

from cellseg.simcep.shape import random_shape
from cellseg.simcep.texture import texture

#: Image channels in the order of SIMCEP's red, green and blue.
CHANNELS = ("cytoplasm", "subcell", "nuclei")


class CellObject(NamedTuple):
    """One object in its bounding box.

    Attributes
    ----------
    count : ndarray, (height, width) int
        How many times a pixel is covered: 0 or 1, more only where subcellular spots of one cell overlap.
    intensity : ndarray, (height, width) float
        Brightness in [0, 1] for each time that a pixel is covered, 0 elsewhere.
    """

    count: np.ndarray  # type: ignore[assignment]  # a tuple's own `count` is not used
    intensity: np.ndarray


def draw_masks(cell_obj, rng):
    """Draw the outlines of the included nucleus and cytoplasm of one cell, independently of each other.

    Parameters
    ----------
    cell_obj : cellseg.simcep.options.CellObj
    rng : numpy.random.RandomState

    Returns
    -------
    dict of str to ndarray of bool
        Masks in their tight bounding boxes by channel.
    """
    parts = {"cytoplasm": cell_obj.cytoplasm, "nuclei": cell_obj.nucleus}
    return {channel: random_shape(part.radius, *part.shape, rng) for channel, part in parts.items() if part.include}


def draw_objects(masks, cell_obj, rng):
    """Fill the outlines of one cell with texture and add its subcellular spots.

    Returns
    -------
    dict of str to CellObject
        By channel; the box of ``"subcell"`` is that of ``"cytoplasm"``.
    """
    parts = {"cytoplasm": cell_obj.cytoplasm, "nuclei": cell_obj.nucleus}
    objects = {channel: _textured(mask, parts[channel].texture, rng) for channel, mask in masks.items()}
    if cell_obj.subcell.include:
        objects["subcell"] = draw_spots(masks["cytoplasm"], cell_obj, rng)
    return objects


def draw_spots(cytoplasm, cell_obj, rng):
    """Draw the subcellular spots of one cell, centred on random pixels of its cytoplasm and cut off at its box.

    The original lets the texture fill the whole bounding box of a spot; here it fills the spot.

    Parameters
    ----------
    cytoplasm : ndarray of bool
        The cytoplasm's mask.
    cell_obj : cellseg.simcep.options.CellObj
    rng : numpy.random.RandomState

    Returns
    -------
    CellObject
        In the box of `cytoplasm`; both fields are sums over the spots.
    """
    options = cell_obj.subcell
    radius = cell_obj.cytoplasm.radius / 10 if options.radius is None else options.radius
    pixels = np.argwhere(cytoplasm)
    spots = CellObject(np.zeros(cytoplasm.shape, int), np.zeros(cytoplasm.shape))
    for row, column in pixels[rng.randint(len(pixels), size=options.ns)]:
        spot = _textured(random_shape(radius, *options.shape, rng), options.texture, rng)
        inside, kept = place(spot.count.shape, row, column, cytoplasm.shape)
        spots.count[inside] += spot.count[kept]
        spots.intensity[inside] += spot.intensity[kept]
    return spots


def place(box, row, column, image):
    """Centre a box on a pixel of an image and cut off what lies outside.

    The box's first row is ``row - round(height / 2) + 1`` with halves rounded up, and likewise for the columns.

    Parameters
    ----------
    box, image : (int, int)
        Heights and widths.
    row, column : int
        The pixel, counted from 0; within the image.

    Returns
    -------
    (tuple of slice, tuple of slice)
        The part of the image that is covered, and the part of the box that covers it.
    """
    inside, kept = [], []
    for size, centre, limit in zip(box, (row, column), image, strict=True):
        first = centre - (size + 1) // 2 + 1
        start, stop = max(first, 0), min(first + size, limit)
        inside.append(slice(start, stop))
        kept.append(slice(start - first, stop - first))
    return tuple(inside), tuple(kept)


def _textured(mask, options, rng):
    return CellObject(mask.astype(int), texture(mask.shape, *options, rng) * mask)
