"""The tables of results: a row a cell, and a row an image."""

import csv
import itertools

import numpy as np

from cellseg.segmentation.selection import touches_border

#: Columns of ``objects.csv``. Rows, columns and pages count from 0. ``bottom`` and ``right`` are the first row and
#: column behind the cell. Areas and places are in pixels, and in micrometres (``_um``) where the file has a pixel size.
#: T and Z are the plane's, where the image has such axes.
OBJECTS = (
    *("image", "page", "T", "Z", "label", "area", "centroid_row", "centroid_column", "top", "left", "bottom", "right"),
    *("mean_intensity", "max_intensity", "eccentricity", "solidity", "touches_border"),
    *("area_um2", "centroid_row_um", "centroid_column_um"),
)

#: Columns of ``summary.csv``.
SUMMARY = (
    *("image", "planes", "height", "width", "channel", "pixel_height_um", "pixel_width_um"),
    *("count", "covered_fraction", "threshold", "seconds", "warnings"),
)

_AT_ONCE = 1 << 14  # cells
_DECIMALS = {"centroid_row": 3, "centroid_column": 3, "eccentricity": 4, "solidity": 4}
_MEASURED = (
    *("label", "area", "centroid_row", "centroid_column", "top", "left", "bottom", "right", "mean_intensity"),
    *("max_intensity", "eccentricity", "solidity"),
)


def object_rows(image, page, plane, cells, pixel_size=None, more=None):
    """Rows of ``objects.csv`` for the cells of one plane.

    Parameters
    ----------
    image : str
    page : int
        Number of the plane in the label image.
    plane : cellseg.images.source.Plane or alike
    cells : ndarray, structured
        See `cellseg.segmentation.measurement`.
    pixel_size : tuple of float, optional
        Height and width of a pixel in micrometres.
    more : dict of str to list, optional
        Further columns, with a value a cell.

    Yields
    ------
    tuple
        The values of `OBJECTS`, then those of `more`.
    """
    for first in range(0, len(cells), _AT_ONCE):
        here = slice(first, first + _AT_ONCE)
        rest = {name: values[here] for name, values in (more or {}).items()}
        yield from _rows(image, page, plane, cells[here], pixel_size, rest)


def _rows(image, page, plane, cells, pixel_size, more):
    columns = {name: _rounded(name, cells[name]).tolist() for name in _MEASURED}
    columns["touches_border"] = touches_border(cells, plane.shape).astype(int).tolist()
    if pixel_size:
        row, column = pixel_size
        columns["area_um2"] = significant(cells["area"] * row * column)
        columns["centroid_row_um"] = significant(cells["centroid_row"] * row)
        columns["centroid_column_um"] = significant(cells["centroid_column"] * column)
    same = {"image": image, "page": page, **plane.index}
    given = (columns.get(name, [same.get(name, "")] * len(cells)) for name in OBJECTS)
    return zip(*given, *more.values(), strict=True)


def write_table(path, columns, rows):
    """Write a CSV file of these columns."""
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def join_tables(path, columns, parts):
    """Write one CSV file from the rows of several.

    Parameters
    ----------
    path : path
    columns : sequence of str
        With which each of them begins.
    parts : sequence of path
        Columns that some of them have besides come behind, and are empty for the others.
    """
    headers = [_header(part) for part in parts]
    every = list(dict.fromkeys([*columns, *itertools.chain(*headers)]))
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, every, restval="", lineterminator="\n")
        writer.writeheader()
        for part, header in zip(parts, headers, strict=True):
            with open(part, newline="", encoding="utf-8") as rows:
                if header == every:
                    next(rows)
                    stream.writelines(rows)
                else:
                    writer.writerows(csv.DictReader(rows))


def _header(part):
    with open(part, newline="", encoding="utf-8") as rows:
        return next(csv.reader(rows))


def _rounded(name, values):
    if name in _DECIMALS:
        return np.round(values, _DECIMALS[name])
    return values if values.dtype.kind in "ui" else np.array(significant(values), np.float64)


def significant(values: np.ndarray) -> list[float]:
    """Numbers of floating point with the seven digits that tables show."""
    return [float(f"{value:.7g}") for value in values.tolist()]
