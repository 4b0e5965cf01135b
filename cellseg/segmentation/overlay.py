"""A picture of a plane with the outlines of its cells, at a size to look at."""

import numpy as np
from PIL import Image

LARGEST = 2048  # pixels; larger planes are reduced by a whole factor
_BAND = 1 << 22  # pixels read at a time
OUTLINE = (230, 159, 0)  # orange of Okabe and Ito's palette, which colour-blind people can tell from grey


def reduction(shape):
    """The factor by which a plane (H, W) is made smaller."""
    return -(-max(shape) // LARGEST)


def overlay_names(planes):
    """The names of the files of an image's overlays, in the order of its planes."""
    digits = len(str(planes - 1))
    return ["overlay.png"] if planes == 1 else [f"overlay-{page:0{digits}}.png" for page in range(planes)]


def overlay(image, labels, shape, scale):
    """Draw a plane.

    Parameters
    ----------
    image, labels : callable
        Called with a height, they give the plane's grey values and labels, from the top, in arrays of shape
        (height, W).
    shape : tuple of int
        (H, W).
    scale : cellseg.data.normalisation.Scale
        From grey values to what the network sees, of which 0 is drawn black and 1 white.

    Returns
    -------
    PIL.Image.Image
        RGB. Each pixel is the mean of a square with a side of `reduction(shape)` pixels, or an outline if one runs
        through that square.
    """
    factor = reduction(shape)
    height = factor * max(_BAND // (shape[1] * factor), 1)
    above, bands = None, []
    for grey, cells in zip(image(height), labels(height), strict=True):
        outlined = _squares(_outlines(cells, above), factor).any(axis=(1, 3))
        light = _squares(scale(grey), factor).mean(axis=(1, 3))
        picture = np.repeat(np.clip(light * 255, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
        picture[outlined] = OUTLINE
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
    """View a plane as squares of `factor` pixels. Its edge is repeated to fill the last squares."""
    lacking = [(0, -side % factor) for side in plane.shape]
    rows, columns = ((side + more) // factor for side, (_, more) in zip(plane.shape, lacking, strict=True))
    return np.pad(plane, lacking, mode="edge").reshape(rows, factor, columns, factor)
