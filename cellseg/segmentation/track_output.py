"""The tracks of an image as files: a table for napari's Tracks layer, and a label image in which tracks are numbers."""

import numpy as np

from cellseg.segmentation.segment_array import label_type
from cellseg.segmentation.tables import significant, write_table
from cellseg.segmentation.tiff_output import write_tiff

TABLE, IMAGE = "tracks.csv", "tracks.tif"


def write_tracks(folder, planes, tracks, shape, axes, pixel_size=None):
    """Write both files.

    The table has a row a cell, sorted by track and time: ``track, frame, y, x``, with ``z`` before y where there are
    slices, and the cell's ``label`` at the end.

    Parameters
    ----------
    folder : path
    planes : sequence of cellseg.segmentation.plane_result.PlaneResult
    tracks : sequence of ndarray of shape (n,)
        See `cellseg.segmentation.tracking.track`.
    shape, axes, pixel_size
        Of the label image; see `cellseg.segmentation.tiff_output.write_tiff`.
    """
    z = ("Z",) if "Z" in planes[0].plane.index else ()
    rows = [row for plane, numbers in zip(planes, tracks, strict=True) for row in _rows(plane, numbers, ("T", *z))]
    write_table(folder / TABLE, ("track", "frame", *map(str.lower, z), "y", "x", "label"), sorted(rows))
    labels = [_labels(plane, numbers) for plane, numbers in zip(planes, tracks, strict=True)]
    dtype = label_type(max(numbers.max(initial=0) for numbers in tracks))
    write_tiff(folder / IMAGE, labels, shape, dtype, axes, pixel_size)


def _rows(plane, numbers, letters):
    place = (significant(plane.table[f"centroid_{axis}"]) for axis in ("row", "column"))
    index = [plane.plane.index[letter] for letter in letters]
    for number, y, x, label in zip(numbers.tolist(), *place, plane.table["label"].tolist(), strict=True):
        yield number, *index, y, x, label


def _labels(plane, tracks):
    """The plane of the label image, as `write_tiff` takes it."""
    numbers = np.append(0, tracks)

    def bands(height):
        for rows in plane.labels(height):
            yield numbers[rows]

    return bands
