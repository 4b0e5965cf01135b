"""Writing files so that a reader never sees half of one: write beside, then rename."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import uuid
from pathlib import Path

from cellseg.errors import CellsegError

_LONGEST = 200  # characters of a name to which more are added; systems take 255


def make_folder(path):
    """Create the folder `path` (and its parents) if it is missing.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    CellsegError
        If it cannot be created or written to.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise CellsegError(f"{path}: cannot write to this folder ({error.strerror}); choose another one") from error
    return path


def check_result_folder(path, marker, names=None):
    """Refuse to write a result over anything but nothing or an earlier result.

    Parameters
    ----------
    path : str or path
        The folder to be written or replaced.
    marker : str
        The file by which an earlier result is known.
    names : str, optional
        Regular expression of the names that an earlier result may hold, for one that is to be deleted.

    Raises
    ------
    CellsegError
        If `path` is a file, the working folder, or a folder that holds files but not the marker, or other names.
    """
    path = Path(path)
    if path.resolve() == Path.cwd():
        raise CellsegError(f"{path}: is the working folder; choose another folder")
    if path.exists() and not path.is_dir():
        raise CellsegError(f"{path}: is a file; choose a folder")
    held = sorted(item.name for item in path.iterdir()) if path.exists() else []
    foreign = [name for name in held if names and not re.fullmatch(names, name)]
    if held and (foreign or marker not in held):
        why = f"'{foreign[0]}' is none of its files" if foreign else f"{marker} is missing"
        raise CellsegError(f"{path}: holds files, but no earlier result ({why}); choose another folder")


@contextlib.contextmanager
def replacing(path):
    """Give the name of a file to write in place of `path`; rename it to `path` on success, remove it on failure.

    The temporary name keeps the suffix of `path`, because writers choose the format by it.
    """
    path = Path(path)
    make_folder(path.parent)
    if path.is_dir():
        raise CellsegError(f"{path}: is a folder; choose another file name")
    beside = path.with_name(f".{path.stem}.{uuid.uuid4().hex}{path.suffix}")
    try:
        yield beside
        os.replace(beside, path)
    except OSError as error:
        raise CellsegError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        if beside.exists():
            beside.unlink()


@contextlib.contextmanager
def replacing_folder(path):
    """The same for a folder: fill the folder given, and it takes the place of `path` whole or not at all."""
    path = Path(path).resolve()
    make_folder(path.parent)
    beside, old = (path.with_name(f".{path.name[:_LONGEST]}.{uuid.uuid4().hex}") for _ in range(2))
    try:
        beside.mkdir()
        yield beside
        if path.exists():
            path.rename(old)
        beside.rename(path)
    except OSError as error:
        raise CellsegError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        if old.exists() and not path.exists():
            old.rename(path)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(beside, ignore_errors=True)


def remove_leftovers(paths):
    """Remove what processes that were killed within `replacing_folder` have left beside these folders."""
    paths = [Path(path).resolve() for path in paths]
    names = {(path.parent, path.name[:_LONGEST]) for path in paths}
    for parent in {path.parent for path in paths}:
        for item in parent.iterdir() if parent.is_dir() else []:
            left = re.fullmatch(r"\.(.+)\.[0-9a-f]{32}", item.name)
            if left and (parent, left.group(1)) in names:
                shutil.rmtree(item, ignore_errors=True)


def write_text(path, text):
    """Write `text` (UTF-8) to `path`."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_json(path, record):
    """Write `record` to `path` as indented JSON; NaN is refused, since no other program reads it."""
    write_text(path, json.dumps(record, indent=2, allow_nan=False) + "\n")


def read_json(path, *keys):
    """Read a JSON file that holds an object.

    Parameters
    ----------
    path : str or path
    *keys : str
        Keys that it must have; "a.b" is the key b of the object a.

    Returns
    -------
    dict

    Raises
    ------
    CellsegError
        If the file is missing, not JSON, or lacks a key.
    """
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(record, dict):
            raise ValueError("no object")
        for key in keys:
            part = record
            for name in key.split("."):
                part = part.get(name) if isinstance(part, dict) else None
            if part is None:
                raise ValueError(f"'{key}' is missing")
        return record
    except OSError as error:
        raise CellsegError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise CellsegError(f"{path}: not the record that it should be ({error}); make it again") from error


def sha256(path):
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
