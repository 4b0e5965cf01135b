"""The one way to start a child process that runs Python functions of ours.

Real Caffe writes a mistake (an unknown field, a wrong shape, a missing file) to file descriptor 2 and ends its process;
Python never gets an exception. In a child, its last line can be read and raised as one. A child is always a new
interpreter: of this Python, or of the one that holds an engine, which may be as old as 3.9 with numpy 1.19. So this
module and all functions that are called through it with real Caffe keep to Python 3.9.

Requests and answers are pickles in a socket. Arrays stand in them as .npy, since numpy 1.19 cannot read the pickles of
numpy 2.
"""

import contextlib
import importlib
import io
import os
import pickle
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path, PurePath

import numpy as np

from cellseg.engine.names import python_with
from cellseg.errors import CellsegError
from cellseg.interrupts import SIGNALS, is_interrupt, listen, once, put_off

_PACKAGE = Path(__file__).resolve().parents[1]
_DEFECT = 70  # exit code of a child after a traceback
_PATIENCE = 30  # seconds for a child to leave its files in order
_FATAL = re.compile(r"^F\d{4,8} \S+ +\d+ \S+\] (.*)", re.MULTILINE)
_SYNTAX = re.compile(r"^\[libprotobuf ERROR .*?\] Error parsing text-format \S+ (.*)", re.MULTILINE)
#: Imports cellseg from the folder that the parent has it from, whatever else that Python has.
_START = """
import sys
sys.path[:] = [folder for folder in sys.path if folder]
import importlib.util
file = sys.argv[1] + "/__init__.py"
spec = importlib.util.spec_from_file_location("cellseg", file, submodule_search_locations=sys.argv[1:2])
sys.modules["cellseg"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["cellseg"])
from cellseg.engine import process
process._serve(*map(int, sys.argv[2:]))
"""

_to_parent = None  # the connection, in a child


class ChildEnded(CellsegError):
    """A child process has ended without an answer; the message says why."""


def call(function, *arguments, engine=None, log=None, keep=()):
    """Call ``function(*arguments)`` in a child process and return what it returns.

    Parameters
    ----------
    function : callable
        A function of a module, not of a function or class.
    *arguments
        Passed to `function`; they and its result are pickled.
    engine : str, optional
        Name of an engine: the child is of the Python that holds it. By default it is of this Python.
    log : str or path, optional
        File to which Caffe's messages (file descriptor 2) are appended; by default they are dropped. Python's own
        ``sys.stderr`` still goes to the terminal.
    keep : sequence of int
        Descriptors, such as of `cellseg.locks`, that the child has as well.

    Raises
    ------
    CellsegError
        If Caffe stopped with a fatal error (the message is Caffe's, with the log), if the child was killed, or if
        `function` raised one. `OSError` and `KeyboardInterrupt` in the child are raised here too. Ctrl-C is left to
        the child, and so are SIGTERM and SIGHUP, which do the same.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until they are the child's alone
    try:
        with Child(engine, log, own_ctrl_c=True, keep=keep) as child, _signals_left_to(child):
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            return child.call(function, *arguments)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def report(value):
    """Tell the parent something from a function in a child: `Child.receive` gives it. Elsewhere nothing happens."""
    if _to_parent:
        _send(_to_parent, "report", value)


def caffe_message(messages):
    """The mistake with which Caffe ended its process.

    Parameters
    ----------
    messages : str
        What it wrote to file descriptor 2.

    Returns
    -------
    str or None
        None if it names none.
    """
    fatal, syntax = _FATAL.findall(messages), _SYNTAX.findall(messages)
    if not fatal:
        return None
    return fatal[-1] + (f" (line:column: {syntax[-1]})" if syntax else "")


def cores():
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


class Child:
    """A child process that does one call after another. Use it in a ``with`` statement, or call `close`.

    It has a `fileno`, so that several can be waited for with `multiprocessing.connection.wait`.

    Parameters
    ----------
    engine, log
        As of `call`.
    threads : int, optional
        How many threads numpy, Caffe and PyTorch are to use there.
    environment : dict of str to str, optional
        Changes to the environment.
    folder : path, optional
        Its working folder.
    own_ctrl_c : bool
        Whether Ctrl-C on the terminal raises `KeyboardInterrupt` in the child. If not, the child ends when it is
        closed, and a function that runs then gets a `KeyboardInterrupt` to clean up.
    keep : sequence of int
        As of `call`.
    """

    def __init__(self, engine=None, log=None, threads=None, environment=None, folder=None, own_ctrl_c=False, keep=()):
        other = python_with(engine) if engine else None
        self._same_python, self._log, self._own_ctrl_c = other is None, log, own_ctrl_c
        self._messages = Path(log).open("ab+") if log else tempfile.TemporaryFile()  # noqa: SIM115
        self._start = self._messages.seek(0, os.SEEK_END)
        ours, theirs = socket.socketpair()
        self._connection = Connection(ours.detach())
        numbers = [theirs.fileno(), self._messages.fileno()]
        sys.stdout.flush()
        sys.stderr.flush()
        with theirs:
            self.process = subprocess.Popen(
                [other or sys.executable, "-c", _START, str(_PACKAGE), *map(str, [*numbers, int(own_ctrl_c)])],
                stdin=subprocess.DEVNULL,
                pass_fds=[*numbers, *keep],
                cwd=folder,
                env=_environment(other is None, log, threads, environment or {}),
            )

    def fileno(self):
        """The descriptor that is readable when `receive` has something, or the child has ended."""
        return self._connection.fileno()

    def call(self, function, *arguments):
        """Call a function there and return its result, with the errors of `receive`; what it reports is dropped."""
        self.send(function, *arguments)
        kind, value = self.receive()
        while kind != "result":
            kind, value = self.receive()
        return value

    def send(self, function, *arguments):
        """Start a call without waiting for its end."""
        name, folder = _whereabouts(function)
        path = list(sys.path) if self._same_python else []
        with contextlib.suppress(OSError):  # it has ended: `receive` says so
            _send(self._connection, path, folder, name, function.__qualname__, _pickled(arguments))

    def receive(self):
        """Wait for the next message.

        Returns
        -------
        kind : {"report", "result"}
            "report" for what the function gave to `report`, then "result".
        value

        Raises
        ------
        ChildEnded
            If the child is no more.
        CellsegError, OSError, KeyboardInterrupt
            If the function raised one; the child takes more calls.
        """
        try:
            kind, value = pickle.loads(self._connection.recv_bytes())
        except (EOFError, OSError):
            if self._own_ctrl_c and -self.process.wait() in SIGNALS:  # before it could listen
                raise KeyboardInterrupt from None
            raise ChildEnded(self._why()) from None
        if kind == "error":
            raise value
        return kind, value

    def terminate(self):
        """Ask the child to end (SIGTERM)."""
        self.process.terminate()

    def close(self):
        """End the child: at once if it has nothing to do, else when it has cleaned up."""
        self._connection.close()
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._messages.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _why(self):
        number = max(-self.process.wait(), 0)
        self._messages.seek(self._start)
        messages = self._messages.read().decode("utf-8", "replace")
        where = f"; all its messages are in {self._log}" if self._log else ""
        fatal = caffe_message(messages)
        if fatal:
            return f"Caffe stopped: {fatal}{where}"
        if number:
            cause = " (out of memory?)" if number == signal.SIGKILL else ""
            return f"the child process was ended by signal {number}{cause}{where}"
        if self.process.returncode == _DEFECT:
            return f"the child process ended without a result, see the traceback above{where}"
        return f"the child process ended with exit code {self.process.returncode}{where}"


class _Pickler(pickle.Pickler):
    """Writes arrays as .npy, and paths, whose classes differ between Pythons, as text."""

    def reducer_override(self, thing):
        if isinstance(thing, (np.ndarray, np.generic)):
            file = io.BytesIO()
            np.save(file, thing, allow_pickle=False)
            return _array, (file.getvalue(), isinstance(thing, np.generic))
        if isinstance(thing, PurePath):
            return _path, (str(thing),)
        return NotImplemented


def _array(content, scalar):
    array = np.load(io.BytesIO(content), allow_pickle=False)
    return array[()] if scalar else array


def _path(text):
    return Path(text)


def _pickled(value):
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=4).dump(value)
    return buffer.getvalue()


def _send(connection, *message):
    connection.send_bytes(_pickled(message))


def _whereabouts(function):
    """The name of a function's module, and the folder in which another Python finds it; None for cellseg itself."""
    module = sys.modules[function.__module__]
    name, file = function.__module__, getattr(module, "__file__", None)
    if name == "__main__" and file:
        name = module.__spec__.name if module.__spec__ else Path(file).stem
    if name == "__main__" or "<" in function.__qualname__:
        raise ValueError(f"{function.__qualname__}: only a function of a module can be called in a child process")
    if name.partition(".")[0] == "cellseg" or not file:
        return name, None
    depth = name.count(".") + (Path(file).name == "__init__.py")
    return name, str(Path(file).resolve().parents[depth])


