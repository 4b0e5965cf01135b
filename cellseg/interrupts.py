"""Ctrl-C at a good moment.

It runs beside real Caffe, too, and so under Python 3.9.
"""

import contextlib
import signal
import threading


@contextlib.contextmanager
def put_off():
    """Let a Ctrl-C during the block take effect at its end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    noted = []
    before = signal.signal(signal.SIGINT, lambda *arguments: noted.append(arguments))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if noted and callable(before):
        before(*noted[0])
