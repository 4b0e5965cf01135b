"""One training in several processes, started by ``torchrun``: the first keeps the run folder, the others help."""

import contextlib
import os

from cellseg.engine.names import kind_of
from cellseg.engine.prototxt import read_net
from cellseg.errors import CellsegError


def count():
    """How many processes ``torchrun`` started; 1 if it did not."""
    return _number("WORLD_SIZE", 1)


def is_first():
    """Whether this is the one that writes."""
    return count() < 2 or _number("RANK", 0) == 0


def batch_of_each(batch, engine):
    """The part of a batch that each process takes.

    Parameters
    ----------
    batch : int
        Of all together.
    engine : str
        See `cellseg.engine.load`.

    Raises
    ------
    CellsegError
        If it cannot be shared, or the engine does not train so.
    """
    processes = count()
    if processes > 1 and kind_of(engine) != "torch":
        raise CellsegError("torchrun starts several processes of the embedded engine alone; take ENGINE=torch")
    if batch % processes:
        raise CellsegError(f"a batch of {batch} cannot be shared by {processes} processes; give a --batch that can")
    return batch // processes


def check_batch(folder, batch):
    """Refuse to go on with another number of processes than a run was begun with.

    Parameters
    ----------
    folder : pathlib.Path
        The run folder.
    batch : int
        Of all processes together.

    Raises
    ------
    CellsegError
    """
    each = read_net(folder / "train.prototxt").layer[0].hdf5_data_param.batch_size
    if each * count() != batch:
        now = f"{count()} take part" if count() > 1 else "this is one process alone"
        how = f"torchrun --nproc-per-node {batch // each} -m cellseg train resume" if each < batch else "one process"
        raise CellsegError(f"{folder}: was begun with {each} patches of {batch} a process, but {now}; take {how}")


@contextlib.contextmanager
def first_alone_prints():
    """Drop what the other processes print."""
    if is_first():
        yield
        return
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def _number(name, otherwise):
    text = os.environ.get(name, str(otherwise))
    if not text.isdecimal():
        raise CellsegError(f"{name}={text}: is not a number; it is torchrun's, leave it unset")
    return int(text)
