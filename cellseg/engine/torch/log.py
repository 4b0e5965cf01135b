"""Caffe's log: lines in the form of glog on file descriptor 2."""

import contextlib
import os
from datetime import datetime


def info(text):
    """Write a line, unless ``GLOG_minloglevel`` is above 0. On a full disk work goes on without it."""
    if os.environ.get("GLOG_minloglevel", "0") in ("", "0"):  # noqa: SIM112 (glog's own name)
        stamp = datetime.now().strftime("%m%d %H:%M:%S.%f")
        with contextlib.suppress(OSError):
            os.write(2, f"I{stamp} {os.getpid():5d} engine.py:1] {text}\n".encode("utf-8", "replace"))


def number(value):
    """A number as Caffe prints it: six significant digits."""
    return f"{float(value):.6g}"
