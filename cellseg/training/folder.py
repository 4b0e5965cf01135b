"""The folder of a run: one process at a time writes into it, and what a killed one has left can be gone on with."""

import contextlib
import itertools
import re
from pathlib import Path

from cellseg.errors import CellsegError
from cellseg.files import make_folder
from cellseg.locks import LOCK, only_writer
from cellseg.results import remove_ours
from cellseg.scratch import is_leftover
from cellseg.training.history import read_history, write_history
from cellseg.training.log import read_log
from cellseg.training.record import RUN, read_run

HISTORY, LOG = "history.csv", "train.log"


@contextlib.contextmanager
def new_run_folder(out, weights=None):
    """Make a run folder, and be the only one that writes into it; gives the lock of `cellseg.locks.only_writer`.

    An earlier run in it is kept beside it, under the next free number.

    Parameters
    ----------
    out : pathlib.Path
    weights : path, optional
        Weights to start from.

    Raises
    ------
    CellsegError
        If it holds anything but an earlier run, if it holds the weights, or if another process writes into it.
    """
    if weights and out.resolve() in Path(weights).resolve().parents:
        raise CellsegError(f"{out}: holds the weights to start from; choose another folder with --out")
    _check_run_folder(out)
    with only_writer(make_folder(out)):
        if (out / RUN).exists():
            numbers = (out.with_name(f"{out.name}.{number}") for number in itertools.count(1))
            kept = next(path for path in numbers if not path.exists())
            out.rename(kept)
            (kept / LOCK).unlink()
            print(f"the earlier run is kept as {kept}", flush=True)
    with only_writer(make_folder(out)) as lock:
        yield lock


def _check_run_folder(out):
    """Refuse a folder that is neither new nor empty nor a run folder."""
    if out.resolve() == Path.cwd():
        raise CellsegError(f"{out}: is the working folder; choose another folder")
    if out.exists() and not out.is_dir():
        raise CellsegError(f"{out}: is a file; choose a folder")
    held = [path for path in out.iterdir() if not is_leftover(path)] if out.exists() else []
    if held and not (out / RUN).exists():
        raise CellsegError(f"{out}: holds files, but no earlier run ({RUN} is missing); choose another folder")


def numbered_name(folder):
    """Whether a folder is called as `new_run_folder` calls earlier runs, ``pretrain.1``."""
    return re.fullmatch(r".+\.\d+", folder.name) is not None


def is_written_to(folder):
    """Whether a process trains in a run folder."""
    try:
        with only_writer(folder):
            return False
    except CellsegError:
        return True


def remove_run(folder):
    """Remove an earlier run that `new_run_folder` has kept, with its evaluations, but no file that is not ours.

    Parameters
    ----------
    folder : pathlib.Path

    Returns
    -------
    list of str
        Paths, from the folder, of what was left.

    Raises
    ------
    CellsegError
        If it is no earlier run, or a process writes into it.
    """
    if not numbered_name(folder):
        raise CellsegError(f"{folder}: is no earlier run, whose name ends in a number; only those are removed")
    stage = re.escape(read_run(folder).stage)
    files = re.compile(
        rf"(run|data)\.json|(train|solver|deploy)\.prototxt|{LOG}|{HISTORY}|"
        rf"{stage}(_iter_\d+)?\.(caffemodel|solverstate|solverstate\.resume\d*\.json|segmentation\.json)|{LOCK}"
    )
    with only_writer(folder):
        return remove_ours(folder, lambda name: files.fullmatch(name) is not None)


def snapshot_file(folder, stage, iteration):
    """The weights of a snapshot."""
    return folder / f"{stage}_iter_{iteration}.caffemodel"


def last_snapshot(folder, stage):
    """The iteration of the last snapshot that can be resumed; 0 if there is none."""
    pattern = re.compile(rf"{stage}_iter_(\d+)\.solverstate")
    found = (pattern.fullmatch(path.name) for path in folder.iterdir())
    return max((int(match[1]) for match in found if match), default=0)


def forget_after(folder, iteration, epoch_iterations):
    """Drop the rows of the history that a resumed run will write again.

    Parameters
    ----------
    folder : pathlib.Path
    iteration : int
        Where it goes on.
    epoch_iterations : int

    Returns
    -------
    list of float
        Training losses up to the iteration, of the epoch that has no row yet.
    """
    rows = [row for row in read_history(folder / HISTORY) if row["iteration"] <= iteration]
    if rows:
        write_history(folder / HISTORY, rows)
    if rows and rows[-1]["iteration"] == iteration:
        return []
    begun = (iteration - 1) // epoch_iterations * epoch_iterations
    try:
        train = read_log(folder / LOG).train
    except CellsegError:
        return []  # the snapshot is of another program's training
    return [row.get("output", row["loss"]) for row in train if begun <= row["iteration"] < iteration]
