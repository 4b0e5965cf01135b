"""One plane from its grey values to numbered cells, band by band."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from cellseg.data.normalisation import measure
from cellseg.inference.grey_values import StreamedGrey
from cellseg.inference.rescaling import RescaledPlane
from cellseg.segmentation.labelling import Labeller, renumber
from cellseg.segmentation.selection import ALL

_AT_ONCE = 1 << 22  # pixels that are labelled at a time


class Cells(NamedTuple):
    """What `find_cells` finds besides the rows that it hands on.

    Attributes
    ----------
    table : ndarray, structured
        See `cellseg.segmentation.measurement`, in the order of the labels.
    numbers : ndarray of shape (provisional labels + 1,), uint32
        The final label of each provisional one.
    missing : int
        How many pixels are NaN or infinite. They are in no cell but in its filled holes, and then the cell's brightness
        is NaN, too.
    """

    table: np.ndarray
    numbers: np.ndarray
    missing: int = 0


def measure_scale(planes, name, settings, percentiles=None):
    """What the model's normalisation makes of the grey values of planes: one scale for all of them.

    Parameters
    ----------
    planes : iterable of cellseg.images.source.Plane or alike
        All of one type.
    name : str
        What to call them in errors.
    settings : cellseg.models.settings.ModelSettings
    percentiles : tuple of float, optional
        See `cellseg.data.normalisation.measure`.

    Returns
    -------
    cellseg.data.normalisation.Scale
        With a span of 0 where there is no contrast.

    Raises
    ------
    CellsegError
        If the planes hold nothing but NaN or infinite values.
    """
    return measure(StreamedGrey(planes, name), settings.normalisation, percentiles)


def map_bands(plane, scale, tiles, factor=1.0):
    """Bands (top, bottom, maps (M, bottom - top, W)) of a plane; all 0 where it has no contrast.

    For the maps see `cellseg.inference.network.Network`. The network sees the plane rescaled by `factor`; the bands
    have the plane's own rows and columns.
    """
    for top, bottom in tiles.bands(plane.shape[0]):
        yield top, bottom, band_maps(plane, scale, tiles, top, bottom, factor)


def band_maps(plane, scale, tiles, top, bottom, factor=1.0):
    """The maps of one of these bands, float32."""
    if not scale.span > 0:
        return np.zeros((tiles.network.maps, bottom - top, plane.shape[1]), np.float32)
    if factor == 1:
        return tiles.maps(plane, scale, top, bottom)
    rescaled = RescaledPlane(plane, factor)

    def maps(first, end):
        return tiles.maps(rescaled, scale, first, end)

    return rescaled.restore(maps, top, bottom, tiles.side)


def _least(threshold):
    """The smallest number of single precision that is not below a threshold."""
    least = np.float32(threshold)
    return least if float(least) >= threshold else np.nextafter(least, np.float32(2))


def find_cells(plane, bands, settings, labels, probability=None, progress=lambda pixels: None, selection=ALL):
    """From a network's maps to cells.

    Parameters
    ----------
    plane : cellseg.images.source.Plane or alike
        Its grey values are measured.
    bands : iterable
        See `map_bands`.
    settings : cellseg.models.settings.ModelSettings
    labels, probability : callable
        Told the next rows, (n, W): provisional labels, uint32, and probabilities, float32.
    progress : callable
        Told the number of pixels of each finished band.
    selection : cellseg.segmentation.selection.Selection
        Which cells are kept.

    Returns
    -------
    Cells
    """
    height, width = plane.shape
    labeller, tables, missing = Labeller(width, settings.smallest_object, settings.largest_hole, settings.split), [], []

    rows = max(_AT_ONCE // width, 1)

    def label(top, bottom, mask, distance):
        for first in range(top, bottom, rows):
            end = min(first + rows, bottom)
            grey = plane.read(first, end, 0, width)
            cell, number = mask[first - top : end - top], np.isfinite(grey)
            if not number.all():
                missing.append(number.size - np.count_nonzero(number))
                cell = cell & number
            part = None if distance is None else distance[first - top : end - top]
            finished = labeller.add(cell, grey, part, last=end == height)
            labels(finished.labels)
            tables.append(finished.cells)

    # One band is labelled while the network, which real Caffe keeps to its thread, is at the next.
    with ThreadPoolExecutor(1) as behind:
        before = None
        for top, bottom, maps in bands:
            if probability:
                probability(maps[0])
            mask = maps[0] >= _least(settings.threshold)
            distance = maps[1].copy() if len(maps) > 1 else None
            del maps  # as large as the band that comes next
            if before:
                before.result()
            before = behind.submit(label, top, bottom, mask, distance)
            progress((bottom - top) * width)
        before.result()
    numbers, table = renumber(tables, lambda cells: selection.kept(cells, plane.shape))
    return Cells(table, numbers, sum(missing))
