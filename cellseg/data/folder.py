"""A folder of real images with their masks: ``{train,test}/{images,masks}``, checked pair by pair."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellseg.errors import CellsegError
from cellseg.images.grayscale import SUFFIXES, read_image

_OTHER_IMAGES = (".jpg", ".jpeg", ".bmp", ".gif", ".webp")


@dataclass
class Example:
    """One annotated image.

    Attributes
    ----------
    image : ndarray of shape (H, W)
        Grey values as they stand in the file.
    mask : ndarray of shape (H, W), bool
        True where a cell is.
    files : tuple of path
        The image's and the mask's file.
    """

    image: np.ndarray
    mask: np.ndarray
    files: tuple


def read_examples(folder, rgb="refuse"):
    """Read ``folder/images`` and ``folder/masks``, in the order of their names.

    Parameters
    ----------
    folder : str or path
    rgb : {"refuse", "luminance"}
        See `cellseg.images.grayscale.read_image`; for the images, never for the masks.

    Returns
    -------
    list of Example

    Raises
    ------
    CellsegError
        If a folder is missing or empty, a file has no counterpart, or a pair does not fit; see `read_mask`.
    """
    folder = Path(folder)
    images, masks = _files(folder / "images"), _files(folder / "masks")
    for here, there, what in ((images, masks, "masks"), (masks, images, "images")):
        for name in sorted(set(here) - set(there)):
            raise CellsegError(f"{here[name]}: has no counterpart in {folder / what}; add it or remove this file")
    return [_example(images[name], masks[name], rgb) for name in sorted(images)]


def read_mask(path):
    """Read a mask: 0 is background, one other value is cell.

    Returns
    -------
    ndarray of shape (H, W), bool

    Raises
    ------
    CellsegError
        If it cannot be read, or holds more than two values or two that are both not 0.
    """
    mask = read_image(path, rgb=None)
    values = np.unique(mask)
    if len(values) > 2 or (len(values) == 2 and values[0] != 0):
        shown = ", ".join(f"{value:g}" for value in values[:6].astype(float)) + (", ..." if len(values) > 6 else "")
        raise CellsegError(f"{path}: a mask has two values, 0 and one other; this one has {len(values)}: {shown}")
    return mask != 0


def _files(folder):
    if not folder.is_dir():
        raise CellsegError(f"{folder}: no such folder; annotated images come as a folder with images/ and masks/")
    files = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in _OTHER_IMAGES:
            raise CellsegError(f"{path}: images are read as PNG or TIFF; save it as one of these or remove it")
        if path.name.startswith(".") or path.suffix.lower() not in SUFFIXES:
            continue
        if path.stem in files:
            raise CellsegError(f"{path}: {files[path.stem].name} has the same name; keep one of the two")
        files[path.stem] = path
    if not files:
        raise CellsegError(f"{folder}: holds no {' or '.join(SUFFIXES)} file; put the images there")
    return files


def _example(image_file, mask_file, rgb):
    image, mask = read_image(image_file, rgb), read_mask(mask_file)
    if image.shape != mask.shape:
        sizes = " and ".join("x".join(map(str, array.shape)) for array in (image, mask))
        raise CellsegError(f"{mask_file}: mask and image differ in size ({sizes}, image first); redo the mask")
    return Example(image, mask, (image_file, mask_file))
