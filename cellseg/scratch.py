"""Hidden folders for what is not finished: a process that is killed leaves one, and the next process removes it.

It runs beside real Caffe, too, and so under Python 3.9.
"""

import contextlib
import functools
import os
import re
import shutil
import socket
import time
import uuid
from pathlib import Path

from cellseg import locks

_WEEK = 7 * 24 * 3600  # seconds
_NAME = re.compile(r"\.cellseg-[0-9a-f]{32}")


@contextlib.contextmanager
def scratch(parent):
    """Make a folder for unfinished files in `parent`, and remove it at the end, with all that is left in it.

    What it holds can be renamed into `parent`: it lies on the same disk. What killed processes have left in `parent`
    is removed first.

    Parameters
    ----------
    parent : path

    Yields
    ------
    pathlib.Path

    Raises
    ------
    OSError
        If it cannot be made.
    """
    _remove_once(os.path.realpath(parent))
    folder, lock = _make(Path(parent))
    try:
        yield folder
    finally:
        shutil.rmtree(str(folder), ignore_errors=True)
        os.close(lock)


def remove_leftovers(parent):
    """Remove the folders that `scratch` made in `parent` for processes that are no more.

    Those of other machines are removed when they are a week old.
    """
    names = os.listdir(parent) if os.path.isdir(parent) else []
    for name in filter(_NAME.fullmatch, names):
        with contextlib.suppress(OSError):  # of another user, or removed by another process
            _remove_if_left(os.path.join(parent, name))


def is_leftover(path):
    """Whether a file or folder is one that a process leaves if it is killed: a lock, or a folder of `scratch`."""
    return path.name == locks.LOCK or bool(_NAME.fullmatch(path.name))


_remove_once = functools.lru_cache(maxsize=None)(remove_leftovers)  # a folder may hold many files


def _make(parent):
    """A new folder and its lock. Between the two another process may take the folder for a leftover."""
    while True:
        folder = parent / f".cellseg-{uuid.uuid4().hex}"
        folder.mkdir()
        with contextlib.suppress(FileNotFoundError):
            lock = locks.take(folder / locks.LOCK, at_all=True)
            if lock is not None:
                os.write(lock, socket.gethostname().encode())
                return folder, lock


def _remove_if_left(folder):
    path = os.path.join(folder, locks.LOCK)
    lock = locks.take(path)
    if lock is None:
        return
    here = os.pread(lock, 1000, 0) in (b"", socket.gethostname().encode())
    if here or time.time() - os.stat(path).st_mtime > _WEEK:  # locks of other machines may not be seen
        shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)
