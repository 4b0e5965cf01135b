"""Which images to segment, and what to call their results."""

import fnmatch
import json
import os
from pathlib import Path
from typing import NamedTuple

from cellseg.errors import CellsegError

#: Suffixes of files that are taken from folders; a folder ending in .zarr is an image, too.
SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".zarr")


class Found(NamedTuple):
    """An image to segment.

    Attributes
    ----------
    path : path
    name : str
        Relative path of its results: its own below the folder that all images share, so that no two are the same.
    """

    path: Path
    name: str


def find_images(inputs, pattern="*", recursive=False, leave_out=None):
    """Find the images that files and folders hold.

    Parameters
    ----------
    inputs : sequence of str or path
        Files are taken as they are; of folders the files with known suffixes, but not hidden ones; of an OME-Zarr that
        holds a plate or a series, each field or image of it.
    pattern : str
        Of the names of files in folders, as in a shell; capitals are as small letters.
    recursive : bool
        Whether to look into folders of folders.
    leave_out : path, optional
        A folder that is not looked into, such as the one for the results.

    Returns
    -------
    list of Found
        In the order of `inputs`, and by name within a folder; each image once.

    Raises
    ------
    CellsegError
        If an input does not exist, or nothing is found.
    """
    found = {}
    for one in map(Path, inputs):
        if not one.exists():
            raise CellsegError(f"{one}: no such file or folder")
        is_folder = one.is_dir() and one.suffix.lower() != ".zarr"
        for path in _below(one, pattern, recursive, leave_out) if is_folder else [one]:
            for image in _images(path):
                found.setdefault(image.resolve(), (image, one if is_folder else one.parent))
    if not found:
        below = "" if recursive else "; --recursive looks into folders of folders"
        raise CellsegError(f"{', '.join(map(str, inputs))}: no image here ({', '.join(SUFFIXES)}; {pattern}){below}")
    shared = os.path.commonpath([str(folder.resolve()) for _, folder in found.values()])
    return [Found(path, os.path.relpath(str(resolved), shared)) for resolved, (path, _) in found.items()]


def _below(folder, pattern, recursive, leave_out):
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or leave_out and path.resolve() == Path(leave_out).resolve():
            continue
        known = path.suffix.lower() in SUFFIXES
        if path.is_dir() and path.suffix.lower() != ".zarr":
            if recursive:
                yield from _below(path, pattern, recursive, leave_out)
        elif known and fnmatch.fnmatchcase(path.name.lower(), pattern.lower()):
            yield path


def _images(path):
    """The images that a path holds: a file is one, an OME-Zarr may be a plate of wells with fields, or a series."""
    if not path.is_dir():
        return [path]
    attributes = _attributes(path)
    if "plate" in attributes:
        wells = [path / well["path"] for well in attributes["plate"].get("wells", [])]
        return [well / field["path"] for well in wells for field in _attributes(well).get("well", {}).get("images", [])]
    if "bioformats2raw.layout" in attributes:
        return sorted((one for one in path.iterdir() if one.name.isdigit()), key=lambda one: int(one.name))
    return [path]


def _attributes(group):
    """What NGFF's metadata says of a group, of zarr's second or third format; nothing if it has none."""
    for name, keys in ((".zattrs", ()), ("zarr.json", ("attributes", "ome"))):
        try:
            record = json.loads((group / name).read_text(encoding="utf-8"))
            for key in keys:
                record = record.get(key, {})
            return record
        except (OSError, ValueError, AttributeError):
            continue
    return {}
