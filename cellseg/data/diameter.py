"""How large cells are: the diameter of a disc of the same area."""

import numpy as np


def median_diameter(areas) -> float:
    """Median diameter of cells.

    Parameters
    ----------
    areas : array_like of shape (n,)
        In pixels; n is 1 or more.

    Returns
    -------
    float
        The median of ``2 * sqrt(area / pi)``, in pixels.
    """
    return float(np.median(2 * np.sqrt(np.asarray(areas, np.float64) / np.pi)))
