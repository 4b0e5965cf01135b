"""Which files hold the truth of which image: the layouts of annotated folders, by the names that programs give."""

import re
from pathlib import Path
from typing import NamedTuple

from cellseg.data.truth import OUTLINES
from cellseg.errors import CellsegError
from cellseg.images.registry import SUFFIXES

_OTHER_IMAGES = (".bmp", ".gif", ".webp", ".zarr")
_LABELS = "labels"  # the folder of label images
# What programs append to the name of an image: for masks and label images, for label images alone, for outlines.
_NUMBERED = ("_label", "_labels", "_cp_masks")
_OF_IMAGES = ("_mask", "_masks", *_NUMBERED)
_OF_OUTLINES = (*_OF_IMAGES, "_roi", "_rois", "_roiset")


class Annotated(NamedTuple):
    """An image and the files of its truth.

    Attributes
    ----------
    image : path
    truth : tuple of path
        One file of a mask, a label image or outlines; or the masks of single cells, in the order of their names.
    single : bool
        Whether each of these files is the mask of one cell.
    numbered : bool
        Whether an image of the truth ought to number its cells, as its place or its name says.
    """

    image: Path
    truth: tuple[Path, ...]
    single: bool = False
    numbered: bool = False


def find_annotated(folder) -> list[Annotated]:
    """Find the images of a folder and their truth, in the order of their names.

    The truth of ``x.tif`` is ``x``, ``x_mask``, ``x_masks``, ``x_label``, ``x_labels`` or ``x_cp_masks`` of any suffix
    of an image. As outlines it also is ``x_roi``, ``x_rois`` or ``x_RoiSet``, with ``.roi``, ``.zip`` or ``.geojson``.
    Images lie in ``images`` or, if there is no such folder, in the folder itself. The truth lies in ``labels`` or, if
    there is no such folder, in ``masks`` or beside its image.

    A folder may also hold a folder for each image, with the image in ``images`` and a mask for each cell in ``masks``.

    Parameters
    ----------
    folder : str or path

    Returns
    -------
    list of Annotated

    Raises
    ------
    CellsegError
        If a folder is missing or empty, an image has no truth or several, or a truth has no image.
    """
    folder = Path(folder)
    place = folder / "images"
    if not place.exists() and folder.is_dir():
        samples = [path for path in sorted(folder.iterdir()) if (path / "images").is_dir()]
        if _images(folder):
            place = folder
        elif samples:
            return [_sample(path) for path in samples]
    images, truths = _told_apart(_files(place))
    if not images:
        raise CellsegError(f"{place}: holds no {' or '.join(SUFFIXES)} file; put the images there")
    beside = folder / (_LABELS if (folder / _LABELS).is_dir() else "masks")
    if beside.name == _LABELS:
        truths = _files(beside)
    elif not truths or beside.is_dir():
        truths += _files(beside)
    of: dict[str, list[Path]] = {name: [] for name in images}
    for truth in truths:
        owner = next((name for name in _owners(truth) if name in images), None)
        if owner is None:
            raise CellsegError(f"{truth}: has no counterpart in {place}; add it or remove this file")
        of[owner].append(truth)
    return [_pair(image, of[name], beside) for name, image in sorted(images.items())]


def pair_folders(images, truth, suffixes) -> tuple[list[Annotated], list[Path]]:
    """Pair the images of one folder with the truth in another, by their names as in `find_annotated`.

    Parameters
    ----------
    images, truth : str or path
        The folders; they may be the same.
    suffixes : tuple of str
        Endings of the files of truth, in small letters; others are passed over.

    Returns
    -------
    pairs : list of Annotated
        In the order of the names of the images.
    left_out : list of path
        Images without truth, then truth without an image.

    Raises
    ------
    CellsegError
        If a folder is missing, an image has several files of truth, or nothing fits together.
    """
    images, truth = Path(images), Path(truth)
    found, truths = _told_apart(_files(images))
    truths = [path for path in (truths if truth == images else _files(truth)) if path.suffix.lower() in suffixes]
    of: dict[str, list[Path]] = {name: [] for name in found}
    left_out = []
    for path in truths:
        owner = next((name for name in _owners(path) if name in found), None)
        of[owner].append(path) if owner is not None else left_out.append(path)
    pairs = [_pair(image, of[name], truth)._replace(numbered=True) for name, image in sorted(found.items()) if of[name]]
    if not pairs:
        what = f"none of its {len(found)} images has a file of that name ({', '.join(suffixes)}) in {truth}"
        raise CellsegError(f"{images}: {what}; x.tif belongs to x.tif, x_labels.tif, x_roi.zip and so on")
    return pairs, [image for name, image in sorted(found.items()) if not of[name]] + left_out


def _sample(folder):
    """A folder with one image in ``images`` and a mask for each of its cells in ``masks``."""
    images, masks = _images(folder / "images"), _images(folder / "masks")
    if len(images) != 1:
        what = f"holds {len(images)} images; where each image has a folder of its own, there is one"
        raise CellsegError(f"{folder / 'images'}: {what}. To read this folder alone, give {folder}")
    if not masks:
        raise CellsegError(f"{folder / 'masks'}: holds no mask; put one for each cell there, or one of zeros")
    return Annotated(images[0], tuple(masks), single=True)


def _pair(image, truths, beside):
    if not truths:
        raise CellsegError(f"{image}: has no counterpart in {beside}; add it or remove this file")
    if len(truths) > 1:
        shown = " and ".join(map(str, truths))
        raise CellsegError(f"{image}: {shown} have the same name, and both fit; keep one of them")
    numbered = truths[0].parent.name == _LABELS or _name_of(truths[0]).lower().endswith(_NUMBERED)
    return Annotated(image, tuple(truths), numbered=numbered)


def _told_apart(files):
    """The images among files that lie side by side, by name, and the files of truth."""
    names = {_name_of(path) for path in files if path.suffix.lower() in SUFFIXES}
    truths = [path for path in files if path.suffix.lower() in OUTLINES or names & set(_owners(path)[1:])]
    images: dict[str, Path] = {}
    for path in files:
        if path not in truths and images.setdefault(_name_of(path), path) is not path:
            raise CellsegError(f"{path}: {images[_name_of(path)].name} has the same name; keep one of the two")
    return images, truths


def _owners(path):
    """The names that the image may have whose truth a file is; the file's own first, then from the longest on."""
    names, endings = [_name_of(path)], _OF_IMAGES
    if path.suffix.lower() in OUTLINES:
        endings = _OF_OUTLINES
        if Path(names[0]).suffix.lower() in SUFFIXES:  # "x.tif.geojson"
            names.append(_name_of(Path(names[0])))
    cut = [names[-1][: -len(ending)] for ending in endings if names[-1].lower().endswith(ending)]
    return names + sorted(filter(None, cut), key=len, reverse=True)


def _name_of(path):
    """The name by which an image and its truth belong together: the file's without its suffix or ".ome"."""
    return re.sub(r"\.ome$", "", path.stem, flags=re.IGNORECASE)


def _images(folder):
    return [path for path in _files(folder) if path.suffix.lower() in SUFFIXES]


def _files(folder):
    if not folder.is_dir():
        raise CellsegError(f"{folder}: no such folder; annotated images come as a folder with images/ and masks/")
    files = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in _OTHER_IMAGES:
            raise CellsegError(f"{path}: is not read here; save it as PNG, JPEG or TIFF, or remove it")
        if not path.name.startswith(".") and path.suffix.lower() in (*SUFFIXES, *OUTLINES):
            files.append(path)
    return files
