"""Locks that end with the process that holds them, however it ends.

It runs beside real Caffe, too, and so under Python 3.9.
"""

import contextlib
import fcntl
import os
import socket
import time
from datetime import datetime
from pathlib import Path

from cellseg.errors import CellsegError

#: Name of the file that is locked in a folder.
LOCK = ".lock"

_PATIENCE = 60  # seconds for the children of a process that was killed


def take(path, at_all=False):
    """Lock a file, which is made if it is missing.

    Parameters
    ----------
    path : str or path
    at_all : bool
        Whether to take it also where the file system knows no locks, so that nobody is kept out.

    Returns
    -------
    int or None
        A descriptor; the lock lasts until it is closed, here and in all children that have it. None if another process
        holds the lock.

    Raises
    ------
    OSError
        If the file cannot be made.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            if at_all:
                return descriptor
            os.close(descriptor)
            return None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.stat(path), os.fstat(descriptor)):
                return descriptor
        os.close(descriptor)  # its holder has removed it since


@contextlib.contextmanager
def only_writer(folder):
    """Be the only process that writes into a folder.

    Parameters
    ----------
    folder : path
        An existing folder.

    Yields
    ------
    int
        The lock's descriptor. A child that has it holds the lock as well; so a child that outlives its parent keeps
        others out until it ends.

    Raises
    ------
    CellsegError
        If another process writes into it; the message says which one.
    """
    path = Path(folder) / LOCK
    try:
        descriptor = take(path, at_all=True)
        limit = time.monotonic() + _PATIENCE
        while descriptor is None and _Holder(path).is_dead() and time.monotonic() < limit:
            time.sleep(0.1)
            descriptor = take(path, at_all=True)
    except OSError as error:
        raise CellsegError(f"{folder}: cannot write to this folder ({error.strerror}); choose another one") from error
    if descriptor is None:
        raise CellsegError(f"{folder}: {_Holder(path)} writes into it; wait for its end, or choose another folder")
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()} {socket.gethostname()} {datetime.now():%Y-%m-%d %H:%M:%S}\n".encode())
        yield descriptor
    finally:
        with contextlib.suppress(OSError):
            if os.path.samestat(os.stat(path), os.fstat(descriptor)):  # the folder may have been moved
                path.unlink()
        os.close(descriptor)


@contextlib.contextmanager
def in_turn(folder):
    """Wait until no other process is in such a block for the same folder. It is for moments, and leaves no file.

    Parameters
    ----------
    folder : path
        An existing folder. Where its file system knows no locks, nobody waits.

    Raises
    ------
    OSError
        If it cannot be opened.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class _Holder:
    """Who holds a lock, as its file says."""

    def __init__(self, path):
        try:
            self._pid, self._host, self._since = path.read_text(encoding="utf-8").strip().split(" ", 2)
        except (OSError, ValueError):  # it has just begun, or ended
            self._pid = None

    def __str__(self):
        if self._pid is None:
            return "another process"
        where = "" if self._host == socket.gethostname() else f" on {self._host}"
        return f"process {self._pid}{where} (since {self._since})"

    def is_dead(self):
        """Whether its process, of this machine, is no more, so that only its children still have the lock."""
        if self._pid is None or self._host != socket.gethostname():
            return False
        try:
            os.kill(int(self._pid), 0)
        except ProcessLookupError:
            return True
        except (OSError, ValueError, OverflowError):
            pass
        return False
