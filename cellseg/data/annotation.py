"""Annotation folders: images with label images of the same names, to be corrected by hand and trained on.

FOLDER/images/NAME.tif    grey values of one plane
FOLDER/labels/NAME.tif    0 background, the cells 1 to n
"""

import itertools
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile
from skimage.measure import label
from skimage.segmentation import relabel_sequential

from cellseg.errors import CellsegError
from cellseg.files import replacing

IMAGES, LABELS = "images", "labels"
_MASK = 255  # what a mask without numbers has for "cell"; see `cellseg.images.masks.read_labels`
_SLIVER = 4  # a piece of less than one in so many parts of its cell is what painting over it has left


class Cells(NamedTuple):
    """Cells that were painted by hand, each in one piece.

    Attributes
    ----------
    labels : ndarray of shape (H, W), int32
        0 is background; the cells have the numbers 1 to n, without gaps.
    parted : int
        How many numbers lay in several places; these are cells of their own now.
    slivers : int
        How many pieces were left over from painting over a cell; they are background now.
    """

    labels: np.ndarray
    parted: int
    slivers: int

    @property
    def note(self) -> str:
        """What was changed, in words; empty if nothing was."""
        notes = []
        if self.parted:
            notes.append(f"{self.parted} number(s) lay in several places, which are cells of their own now")
        if self.slivers:
            notes.append(f"{self.slivers} small piece(s) of painted-over cells were left out")
        return "; ".join(notes)


def painted_cells(labels) -> Cells:
    """Cells as a person paints them, with each number in one place.

    Parameters
    ----------
    labels : array_like of shape (H, W), int
        0 is background.

    Raises
    ------
    CellsegError
        If these are no numbers of cells.
    """
    labels = _checked_labels(labels)
    pieces = label(labels, background=0, connectivity=2)
    areas = np.bincount(pieces.ravel())
    numbers = np.zeros(len(areas), np.int64)  # of each piece
    numbers[pieces.ravel()] = labels.ravel()
    _, cell = np.unique(numbers, return_inverse=True)
    largest = np.zeros(len(areas), np.int64)  # piece of each cell
    np.maximum.at(largest, cell, areas)
    sliver = areas * _SLIVER < largest[cell]
    parts = np.bincount(cell[~sliver])
    pieces[sliver[pieces]] = 0
    whole = relabel_sequential(pieces)[0].astype(np.int32)
    return Cells(whole, int(np.count_nonzero(parts > 1)), int(np.count_nonzero(sliver)))


def file_name(text: str) -> str:
    """A name for the files of an image, from whatever it is called."""
    return re.sub(r"\.ome$", "", re.sub(r"[^\w.+-]+", "_", text).strip("._")) or "image"


def free_name(name: str, taken) -> str:
    """The name itself, or with a number behind it where it is taken."""
    numbered = (f"{name}-{number}" for number in itertools.count(2))
    return name if name not in taken else next(other for other in numbered if other not in taken)


def write_annotation(folder, name: str, image, labels, numbered: bool = True) -> None:
    """Write an image and its labels into an annotation folder; earlier ones of that name are replaced.

    Parameters
    ----------
    folder : str or path
    name : str
        Without a suffix; see `file_name`.
    image : array_like of shape (H, W)
        Grey values of any real type.
    labels : array_like of shape (H, W), int
        0 is background, cells have numbers from 1 on.
    numbered : bool
        Whether cells are numbered one by one. If not, a mask is written.

    Raises
    ------
    CellsegError
        If the image is no plane of grey values, the labels do not fit it, or a file cannot be written.
    """
    image, labels = np.asarray(image), _checked_labels(labels)
    if image.ndim != 2 or not image.size or image.dtype.kind not in "buif":
        what = f"{image.dtype} values of shape {image.shape}"
        raise CellsegError(f"{name}: holds {what}; an annotated image is one plane of grey values")
    if image.shape != labels.shape:
        sizes = " and ".join("x".join(map(str, plane.shape)) for plane in (image, labels))
        raise CellsegError(f"{name}: image and labels differ in size ({sizes}); take the labels of this image")
    if not numbered:
        labels = (labels > 0) * _MASK
    kind = np.uint16 if labels.max() <= np.iinfo(np.uint16).max else np.uint32
    image = image.astype({"b": np.uint8}.get(image.dtype.kind, image.dtype))
    for place, plane in ((IMAGES, image), (LABELS, labels.astype(kind))):
        with replacing(Path(folder) / place / f"{name}.tif") as beside:
            tifffile.imwrite(beside, plane, photometric="minisblack", compression="zlib")


class Kept(NamedTuple):
    """What `keep` did.

    Attributes
    ----------
    name : str
        Of the files.
    cells : int
    written : bool
        False if there were labels for this image, and they stayed.
    note : str
        See `Cells.note`.
    """

    name: str
    cells: int
    written: bool
    note: str


def keep(folder, name: str, image, labels, overwrite: bool = True) -> Kept:
    """Add an image and its cells to an annotation folder. Another image of that name there stays as it is.

    Parameters
    ----------
    folder : str or path
    name : str
        What the image is called; the files get the name that `file_name` makes of it, or one with a number.
    image : array_like of shape (H, W)
    labels : array_like of shape (H, W), int
        See `painted_cells`.
    overwrite : bool
        Whether to replace labels of the very same image.

    Raises
    ------
    CellsegError
        See `painted_cells` and `write_annotation`.
    """
    image, cells, first = np.asarray(image), painted_cells(labels), file_name(name)
    names = itertools.chain([first], (f"{first}-{number}" for number in itertools.count(2)))
    places = ((one, Path(folder) / IMAGES / f"{one}.tif") for one in names)
    name = next(one for one, path in places if not path.exists() or _holds(path, image))
    written = overwrite or not (Path(folder) / LABELS / f"{name}.tif").exists()
    if written:
        write_annotation(folder, name, image, cells.labels)
    return Kept(name, int(cells.labels.max()), written, cells.note)


def _holds(path, image):
    try:
        return np.array_equal(tifffile.imread(path), image, equal_nan=image.dtype.kind == "f")
    except (OSError, ValueError, tifffile.TiffFileError):
        return False


def _checked_labels(labels):
    labels = np.asarray(labels)
    if labels.ndim != 2 or not labels.size or labels.dtype.kind not in "bui":
        raise CellsegError(f"labels of shape {labels.shape}, {labels.dtype}; give numbers of cells for one plane")
    if labels.min() < 0:
        raise CellsegError(f"a label of {labels.min()}; cells have numbers from 1 on, and 0 is background")
    return labels.astype(np.int64)