def _environment(same_python, log, threads, changes):
    variables = dict(os.environ)
    if not same_python:  # they are of this Python alone
        for name in ("PYTHONHOME", "PYTHONPATH"):
            variables.pop(name, None)
    if not log:
        variables.setdefault("GLOG_minloglevel", "2")
    if threads:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        variables.update(dict.fromkeys(names, str(threads)))
    return {**variables, **changes}


@contextlib.contextmanager
def _signals_left_to(child):
    """Signals are passed on, from the main thread alone; one that the terminal gave to the child, too, does no harm."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    listen(lambda *_: child.terminate())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _serve(number, messages, own_ctrl_c):
    """Be the child that `Child` starts: do what is asked until the parent closes the connection. Never returns."""
    global _to_parent
    _to_parent = Connection(number)
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    os.dup2(messages, 2)
    os.close(messages)
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until it is prepared for them
    listen(once)
    signal.signal(signal.SIGTERM, once)  # the parent's word, whatever is ignored
    if not own_ctrl_c:  # the parent decides, and closes the connection
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    code = _DEFECT
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        while True:
            request = pickle.loads(_to_parent.recv_bytes())
            answer = _answer(*request)
            with put_off():
                _send(_to_parent, *answer)
    except (EOFError, ConnectionError):
        code = 0
    except BaseException as error:
        if is_interrupt(error):
            code = 0
            with contextlib.suppress(OSError):
                _send(_to_parent, "error", KeyboardInterrupt())
        else:
            traceback.print_exc()
    sys.stdout.flush()
    os._exit(code)


def _answer(path, folder, module, name, arguments):
    """Do a call; a defect of ours is not caught, and ends the child."""
    sys.path[:] = path or sys.path
    if folder and folder not in sys.path:
        sys.path.append(folder)
    try:
        function = importlib.import_module(module)
        for part in name.split("."):
            function = getattr(function, part)
        result = function(*pickle.loads(arguments))
        sys.stdout.flush()
        return "result", result
    except (CellsegError, KeyboardInterrupt, OSError) as error:
        return "error", error


def _end_with_the_parent():
    """Wait until the other end of the connection is closed, and end what still runs."""
    poll = select.poll()
    poll.register(_to_parent.fileno(), 0)
    while not any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll()):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE)
    os._exit(1)
