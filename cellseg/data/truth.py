"""Reading the truth of an image, whatever says where its cells are: images of masks or labels, or outlines."""

import numpy as np

from cellseg.data import truth_geojson, truth_rois
from cellseg.data.truth_outlines import draw
from cellseg.errors import CellsegError
from cellseg.images.masks import Labels, read_labels, read_mask, without_gaps

_READERS = (truth_rois, truth_geojson)
#: Endings of the names of files that hold outlines of cells, in small letters.
OUTLINES = tuple(suffix for reader in _READERS for suffix in reader.SUFFIXES)


def read_truth(path, shape, numbered: bool = False) -> Labels:
    """Read the cells of an image from one file: a mask, a label image, ImageJ's ROIs or GeoJSON.

    Parameters
    ----------
    path : path
    shape : (int, int)
        Rows and columns of the image.
    numbered : bool
        Whether an image ought to number its cells; see `cellseg.images.masks.read_labels`.

    Raises
    ------
    CellsegError
        If it cannot be read, or does not fit the image.
    """
    for reader in _READERS:
        if path.suffix.lower() in reader.SUFFIXES:
            return Labels(draw(path, reader.read_outlines(path), shape), True)
    labels = read_labels(path, numbered)
    _check_size(path, labels.labels, shape)
    return labels


def read_single(paths, shape) -> Labels:
    """Read the cells of an image from masks of one cell each. Where two overlap, the later one is taken.

    Parameters
    ----------
    paths : sequence of path
    shape : (int, int)
        Rows and columns of the image.

    Raises
    ------
    CellsegError
        If a mask cannot be read, or does not fit the image.
    """
    labels = np.zeros(shape, np.int32)
    for number, path in enumerate(paths, start=1):
        mask = read_mask(path)
        _check_size(path, mask, shape)
        labels[mask] = number
    return Labels(without_gaps(labels), True)


def _check_size(path, plane, shape):
    if plane.shape != tuple(shape):
        sizes = " and ".join("x".join(map(str, size)) for size in (shape, plane.shape))
        raise CellsegError(f"{path}: mask and image differ in size ({sizes}, image first); redo the mask")
