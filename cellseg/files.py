"""Writing files so that a reader never sees half of one: write beside, then rename."""

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path

from cellseg.errors import CellsegError
from cellseg.scratch import scratch


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


@contextlib.contextmanager
def replacing(path):
    """Give the name of a file to write in place of `path`; rename it to `path` on success, remove it on failure.

    The temporary file has the same name in a hidden folder, because writers choose the format by it.
    """
    path = Path(path)
    make_folder(path.parent)
    if path.is_dir():
        raise CellsegError(f"{path}: is a folder; choose another file name")
    try:
        with scratch(path.parent) as folder:
            yield folder / path.name
            os.replace(folder / path.name, path)
    except OSError as error:
        raise CellsegError(f"{path}: cannot be written ({error.strerror or error})") from error


def write_text(path, text):
    """Write `text` (UTF-8) to `path`."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_json(path, record):
    """Write `record` to `path` as indented JSON; NaN is refused, since no other program reads it."""
    write_text(path, json.dumps(record, indent=2, allow_nan=False) + "\n")


def sha256(path):
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
