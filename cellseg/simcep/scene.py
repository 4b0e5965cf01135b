"""The ideal image of a population and its ground truth, before any optics."""

from typing import NamedTuple

import numpy as np

from cellseg.simcep.objects import CHANNELS, place


class Scene(NamedTuple):
    """What there is to be seen, always in the three channels of `CHANNELS`. One that is not included is 0.

    Attributes
    ----------
    ideal : ndarray, (height, width, 3) float
        Brightness without optics, in [0, 1]: the mean of the objects at each pixel, 0 in the background.
    counts : ndarray, (height, width, 3) int32
        How many objects cover each pixel.
    label_planes : ndarray, (height, width, 3) int32
        Number of the cell at each pixel, from 1 in the order of placing, 0 in the background. Where cells overlap,
        the later one counts.
    labels : ndarray, (height, width) int32
        The same for whole cells: all objects of a cell together.
    features : dict of str to ndarray, (cells, 3) int
        By channel: row and column of each cell's centre (counted from 0), and the area in pixels of its object inside
        the image, including what other cells hide. The spots of a cell count as one object.
    """

    ideal: np.ndarray
    counts: np.ndarray
    label_planes: np.ndarray
    labels: np.ndarray
    features: dict


def compose(cells, template):
    """Add up the cells' objects into the ideal image and the ground truth.

    Parameters
    ----------
    cells : list of cellseg.simcep.population.Cell
    template : (int, int)
        Height and width of the image in pixels.

    Returns
    -------
    Scene
    """
    ideal = np.zeros((*template, 3))
    counts = np.zeros((*template, 3), np.int32)
    label_planes = np.zeros((*template, 3), np.int32)
    labels = np.zeros(template, np.int32)
    features = {channel: [] for channel in CHANNELS}
    for number, cell in enumerate(cells, start=1):
        for channel, part in cell.objects.items():
            plane = CHANNELS.index(channel)
            inside, kept = place(part.count.shape, cell.row, cell.column, template)
            count = part.count[kept]
            ideal[..., plane][inside] += part.intensity[kept]
            counts[..., plane][inside] += count
            label_planes[..., plane][inside][count > 0] = number
            labels[inside][count > 0] = number
            features[channel].append((cell.row, cell.column, np.count_nonzero(count)))
    np.divide(ideal, counts, out=ideal, where=counts > 0)
    features = {channel: np.array(rows, int).reshape(-1, 3) for channel, rows in features.items()}
    return Scene(ideal, counts, label_planes, labels, features)
