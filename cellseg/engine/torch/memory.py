"""Keeping freed memory in the process."""

import ctypes

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # parameters of glibc's mallopt


def keep():
    """Let the C library hand out freed memory again instead of giving it back to the system.

    Each pass through a net frees and takes the same large arrays; with glibc's defaults the system clears all their
    pages each time, which takes a third of the time of a large image. Elsewhere than under glibc nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, -1)
