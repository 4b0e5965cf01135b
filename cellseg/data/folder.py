"""A folder of annotated images: ``images`` with ``labels`` or ``masks``, or all side by side, checked pair by pair."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellseg.errors import CellsegError
from cellseg.images.channels import LUMINANCE
from cellseg.images.masks import read_labels
from cellseg.images.open import read_image
from cellseg.images.registry import SUFFIXES

_OTHER_IMAGES = (".bmp", ".gif", ".webp", ".zarr")
_LABELS = "labels"  # the folder of label images
_MASK = re.compile(r"(.+)_masks?")  # the name of a mask that lies beside its image, or in a folder of its own


@dataclass
class Example:
    """One annotated image.

    Attributes
    ----------
    image : ndarray of shape (H, W)
        Grey values as they stand in the file.
    labels : ndarray of shape (H, W), int32
        Truth: 0 is background; the cells have the numbers 1 to n.
    numbered : bool
        Whether cells were numbered one by one. If not, they are the 8-connected components of a mask, and cells that
        touch have one number.
    files : tuple of path
        The image's file, then that of the truth.
    """

    image: np.ndarray
    labels: np.ndarray
    numbered: bool
    files: tuple[Path, ...]

    @property
    def mask(self) -> np.ndarray:
        """True where a cell is, of shape (H, W)."""
        return self.labels > 0


def read_examples(folder, rgb: str = "refuse") -> list[Example]:
    """Read the annotated images of a folder, in the order of their names.

    The mask of ``images/x.png`` is ``x`` in the folder ``masks``, or ``x_mask`` or ``x_masks`` there or beside it, of
    any suffix. It may number the cells. A folder ``labels`` with numbered cells takes the place of ``masks``, also
    where there are both. A folder without ``images`` holds images and masks side by side.

    Parameters
    ----------
    folder : str or path
    rgb : {"refuse", "luminance"}
        What to do with a colour image: stop, or take its luminance. Masks are never colour images.

    Returns
    -------
    list of Example

    Raises
    ------
    CellsegError
        If a folder is missing or empty, an image has no mask or several, a mask has no image, or a pair does not fit;
        see `cellseg.images.open.read_image` and `cellseg.images.masks.read_labels`.
    """
    pairs = find_pairs(folder)
    return [_example(image, mask, LUMINANCE if rgb == LUMINANCE else None) for image, mask in pairs]


def find_pairs(folder) -> list[tuple[Path, Path]]:
    """The files of images and of their masks in a folder; see `read_examples`."""
    folder = Path(folder)
    place = folder if _holds_both(folder) else folder / "images"
    files = _files(place)
    names = {name_of(path) for path in files}
    masks = [path for path in files if _masked(path) in names]
    images: dict = {}
    for path in files:
        if path not in masks and images.setdefault(name_of(path), path) is not path:
            raise CellsegError(f"{path}: {images[name_of(path)].name} has the same name; keep one of the two")
    if not images:
        raise CellsegError(f"{place}: holds no {' or '.join(SUFFIXES)} file; put the images there")
    beside = folder / (_LABELS if (folder / _LABELS).is_dir() else "masks")
    if beside.name == _LABELS:
        masks = _files(beside)
    elif not masks or beside.is_dir():
        masks += _files(beside)
    for mask in masks:
        if not {name_of(mask), _masked(mask)} & set(images):
            raise CellsegError(f"{mask}: has no counterpart in {place}; add it or remove this file")
    return [(image, _mask_of(name, image, masks, beside)) for name, image in sorted(images.items())]


def name_of(path: Path) -> str:
    """The name by which an image and its mask belong together: the file's without its suffix or ".ome"."""
    return re.sub(r"\.ome$", "", path.stem, flags=re.IGNORECASE)


def _holds_both(folder):
    """Whether a folder holds images with masks beside them, and no folder for them."""
    return folder.is_dir() and not (folder / "images").exists() and any(map(_masked, _files(folder)))


def _mask_of(name, image, masks, beside):
    fitting = [mask for mask in masks if name in (name_of(mask), _masked(mask))]
    if not fitting:
        raise CellsegError(f"{image}: has no counterpart in {beside}; add it or remove this file")
    if len(fitting) > 1:
        shown = " and ".join(map(str, fitting))
        raise CellsegError(f"{image}: {shown} have the same name, and both fit; keep one of them")
    return fitting[0]


def _masked(path):
    """The name of the image whose mask a file is by its own name; None of another."""
    match = _MASK.fullmatch(name_of(path))
    return match.group(1) if match else None


def _files(folder):
    if not folder.is_dir():
        raise CellsegError(f"{folder}: no such folder; annotated images come as a folder with images/ and masks/")
    files = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in _OTHER_IMAGES:
            raise CellsegError(f"{path}: is not read here; save it as PNG, JPEG or TIFF, or remove it")
        if not path.name.startswith(".") and path.suffix.lower() in SUFFIXES:
            files.append(path)
    return files


def _example(image_file, mask_file, channel):
    image = read_image(image_file, channel)
    labels, numbered = read_labels(mask_file, numbered=mask_file.parent.name == _LABELS)
    if image.shape != labels.shape:
        sizes = " and ".join("x".join(map(str, array.shape)) for array in (image, labels))
        raise CellsegError(f"{mask_file}: mask and image differ in size ({sizes}, image first); redo the mask")
    return Example(image, labels, numbered, (image_file, mask_file))
