"""Calling an engine in a child process, because real Caffe ends the whole process where it meets an error.

Caffe reports a mistake (an unknown field, a shape that does not fit, a file that is not there) through glog, which
writes to file descriptor 2 and aborts; Python never gets an exception. In a child, the last of those lines can be
read and raised as one.
"""

import contextlib
import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path

from cellseg.errors import CellsegError

_FATAL = re.compile(r"^F\d{4,8} \S+ +\d+ \S+\] (.*)", re.MULTILINE)
_SYNTAX = re.compile(r"^\[libprotobuf ERROR .*?\] Error parsing text-format \S+ (.*)", re.MULTILINE)


def call(function, *arguments, log=None):
    """Call ``function(*arguments)`` in a child process and return what it returns.

    Parameters
    ----------
    function : callable
        May load and use an engine; the caller must not have loaded real Caffe. Its result must be picklable, and itself
        too where the caller has loaded PyTorch.
    *arguments
        Passed to `function`.
    log : str or path, optional
        File to which Caffe's messages (file descriptor 2) are appended; by default they are dropped. Python's own
        ``sys.stderr`` still goes to the terminal.

    Raises
    ------
    CellsegError
        If Caffe stopped with a fatal error (the message is Caffe's, with the log), if the child was killed, or if
        `function` raised one. `KeyboardInterrupt` in the child is raised here too; Ctrl-C is left to the child.
    """
    with _messages(log) as messages, tempfile.TemporaryFile() as result:
        start = messages.seek(0, os.SEEK_END)
        sys.stdout.flush()
        sys.stderr.flush()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until Ctrl-C is the child's alone
        try:
            child = (_spawn if "torch" in sys.modules else _fork)(function, arguments, messages, result)
            with _signals_left_to(child):
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
                _, status = os.waitpid(child, 0)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        result.seek(0)
        answer = result.read()
        if os.WIFEXITED(status) and answer:
            value, error = pickle.loads(answer)
            if error is not None:
                raise error
            return value
        messages.seek(start)
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        raise CellsegError(why(messages.read().decode("utf-8", "replace"), number, log))


def why(messages, number, log=None):
    """Why a process in which an engine ran has ended without a result, in one line.

    Parameters
    ----------
    messages : str
        What it wrote to file descriptor 2.
    number : int
        Of the signal that ended it, else 0.
    log : str or path, optional
        Where the user finds these messages.

    Returns
    -------
    str
    """
    fatal, syntax = _FATAL.findall(messages), _SYNTAX.findall(messages)
    where = f"; all its messages are in {log}" if log else ""
    if fatal:
        return f"Caffe stopped: {fatal[-1]}{f' (line:column: {syntax[-1]})' if syntax else ''}{where}"
    if number:
        cause = " (out of memory?)" if number == signal.SIGKILL else ""
        return f"the engine was ended by signal {number}{cause}{where}"
    return f"the engine ended without a result, see the traceback above{where}"


def _fork(function, arguments, messages, result):
    child = os.fork()
    if child == 0:
        _be_the_child(function, arguments, messages, result)
    return child


def _spawn(function, arguments, messages, result):
    """A new interpreter: in a fork of a process whose threads PyTorch has used, PyTorch waits for them for ever."""
    numbers = [stream.fileno() for stream in (messages, result)]
    child = subprocess.Popen(
        [sys.executable, "-c", "from cellseg.engine import isolation; isolation.be_spawned()", *map(str, numbers)],
        stdin=subprocess.PIPE,
        pass_fds=numbers,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with child.stdin:
        pickle.dump((function, arguments), child.stdin)
    child.returncode = 0  # the caller waits for it
    return child.pid


def _messages(log):
    return Path(log).open("ab+") if log else tempfile.TemporaryFile()


@contextlib.contextmanager
def _signals_left_to(child):
    """Ctrl-C reaches the child by itself; a request to terminate is passed on, from the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {signal.SIGINT: signal.SIG_IGN, signal.SIGTERM: lambda *_: os.kill(child, signal.SIGTERM)}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _be_the_child(function, arguments, messages, result):
    """Never returns: call the function, write (value, error) to `result`, and leave without the parent's exits."""
    try:
        sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        os.dup2(messages.fileno(), 2)
        try:
            answer = function(*arguments), None
        except (CellsegError, KeyboardInterrupt, OSError) as error:
            answer = None, error
        sys.stdout.flush()
        pickle.dump(answer, result, protocol=4)
        result.flush()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def be_spawned():
    """Be the child that `_spawn` starts; never returns."""
    _be_the_child(*pickle.load(sys.stdin.buffer), *(os.fdopen(int(number), "ab+") for number in sys.argv[1:]))
