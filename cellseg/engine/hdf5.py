"""The one reader and the one writer of HDF5 files.

A file may come from anybody. The HDF5 library crashes on some damaged ones, never ends on others, and reads any file of
the machine that one names as its storage. So a file is read in a child process with limits of memory and time, and only
what lies in the file itself is read. A file to be written is made in memory first, since the library crashes on a full
disk, too.

It runs beside real Caffe, too, and so under Python 3.9.
"""

import atexit
import contextlib
import io
import mmap
import os
import pickle
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path

import h5py

from cellseg import memory
from cellseg.engine import process
from cellseg.engine.hdf5_file import COMPRESSION, SMALL, Hdf5File, shown
from cellseg.errors import CellsegError

_ALIGNMENT = 64  # bytes
_SECONDS, _BYTES_A_SECOND = 2, 20e6  # of computing, for a file of nothing and for each of its numbers' bytes
_SPARE = 256 << 20  # bytes that the library needs for itself

_lock = threading.Lock()
_reader = None


def read(path, function, *arguments, name=None, advice="make it again"):
    """Call ``function(file, *arguments)`` in a child process with limits, where `file` is the opened HDF5 file.

    The child is kept for the next file.

    Parameters
    ----------
    path : str or path
    function : callable
        A function of a module. It gets a `cellseg.engine.hdf5_file.Hdf5File`, and may give arrays in lists, tuples and
        dictionaries.
    *arguments
        Passed to it.
    name : str, optional
        How messages call the file; by default its path.
    advice : str
        What to do about a damaged file, for the message.

    Returns
    -------
    object
        What the function gives.

    Raises
    ------
    CellsegError
        If the file is missing, no HDF5 file or damaged, if reading it takes more memory or time than its size
        explains, or if `function` raised one.
    """
    global _reader
    path, name = os.path.abspath(path), shown(path if name is None else name)
    if not os.path.exists(path):
        raise CellsegError(f"{name}: no such file; {advice}")
    if not os.path.isfile(path):
        raise CellsegError(f"{name}: not a file; {advice}")
    if sys.version_info < (3, 11):  # beside real Caffe, where this is a child process already
        return _opened(path, name, advice, function, arguments)
    with _lock:
        if _reader is None or not _reader.is_ours():
            _reader = _Reader()
        try:
            return _reader.read(path, name, advice, function, arguments)
        except process.ChildEnded as error:
            number = -_reader.process.returncode
            if number <= 0:  # by itself, not by a signal: not the file's fault
                _forget()
                raise
            why = "reading it takes too long" if number == signal.SIGXCPU else f"the HDF5 library stops at it: {error}"
            _forget()
            raise CellsegError(f"{name}: damaged ({why}); {advice}") from None
        except CellsegError:
            raise
        except BaseException:
            _forget()
            raise


@contextlib.contextmanager
def writing(path):
    """Give an `h5py.File` to fill; at the end its content is written to `path` itself.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        yield file
    Path(path).write_bytes(content.getbuffer())


class _Reader:
    """The child process, and the socket through which it hands over files in memory that hold arrays."""

    def __init__(self):
        self._ours, theirs = socket.socketpair()
        with theirs:
            self._number = theirs.fileno()
            self._child = process.Child(threads=1, keep=(self._number,))
        self.process, self._owner = self._child.process, os.getpid()

    def is_ours(self):
        """Whether it is of this process, and not of one that this one was forked from."""
        return self._owner == os.getpid()

    def read(self, path, name, advice, function, arguments):
        head, sizes = self._child.call(_hand_over, self._number, path, name, advice, function, arguments)
        if not sizes:
            return pickle.loads(head)
        _, (number,), _, _ = socket.recv_fds(self._ours, 1, 1)
        try:
            content = memoryview(mmap.mmap(number, 0, access=mmap.ACCESS_COPY))
        finally:
            os.close(number)
        return pickle.loads(head, buffers=[content[start : start + size] for start, size in _places(sizes)])

    def close(self):
        self.process.kill()
        self._child.close()
        self._ours.close()


@atexit.register
def _forget():
    """End the child, if there is one."""
    global _reader
    if _reader is not None and _reader.is_ours():
        _reader.close()
    _reader = None


def _places(sizes):
    """Where buffers of these sizes lie one after another."""
    start = 0
    for size in sizes:
        yield start, size
        start += -(-size // _ALIGNMENT) * _ALIGNMENT


def _hand_over(number, path, name, advice, function, arguments):
    """In the child: what the function gives, as a pickle whose arrays lie in a file that goes through the socket."""
    buffers = []
    result = _limited(path, name, advice, function, arguments)
    head = pickle.dumps(result, protocol=5, buffer_callback=buffers.append)
    sizes = [buffer.raw().nbytes for buffer in buffers]
    if not any(sizes):
        return pickle.dumps(result, protocol=4), []
    with _memory_file() as stream:
        for (start, _), buffer in zip(_places(sizes), buffers):
            stream.seek(start)
            stream.write(buffer.raw())
        stream.flush()
        with socket.socket(fileno=os.dup(number)) as connection:
            socket.send_fds(connection, [b"f"], [stream.fileno()])
    return head, sizes


def _memory_file():
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("cellseg"), "w+b")
    return tempfile.TemporaryFile()


def _limited(path, name, advice, function, arguments):
    """In the child: call the function with the limits that the size of the file explains."""
    import resource

    size = min(COMPRESSION * os.path.getsize(path), memory.limit())
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime + _SECONDS + size / _BYTES_A_SECOND) + 1
    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_CPU: seconds}
    with contextlib.suppress(OSError):  # elsewhere than on Linux the process does not say how large it is
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limits[resource.RLIMIT_AS] = pages * mmap.PAGESIZE + 2 * (size + SMALL) + _SPARE
    before = {kind: resource.getrlimit(kind) for kind in limits}
    for kind, value in limits.items():
        resource.setrlimit(kind, (value if before[kind][1] < 0 else min(value, before[kind][1]), before[kind][1]))
    try:
        return _opened(path, name, advice, function, arguments)
    finally:
        for kind, values in before.items():
            resource.setrlimit(kind, values)


def _opened(path, name, advice, function, arguments):
    """Call the function with the opened file. Whatever goes wrong in it is the file's fault."""
    try:
        with h5py.File(path, "r") as file:
            return function(Hdf5File(file, name, os.path.getsize(path), memory.limit(), advice), *arguments)
    except CellsegError:
        raise
    except MemoryError:
        raise CellsegError(f"{name}: reading it takes more memory than there is, or than its size explains") from None
    except Exception as error:  # h5py raises errors of many types on damaged files
        raise CellsegError(f"{name}: not an HDF5 file, or damaged ({_reason(error)}); {advice}") from None


def _reason(error):
    if isinstance(error, OSError) and error.strerror and not error.strerror.count("\n"):
        return error.strerror
    said = str(error).strip().splitlines()
    return shown(said[0] if said else type(error).__name__)
