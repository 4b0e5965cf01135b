"""How much memory there is. Runs on Python 3.9, too: code beside real Caffe asks."""

import os
import re
import resource
from pathlib import Path

from cellseg.errors import CellsegError

#: The variable of the environment in which a limit reaches child processes, too.
VARIABLE = "CELLSEG_MEMORY"

_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_UNITS = {"": 1 << 30, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_AMOUNT = re.compile(r"(\d{1,12}(?:\.\d{1,6})?) ?([MGT]?)(?:i?B)?")


def amount(text):
    """Read an amount of memory, such as "8G" or "500M"; a plain number is gigabytes (2**30 bytes).

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    CellsegError
        If it is none.
    """
    found = _AMOUNT.fullmatch(text.strip())
    size = int(float(found.group(1)) * _UNITS[found.group(2)]) if found else 0
    if not size:
        raise CellsegError(f"'{text}' is no amount of memory; give one such as 8G or 500M")
    return size


def limit():
    """Bytes that this process and its children may use.

    Returns
    -------
    int
        What CELLSEG_MEMORY says; else the machine's memory, or less where the process or its container has a limit.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return amount(given)
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), resource.getrlimit(resource.RLIMIT_AS)[0]]
    for path in map(Path, _LIMITS):
        try:
            limits.append(int(path.read_text()))
        except (OSError, ValueError):  # no such limit, or "max"
            continue
    return min(size for size in limits if size > 0)  # the second may be "no limit", which is -1


def shown(size):
    """Bytes as they stand in a message: "1.5 GB", or "12 MB"."""
    return f"{size / 2**30:.3g} GB" if size >= 2**30 else f"{max(size / 2**20, 1):.0f} MB"
