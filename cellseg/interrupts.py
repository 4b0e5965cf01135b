"""Ctrl-C at a good moment; SIGTERM and SIGHUP do what it does.

It runs beside real Caffe, too, and so under Python 3.9.
"""

import contextlib
import signal
import threading

#: What asks a process to end.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_heard: list = []  # the signals for which `KeyboardInterrupt` was raised


def interrupt(number, frame):
    """Raise `KeyboardInterrupt`: a handler for `listen`."""
    _heard.append(number)
    raise KeyboardInterrupt


def listen(handler=interrupt):
    """Let all `SIGNALS` raise `KeyboardInterrupt`, except those that this process was told to ignore, as by nohup."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def once(number, frame):
    """Raise `KeyboardInterrupt`, and ignore all further `SIGNALS`: a handler for `listen`."""
    for one in SIGNALS:
        signal.signal(one, _nothing)
    interrupt(number, frame)


def is_interrupt(error):
    """Whether an exception is a `KeyboardInterrupt`, or what a library made of one that came while it was imported."""
    return isinstance(error, KeyboardInterrupt) or isinstance(error, ImportError) and bool(_heard)


def _nothing(number, frame):
    pass


@contextlib.contextmanager
def put_off():
    """Let `SIGNALS` during the block take effect at its end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    noted, before = [], {}
    for number in SIGNALS:
        before[number] = signal.signal(number, lambda *arguments: noted.append(arguments))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for number, frame in noted[:1]:
        if callable(before[number]):
            before[number](number, frame)
        elif before[number] is signal.SIG_DFL:
            signal.raise_signal(number)
