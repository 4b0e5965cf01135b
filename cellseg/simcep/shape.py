"""Random outlines of cells and nuclei, as pixel masks (the parametric shape model of the 2007 paper)."""

import numpy as np
from scipy.interpolate import CubicSpline

#: Random vertices of an outline.
VERTICES = 10
#: Points of the smooth outline through them.
SAMPLES = 1000


def random_outline(alpha, beta, rng):
    """Draw a smooth closed curve around the origin, with a radius of about 1.

    Vertex k of `VERTICES` equally spaced angles t lies at row ``alpha U + cos(t + beta U)`` and column
    ``alpha U + sin(t + beta U)``, every U being a new uniform number in (-1, 1), with the sine and the cosine
    disturbed independently. A periodic cubic spline runs through the vertices, with the square root of the chord
    between two of them as its parameter step (centripetal).

    Returns
    -------
    ndarray, (SAMPLES, 2) float
        Rows and columns; the last point is the first.
    """
    angle = 2 * np.pi * np.arange(VERTICES) / VERTICES
    disturbance = rng.uniform(-1, 1, (4, VERTICES))
    vertices = np.empty((VERTICES + 1, 2))
    vertices[:-1, 0] = alpha * disturbance[0] + np.cos(angle + beta * disturbance[1])
    vertices[:-1, 1] = alpha * disturbance[2] + np.sin(angle + beta * disturbance[3])
    vertices[-1] = vertices[0]
    chord = np.hypot(*np.diff(vertices, axis=0).T)
    knots = np.concatenate([[0.0], np.cumsum(np.sqrt(chord))])
    return CubicSpline(knots, vertices, bc_type="periodic")(np.linspace(0, knots[-1], SAMPLES))


def fill_polygon(vertices):
    """Fill a polygon whose corners are pixel centres, by the even-odd rule.

    Of the pixel centres that lie on the outline, those on an upper or left side are in and those on a lower or right
    side are out, so that the number of pixels is the area of the polygon.

    Parameters
    ----------
    vertices : ndarray, (n, 2) int
        Rows and columns, not negative; the polygon is closed from the last to the first.

    Returns
    -------
    ndarray, (largest row + 1, largest column + 1) bool
    """
    height, width = vertices.max(axis=0) + 1
    row, column = vertices.T
    next_row, next_column = np.roll(vertices, -1, axis=0).T
    # Where each edge crosses the rows from its upper end (in) to its lower end (out).
    crossed = np.abs(next_row - row)
    edge = np.repeat(np.arange(len(vertices)), crossed)
    along = np.arange(len(edge)) - np.repeat(np.cumsum(crossed) - crossed, crossed)
    at_row = np.minimum(row, next_row)[edge] + along
    run, rise = (next_column - column)[edge], (next_row - row)[edge]
    at_column = column[edge] - (row[edge] - at_row) * run // rise  # rounded up, in whole numbers
    flips = np.bincount(at_row * width + at_column, minlength=height * width).reshape(height, width)
    return np.cumsum(flips, axis=1) % 2 == 1


def random_shape(radius, alpha, beta, rng):
    """Draw the mask of one object.

    The outline (`random_outline`) is multiplied by the radius, moved to the origin of its bounding box, rounded to
    whole pixels and filled. The mean area is that of a disc of this radius.

    Parameters
    ----------
    radius : float
        In pixels.
    alpha : float
        Disturbance of the vertices' positions, relative to the radius.
    beta : float
        Disturbance of their angles, in radians.
    rng : numpy.random.RandomState

    Returns
    -------
    ndarray, (height, width) bool
        In its tight bounding box; at least one pixel.
    """
    outline = radius * random_outline(alpha, beta, rng)
    mask = fill_polygon(np.floor(outline - outline.min(axis=0) + 0.5).astype(int))
    if not mask.any():
        return np.ones((1, 1), bool)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
