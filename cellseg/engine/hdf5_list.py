"""The text file that an HDF5Data layer reads its files' names from."""

import os

from cellseg.engine.hdf5_file import shown
from cellseg.errors import CellsegError


def files_in(source):
    """The files that a list names, split at white space.

    Parameters
    ----------
    source : str or path

    Returns
    -------
    list of str

    Raises
    ------
    CellsegError
        If the list is not there, is empty, or is no list.
    """
    if not source:
        raise CellsegError("hdf5_data_param gives no source; name a text file that lists HDF5 files")
    try:
        with open(source, "rb") as file:
            content = file.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CellsegError(f"{shown(source)}: the list of HDF5 files cannot be read ({reason})") from error
    if content.startswith(b"\x89HDF"):
        raise CellsegError(f"{shown(source)}: an HDF5 file; source must name a text file that lists HDF5 files")
    names = [os.fsdecode(name) for name in content.split()]
    if not names:
        raise CellsegError(f"{shown(source)}: names no HDF5 file; write one name a line")
    return names
