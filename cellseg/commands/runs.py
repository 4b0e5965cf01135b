"""List the runs of trainings, or remove earlier ones that were kept when a folder was used again.

    cellseg runs                                all runs below runs/, the kept ones (pretrain.1, pretrain.2) too
    cellseg runs --remove runs/pretrain.1       remove kept ones; files that are not cellseg's stay

A run that is neither finished nor interrupted, and in which nothing trains, was killed: `cellseg train resume` goes on.
"""

import os
from pathlib import Path


def add_arguments(parser):
    """Add the verb's options."""
    parser.add_argument("folder", nargs="?", default="runs", help="where to look for runs (default: %(default)s)")
    remove = "kept runs to remove, whose names end in a number"
    parser.add_argument("--remove", nargs="+", metavar="RUN", default=[], help=remove)


def run(arguments):
    """List or remove."""
    from cellseg.errors import CellsegError, printable
    from cellseg.training.folder import remove_run
    from cellseg.training.record import RUN

    for folder in map(Path, arguments.remove):
        left = remove_run(folder)
        rest = f"; left there, since it is not cellseg's: {printable(', '.join(left))}" if left else ""
        print(f"removed: {folder}{rest}")
    if arguments.remove:
        return
    if not os.path.isdir(arguments.folder):
        raise CellsegError(f"{arguments.folder}: no such folder; give the one that holds the runs")
    found = sorted(Path(place) for place, _, names in os.walk(arguments.folder) if RUN in names)
    if not found:
        raise CellsegError(f"{arguments.folder}: holds no run; train first, with `cellseg train`")
    width = max(len(str(folder)) for folder in found)
    for folder in found:
        print(f"{printable(str(folder)):{width}}  {_facts(folder)}")


def _facts(folder):
    from cellseg.errors import CellsegError
    from cellseg.training.folder import is_written_to
    from cellseg.training.record import read_run

    size = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    try:
        record = read_run(folder)
    except CellsegError as error:
        return f"{size:.1f} MB, damaged: {error}"
    status = record.status
    if status == "running" and not is_written_to(folder):
        status = "killed"
    last = record.last_epoch or {}
    epochs = f"{last.get('epoch', 0):g} of {record.schedule.epochs} epochs"
    score = f", test MCC {last['test_mcc']:.4f}" if last.get("test_mcc") is not None else ""
    return f"{status}, {record.stage}, recipe {record.recipe}, {epochs}{score}, {record.started}, {size:.1f} MB"
