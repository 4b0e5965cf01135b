"""Which images to segment, and what to call their results."""

import fnmatch
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cellseg.errors import CellsegError
from cellseg.images.registry import SUFFIXES, images_in, is_image_folder


class Found(NamedTuple):
    """An image to segment.

    Attributes
    ----------
    path : path
    name : str
        Relative path of its results: as the user names the image, below the folder that all images share. No two are
        the same, and none leads out of the folder for results.
    """

    path: Path
    name: str


@dataclass(frozen=True)
class Identity:
    """What tells whether an image is still the one that results were made from.

    Attributes
    ----------
    path : str
        Absolute, links followed.
    size : int
        Bytes of all files that the image is made of.
    modified : int
        When the last of them was changed, in nanoseconds since 1970.
    """

    path: str
    size: int
    modified: int


def find_images(inputs: Iterable, pattern: str = "*", recursive: bool = False, leave_out=None) -> list[Found]:
    """Find the images that files and folders hold.

    Parameters
    ----------
    inputs : sequence of str or path
        Files are taken as they are. Of folders, the files with known suffixes are taken, but not hidden ones. Of an
        OME-Zarr that holds a plate, a well or a series, each field or image is taken.
    pattern : str
        Which names in folders to take, as in a shell; capitals count as small letters.
    recursive : bool
        Whether to look into folders of folders.
    leave_out : path, optional
        A folder that is not looked into, such as the one for the results.

    Returns
    -------
    list of Found
        In the order of `inputs`, and by name within a folder. Each path is taken once, also if it is a link to
        another, and so is each image that is stored in several files.

    Raises
    ------
    CellsegError
        If an input does not exist, or nothing is found. A link that leads nowhere is found: opening it is the error.
    """
    found: dict[Path | frozenset[str], tuple[Path, Path, str]] = {}
    for one in map(Path, inputs):
        if not one.exists() and not one.is_symlink():
            raise CellsegError(f"{one}: no such file or folder")
        is_folder = one.is_dir() and not is_image_folder(one)
        for path in _below(one, pattern, recursive, leave_out) if is_folder else [one]:
            for image, files in images_in(path):
                own = Path(os.path.abspath(image))
                key = frozenset(os.path.abspath(file) for file in files) if files else own
                found.setdefault(key, (image, own, os.path.abspath(one if is_folder else one.parent)))
    if not found:
        below = "" if recursive else "; --recursive looks into folders of folders"
        raise CellsegError(f"{', '.join(map(str, inputs))}: no image here ({', '.join(SUFFIXES)}; {pattern}){below}")
    shared = os.path.commonpath([folder for _, _, folder in found.values()])
    return [Found(path, os.path.relpath(own, shared)) for path, own, _ in found.values()]


def identify(path) -> Identity:
    """What the image at a path is; see `Identity`.

    Raises
    ------
    CellsegError
        If it does not exist.
    """
    path = Path(path)
    try:
        if path.is_dir():
            files = [Path(folder) / name for folder, _, names in os.walk(path) for name in names]
        else:
            files = [file for _, several in images_in(path) for file in several or [path] if file.exists()]
        facts = [file.stat() for file in files or [path]]
    except OSError as error:
        raise CellsegError(f"{path}: cannot be read ({error.strerror})") from error
    return Identity(os.path.realpath(path), sum(one.st_size for one in facts), max(one.st_mtime_ns for one in facts))


def _below(folder, pattern, recursive, leave_out):
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or leave_out and path.resolve() == Path(leave_out).resolve():
            continue
        if path.is_dir() and not is_image_folder(path):
            if recursive:
                yield from _below(path, pattern, recursive, leave_out)
        elif path.suffix.lower() in SUFFIXES and fnmatch.fnmatchcase(path.name.lower(), pattern.lower()):
            yield path
