"""The file beside a ``.solverstate`` that keeps what Caffe's own file leaves out; see `cellseg.engine.torch.resume`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellseg.files import sha256
from cellseg.records import read_record


@dataclass(frozen=True, kw_only=True)
class ResumeRecord:
    """What stands in the file.

    Attributes
    ----------
    solverstate_sha256 : str
        Of the state that it belongs to.
    random, rand : dict
        The two streams of random numbers; see `cellseg.engine.torch.random`.
    layers : list of dict
        For the training net and each test net a state by the name of each layer that has one.
    version : int
    """

    solverstate_sha256: str
    random: dict[str, Any]
    rand: dict[str, Any]
    layers: list[dict[str, dict[str, Any]]]
    version: int = 1

    @staticmethod
    def from_old(values: dict) -> dict:
        """Today's form of a file from before versions: the same."""
        return values


def path_of(state, rank=0):
    """Where it lies; each process that trains has its own."""
    return Path(f"{state}.resume{rank or ''}.json")


def read(state, rank=0):
    """Read it.

    Returns
    -------
    ResumeRecord

    Raises
    ------
    CellsegError
        If it is missing or damaged.
    """
    return read_record(path_of(state, rank), ResumeRecord, "remove it to resume without it")


def why_not(state, rank=0):
    """Why a solver state cannot be resumed exactly: empty if there is such a file, written for this very state.

    Returns
    -------
    str
    """
    path = path_of(state, rank)
    if not path.is_file():
        return f"{path} is missing"
    if read(state, rank).solverstate_sha256 != sha256(state):
        return f"{path} belongs to another solver state"
    return ""
