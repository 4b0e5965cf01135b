"""Further columns of ``objects.csv``: any property of scikit-image's `regionprops` that is a number, or a row of them.

Shapes are in pixels, places in the plane's rows and columns.
"""

import difflib
import functools
import itertools

import numpy as np
import skimage

from cellseg.errors import CellsegError
from cellseg.segmentation.cell_blocks import cell_blocks
from cellseg.segmentation.tables import OBJECTS, significant

_BAND = 1 << 22  # pixels that are looked at at a time
#: Which numbers of a property are rows of the plane; others count from the cell or are no places.
_ROWS = {"bbox": (0, 2), "centroid": (0,), "centroid_weighted": (0,)}


def check_properties(names):
    """Refuse names that are no properties of a fixed number of numbers, or columns of `OBJECTS` already.

    Raises
    ------
    CellsegError
    """
    if not names:
        return
    known = [name for name in _examples() if name not in OBJECTS]
    for name in names:
        if name in OBJECTS:
            raise CellsegError(f"--properties {name}: objects.csv has this column anyway; leave it out")
        if name not in known:
            close = difflib.get_close_matches(name, known, 3)
            hint = f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(known)}"
            raise CellsegError(f"--properties {name}: no property of scikit-image that a table can hold; {hint}")


def property_columns(names):
    """The columns of these properties, as `skimage.measure.regionprops_table` calls them: ``moments_hu-0`` and so on.

    Returns
    -------
    list of str
    """
    return list(_columns(names))


def _columns(names):
    """The kind of numbers of each column."""
    examples = {name: _examples()[name] for name in names}
    return {
        "-".join([name, *map(str, index)]): example.dtype.kind
        for name, example in examples.items()
        for index in np.ndindex(example.shape)
    }


def measure_properties(plane, bands, table, names):
    """Measure properties of the cells of a plane.

    Parameters
    ----------
    plane : cellseg.images.source.Plane or alike
    bands : callable
        Called with a height, it gives the plane's labels, from the top, in arrays of shape (height, W).
    table : ndarray, structured
        The cells; see `cellseg.segmentation.measurement`.
    names : sequence of str
        Of which `check_properties` holds.

    Returns
    -------
    dict of str to list
        For each of `property_columns` a value a cell.
    """
    if not names:
        return {}
    columns, width = _columns(names), plane.shape[1]
    values = np.zeros((len(table), len(columns)))
    for block in cell_blocks(bands(max(_BAND // width, 1)), table):
        grey = plane.read(block.top, block.top + len(block.labels), 0, width)
        with np.errstate(invalid="ignore", divide="ignore"):  # cells without light have no weighted centre
            for cell, region in zip(block.cells, skimage.measure.regionprops(block.labels, grey), strict=True):
                values[cell] = list(itertools.chain(*(_numbers(region, name, block.top) for name in names)))
    return {
        name: significant(column) if kind == "f" else column.astype(int).tolist()
        for (name, kind), column in zip(columns.items(), values.T, strict=True)
    }


def _numbers(region, name, top):
    numbers = np.ravel(np.array(region[name], float))
    numbers[list(_ROWS.get(name, ()))] += top
    return numbers


@functools.cache
def _examples():
    """The values of each property for a cell, where they are numbers and as many for another cell."""
    labels = np.zeros((7, 12), int)
    labels[1:4, 1:5], labels[1:6, 6:11] = 1, 2
    one, other = skimage.measure.regionprops(labels, np.ones(labels.shape))
    examples = {}
    for name in dir(type(one)):
        if not name.startswith("_"):
            value = np.asarray(one[name])
            if value.dtype.kind in "iuf" and value.shape == np.shape(other[name]):
                examples[name] = value
    return examples
