"""Ranges of the networks' parameters.

Each function raises a `CellsegError` that names the parameter, its value and the range.
"""

from cellseg.errors import CellsegError


def poolings(value):
    """Number of 2x2 poolings: 1 to 4."""
    if not 1 <= value <= 4:
        raise CellsegError(f"poolings is {value}; give 1 to 4")


def kernel(name, value):
    """Side of a kernel: odd, 1 to 31."""
    if not 1 <= value <= 31 or value % 2 == 0:
        raise CellsegError(f"{name} is {value}; give an odd number of pixels, 1 to 31")


def features(value):
    """Feature maps: 1 to 1024."""
    if not 1 <= value <= 1024:
        raise CellsegError(f"features is {value}; give 1 to 1024")
