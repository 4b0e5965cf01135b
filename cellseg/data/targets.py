"""What a network learns of numbered cells besides "cell" and "background"."""

import numpy as np
from scipy import ndimage


def distance_map(labels) -> np.ndarray:
    """The distance of each pixel from the edge of its cell, as a part of the cell's largest.

    It is 1 in the middle of a cell of any size, falls towards its edge, also where it touches another cell, and is 0
    outside of cells. The edge of the image is no edge of a cell.

    Parameters
    ----------
    labels : ndarray of shape (H, W), int
        0 background, from 1 on the cells.

    Returns
    -------
    ndarray of shape (H, W), float32
    """
    distance = np.zeros(labels.shape, np.float32)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        around = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box)
        cell = labels[around] == number
        if cell.all():  # it is the whole image
            distance[around] = 1
            continue
        inside = ndimage.distance_transform_edt(cell)
        distance[around][cell] = (inside / inside.max())[cell]
    return distance
