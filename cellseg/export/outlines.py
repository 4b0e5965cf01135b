"""Outlines of cells along the edges of their pixels: whoever fills them gets the same pixels again.

The pixel in row r and column c covers r to r + 1 and c to c + 1, so corners are whole numbers. scikit-image traces
contours between the centres of pixels, and what goes along their edges needs GDAL. Drawing outlines is
`cellseg.data.truth_outlines.draw`.
"""

import numpy as np
import skimage

from cellseg.segmentation.cell_blocks import cell_blocks

_BAND = 1 << 21  # pixels that are traced at a time


def outlines(plane):
    """Trace the cells of a plane, with only some rows in memory.

    Parameters
    ----------
    plane : cellseg.segmentation.plane_result.PlaneResult

    Yields
    ------
    cells : slice
        The next rows of its table.
    traced : list
        The polygons of these cells; see `trace`.
    """
    ready, first = {}, 0
    for block in cell_blocks(plane.labels(max(_BAND // plane.plane.shape[1], 1)), plane.table):
        ready.update(zip(block.cells.tolist(), trace(block.labels, block.top), strict=True))
        traced = []
        while first + len(traced) in ready:
            traced.append(ready.pop(first + len(traced)))
        yield slice(first, first + len(traced)), traced
        first += len(traced)


def trace(labels, top=0):
    """Trace the cells of a label image.

    A cell is one polygon for each of its 4-connected parts; parts that touch at a corner share that corner. A polygon
    is a list of rings, first its outer one, then those of its holes. A ring is a closed line without its first corner
    at the end, and passes no corner twice.

    Parameters
    ----------
    labels : ndarray of shape (H, W), integer
        0 is background; the cells have the numbers 1 to n.
    top : int
        Row of the plane at which it begins, which is added to y.

    Returns
    -------
    list of list of list of ndarray of shape (K, 2), int64
        For each cell its polygons, for each polygon its rings, for each ring its corners x, y. Outer rings run to the
        right along upper edges, holes to the left.
    """
    padded = np.pad(labels, 1)
    parts = skimage.measure.label(padded, background=0, connectivity=1)
    cells = [[] for _ in range(int(labels.max(initial=0)))]
    polygons = {}
    for pixel, ring in _rings(parts):
        part = parts.flat[pixel]
        if part not in polygons:
            polygons[part] = []
            cells[padded.flat[pixel] - 1].append(polygons[part])
        for simple in _without_meetings(ring + [0, top]):
            polygons[part].insert(0 if _area(simple) > 0 else len(polygons[part]), simple)
    return cells


def _rings(parts):
    """The closed lines around parts, each with a pixel of its part. The part is always on the right hand.

    An edge is four times the index of its pixel, plus its direction: 0 to the right above the pixel, 1 down on its
    right, 2 to the left below it, 3 up on its left.
    """
    height, width = parts.shape
    flat = parts.ravel()
    outside = np.array([-width, 1, width, -1])
    pixels = np.flatnonzero(flat)
    edges = np.sort(np.concatenate([4 * pixels[flat[pixels] != flat[pixels + outside[way]]] + way for way in range(4)]))
    pixel, way = edges // 4, edges % 4
    ahead = pixel + outside[(way + 1) % 4]
    beside = ahead + outside[way]
    on, in_way = flat[ahead] == flat[pixel], flat[beside] == flat[pixel]
    # Around the corner of the same pixel, straight on, or around the pixel in the way.
    following = np.select([~on, ~in_way], [4 * pixel + (way + 1) % 4, 4 * ahead + way], 4 * beside + (way - 1) % 4)
    order, starts = _follow(np.searchsorted(edges, following).tolist())
    pixel, way = pixel[order], way[order]
    corners = np.stack([pixel % width - 1 + np.isin(way, (1, 2)), pixel // width - 1 + (way >= 2)], axis=1)
    before = np.roll(way, 1)
    before[starts[:-1]] = way[starts[1:] - 1]
    turns = np.flatnonzero(way != before)
    ends = np.searchsorted(turns, starts)
    for number, start in enumerate(starts[:-1]):
        yield pixel[start], corners[turns[ends[number] : ends[number + 1]]]


def _follow(following):
    """The edges ring by ring, and where each ring begins; the last of these is the number of edges."""
    seen, order, starts = bytearray(len(following)), [], []
    for edge in range(len(following)):
        if not seen[edge]:
            starts.append(len(order))
        while not seen[edge]:
            seen[edge] = 1
            order.append(edge)
            edge = following[edge]
    return order, np.array([*starts, len(order)])


def _without_meetings(ring):
    """Cut a ring that passes a corner twice, where its part touches itself, into rings that do not."""
    corners = list(map(tuple, ring.tolist()))
    if len(set(corners)) == len(corners):
        return [ring]
    rings, way, places = [], [], {}
    for corner in corners:
        if corner in places:
            place = places[corner]
            rings.append(way[place:])
            for passed in way[place:]:
                del places[passed]
            del way[place:]
        places[corner] = len(way)
        way.append(corner)
    return [np.array(one) for one in (*rings, way)]


def _area(ring):
    """Area of a ring in pixels; that of a hole is negative."""
    x, y = ring.T
    return (x[:-1] @ y[1:] - x[1:] @ y[:-1] + x[-1] * y[0] - x[0] * y[-1]) / 2
