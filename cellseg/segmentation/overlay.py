"""A picture of a plane with the outlines of its cells, small enough to be looked at."""

import numpy as np
from PIL import Image

LARGEST = 2048  # pixels; larger planes are reduced by a whole factor
_BAND = 1 << 22  # pixels read at a time
_OUTLINE = (230, 159, 0)  # orange of Okabe and Ito's palette, which the colour-blind tell from grey


def reduction(shape):
    """By which factor a plane (H, W) is reduced."""
    return -(-max(shape) // LARGEST)


def overlay(image, labels, shape, scale):
    """Draw a plane.

    Parameters
    ----------
    image, labels : callable
        Called with a height, they give the plane's grey values and labels, rows (n, W) from the top in arrays of that
        height.
    shape : tuple of int
        (H, W).
    scale : cellseg.data.normalisation.Scale
        What the network sees of the grey values; 0 is drawn black, 1 white.

    Returns
    -------
    PIL.Image.Image
        RGB, each pixel the mean of a square of `reduction(shape)` pixels on a side, or an outline where one runs
        through it.
    """
    factor = reduction(shape)
    height = factor * max(_BAND // (shape[1] * factor), 1)
    above, bands = None, []
    for grey, cells in zip(image(height), labels(height)):
        outlined = _squares(_outlines(cells, above), factor).any(axis=(1, 3))
        light = _squares(scale(grey), factor).mean(axis=(1, 3))
        picture = np.repeat(np.clip(light * 255, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
        picture[outlined] = _OUTLINE
        bands.append(picture)
        above = cells[-1]
    return Image.fromarray(np.concatenate(bands))


def _outlines(labels, above):
    """Pixels whose left or upper neighbour has another label."""
    edges = np.zeros(labels.shape, bool)
    edges[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edges[1:] |= labels[1:] != labels[:-1]
    if above is not None:
        edges[0] |= labels[0] != above
    return edges


def _squares(plane, factor):
    """The plane with two axes more: its squares of `factor` pixels; what lacks of those at its end repeats its edge."""
    lacking = [(0, -side % factor) for side in plane.shape]
    rows, columns = ((side + more) // factor for side, (_, more) in zip(plane.shape, lacking))
    return np.pad(plane, lacking, mode="edge").reshape(rows, factor, columns, factor)
