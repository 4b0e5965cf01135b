"""The file beside a ``.solverstate`` that keeps what Caffe's own file leaves out; see `cellseg.engine.torch.resume`."""

from pathlib import Path

from cellseg.files import read_json, sha256


def path_of(state, rank=0):
    """Where it lies; each process that trains has its own."""
    return Path(f"{state}.resume{rank or ''}.json")


def why_not(state, rank=0):
    """Why a solver state cannot be resumed exactly: empty if there is such a file, written for this very state.

    Returns
    -------
    str
    """
    path = path_of(state, rank)
    if not path.is_file():
        return f"{path} is missing"
    if read_json(path, "solverstate_sha256")["solverstate_sha256"] != sha256(state):
        return f"{path} belongs to another solver state"
    return ""
