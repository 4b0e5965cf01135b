"""Folders of results: only files that are known to be ours are replaced.

What was written into a folder stands in a record in it, ``.cellseg.json``. A file that is missing there, or has been
changed since, is the user's: then nothing is replaced, and the user is told.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cellseg.errors import CellsegError
from cellseg.files import make_folder, sha256
from cellseg.locks import in_turn
from cellseg.records import read_record, write_record
from cellseg.scratch import scratch

#: Name of the record.
RECORD = ".cellseg.json"


@dataclass(frozen=True)
class Contents:
    """``.cellseg.json``.

    Attributes
    ----------
    files : dict of str to list of str
        SHA-256 of each file, by its path from the folder; of a file that is replaced on its own the last two, since a
        process may end between the record and the file.
    folders : list of str
        Folders below this one.
    version : int
    """

    files: dict[str, list[str]] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    version: int = 1


def check_result_folder(path: str | Path) -> None:
    """Refuse a folder for results that may not be replaced as a whole.

    Parameters
    ----------
    path : str or path
        It may be missing or empty.

    Raises
    ------
    CellsegError
        If it is a file, the working folder, or holds anything that cellseg has not written, or that was changed since.
    """
    path = Path(path)
    if path.resolve() == Path.cwd():
        raise CellsegError(f"{path}: is the working folder; choose another folder")
    if not path.is_dir():
        if path.exists() or path.is_symlink():
            raise CellsegError(f"{path}: is a file; choose a folder")
        return
    contents, record = _read(path), path / RECORD
    written = record.stat().st_ctime_ns if record.exists() else 0
    files, folders = _walk(path)
    others = [one for one in files if not _is_ours(path, one, contents, written)]
    for name in [*others, *{*folders} - {*contents.folders}]:
        why = "cellseg has not written it, or it was changed since"
        raise CellsegError(f"{path}: holds '{name}', and {why}; move it away, or choose another folder")


def check_result_files(folder: str | Path, names: tuple[str, ...]) -> None:
    """Refuse to replace files in a folder that also holds others.

    Parameters
    ----------
    folder : str or path
        It may be missing.
    names : tuple of str

    Raises
    ------
    CellsegError
        If one of them is there and cellseg has not written it, or it was changed since.
    """
    folder = Path(folder)
    contents = _read(folder)
    for name in names:
        if os.path.lexists(folder / name) and not _is_ours(folder, name, contents):
            why = "cellseg has not written it, or it was changed since"
            raise CellsegError(f"{folder / name}: would be replaced, but {why}; move it away, or choose another folder")


@contextlib.contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """Fill the folder given, and it takes the place of `path` whole or not at all.

    Raises
    ------
    CellsegError
        If `path` may not be replaced (see `check_result_folder`) or cannot be written.
    """
    path = Path(path).resolve()
    check_result_folder(path)
    make_folder(path.parent)
    try:
        with scratch(path.parent) as beside:
            new, old = beside / "new", beside / "old"
            new.mkdir()
            yield new
            files, folders = _walk(new)
            write_record(new / RECORD, Contents({name: [sha256(new / name)] for name in files}, folders))
            check_result_folder(path)
            if path.exists():
                path.rename(old)
            try:
                new.rename(path)
            finally:
                if old.exists() and not path.exists():
                    old.rename(path)
    except OSError as error:
        raise CellsegError(f"{path}: cannot be written ({error.strerror or error})") from error


@contextlib.contextmanager
def replacing_files(folder: str | Path, names: tuple[str, ...]) -> Iterator[Path]:
    """Write these files into the folder given, and they take the places of those in `folder`, all of them or none.

    Raises
    ------
    CellsegError
        If one of them may not be replaced (see `check_result_files`) or cannot be written.
    """
    folder = Path(make_folder(folder))
    check_result_files(folder, names)
    try:
        with scratch(folder) as beside:
            yield beside
            with in_turn(folder):
                _replace(folder, names, beside)
    except OSError as error:
        raise CellsegError(f"{folder}: cannot be written ({error.strerror or error})") from error


def _replace(folder, names, beside):
    check_result_files(folder, names)
    contents = _read(folder)
    files = dict(contents.files)
    for name in names:
        now = [sha256(folder / name)] if (folder / name).exists() else []
        files[name] = [*now, sha256(beside / name)]
    write_record(folder / RECORD, Contents(files, contents.folders))
    for name in names:
        os.replace(beside / name, folder / name)


def remove_ours(folder: Path, ours: Callable[[str], bool] = lambda name: False) -> list[str]:
    """Remove a folder, but for what is not known to be ours.

    Parameters
    ----------
    folder : pathlib.Path
    ours : callable
        Told the name of a file right in the folder, whether it is ours, beside those that a record names.

    Returns
    -------
    list of str
        Paths, from the folder, of the files and links that were left.
    """
    for place, _, names in os.walk(folder, topdown=False, onerror=_raise):
        path = Path(place)
        contents = _read(path)
        for name in [*contents.files, *filter(ours if path == folder else _nothing, names)]:
            if (path / name).is_symlink() or name in contents.files and not _is_ours(path, name, contents):
                continue
            (path / name).unlink(missing_ok=True)
        (path / RECORD).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            path.rmdir()
    return _walk(folder)[0] if folder.exists() else []


def _nothing(name):
    return False


def _read(folder):
    path = Path(folder) / RECORD
    return read_record(path, Contents, "move the folder away, or choose another one") if path.exists() else Contents()


def _is_ours(folder, name, contents, written=0):
    """Whether a file is as it was written. One that was not touched since `written` need not be read."""
    path = folder / name
    if name not in contents.files or not path.is_file() or path.is_symlink():
        return False
    return path.stat().st_ctime_ns <= written or sha256(path) in contents.files[name]


def _walk(folder):
    """Paths from a folder to all files in it but the record, and to all folders, sorted."""
    files, folders = [], []
    for place, below, names in os.walk(folder, onerror=_raise):
        for name, paths in [*((one, folders) for one in below), *((one, files) for one in names)]:
            path = Path(place, name)
            (files if path.is_symlink() else paths).append(path.relative_to(folder).as_posix())
    return sorted(set(files) - {RECORD}), sorted(folders)


def _raise(error):
    raise CellsegError(f"{error.filename}: cannot be read ({error.strerror}); choose another folder") from error
