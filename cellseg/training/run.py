"""A run folder: everything that made a model, beside the model.

FOLDER/run.json                 engine, versions, command, seed, data, schedule, weights and where they came from
FOLDER/train.prototxt, solver.prototxt, deploy.prototxt
FOLDER/data.json                what the data set was made from
FOLDER/train.log                Caffe's own log, with the test set's MCC added
FOLDER/history.csv              a row for each epoch
FOLDER/<stage>_iter_<N>.caffemodel, .solverstate
FOLDER/<stage>.caffemodel       the last weights
"""

import shlex
import shutil
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from cellseg import __version__
from cellseg.data.dataset import check_lists
from cellseg.data.hdf5 import list_entry, read_list
from cellseg.data.record import DATA, read_data
from cellseg.engine import keeps_data_position, process
from cellseg.engine.fits import check_solver
from cellseg.engine.geometry import parameter_shapes
from cellseg.engine.names import kind_of
from cellseg.engine.transfer import format_transfer, plan_transfer
from cellseg.engine.weights import read_solver_state, read_weights
from cellseg.errors import CellsegError
from cellseg.files import replacing, sha256, write_text
from cellseg.locks import only_writer
from cellseg.models.settings import usable_settings
from cellseg.network import SGD, Fcn, Schedule, Updates, deploy_net, solver, targets_of, training_net
from cellseg.network.options import variant_record
from cellseg.training import processes
from cellseg.training.folder import HISTORY, LOG, forget_after, last_snapshot, new_run_folder, snapshot_file
from cellseg.training.history import read_history
from cellseg.training.loop import Steps, TrainingEnd, help_solver, run_solver
from cellseg.training.machine import git_commit, machine
from cellseg.training.record import (
    RUN,
    RunData,
    RunPart,
    RunRecord,
    RunSchedule,
    RunWeights,
    read_run,
    run_of,
    write_run,
)


@dataclass(frozen=True)
class Plan:
    """What to train.

    Attributes
    ----------
    stage : {"pretrain", "finetune"}
    data : path
        A data set's folder; see `cellseg.data.dataset`.
    out : path
        The run folder. An earlier run there is kept as ``<out>.1``, ``<out>.2`` and so on.
    recipe : str
        Name of the recipe, for the record.
    epochs, batch, seed : int
    updates : cellseg.network.Updates
    variant : cellseg.network.Fcn or cellseg.network.UNet
    orientations : {1, 8}
        For the record: the number of orientations over which to average the output at test time.
    weights : path, optional
        ``.caffemodel`` to start from.
    engine : str
        See `cellseg.engine.load`.
    command : str, optional
        The command line that asks for it, for the record.
    """

    stage: str
    data: Path
    out: Path
    recipe: str = "report"
    epochs: int = 60
    batch: int = 10
    seed: int = 0
    updates: Updates = SGD
    variant: object = field(default_factory=Fcn)
    orientations: int = 1
    weights: Path | None = None
    engine: str = "auto"
    command: str | None = None


def train(plan):
    """Train, from the check of all inputs to the finished run folder.

    Of several processes that ``torchrun`` has started, each takes its part of every batch, and the first alone writes.

    Returns
    -------
    path
        The last weights; in the others of several processes the run folder.

    Raises
    ------
    CellsegError
        If an input cannot be used (then nothing was changed), if Caffe stopped, or after Ctrl-C (then there is a
        snapshot, and the message says how to go on).
    """
    record = read_data(plan.data)
    _announce(record.request.note)
    lacking = set(targets_of(plan.variant)) - set(record.request.targets)
    if lacking:
        raise CellsegError(
            f"{plan.data}: has no {' and '.join(sorted(lacking))} for the network to learn; make it with this --recipe"
        )
    check_lists(plan.data)
    train, test = (read_list(Path(plan.data) / f"{split}.txt")[0] for split in ("train", "test"))
    multiple = 2**plan.variant.poolings
    if any(side % multiple for side in (*train.shape[1:], *test.shape[1:])):
        raise CellsegError(f"{plan.data}: patches of {train.shape[1:]} pixels; the net needs multiples of {multiple}")
    schedule = Schedule(len(train), len(test), plan.batch, plan.epochs, plan.updates, plan.seed)
    each = processes.batch_of_each(plan.batch, plan.engine)
    initial = _read_initial_weights(plan, record)
    out = Path(plan.out)
    if not processes.is_first():
        return _help(out, plan.engine, schedule, weights=plan.weights)
    with new_run_folder(out, plan.weights) as lock:
        _write_record(out, plan, schedule, record, initial)
        _write_nets(out, plan, schedule, each)
        return _run(out, plan.engine, schedule, lock, weights=plan.weights)


def resume(state, engine_name="auto"):
    """Go on from a ``.solverstate`` in its run folder, with that run's solver and net.

    With real Caffe the order of the training patches starts anew; the embedded engine goes on where it was.

    Returns and raises as `train`.
    """
    found = read_solver_state(state)
    iteration, weights = found.iteration, found.weights
    folder = Path(state).parent
    if Path(weights).resolve().parent != folder.resolve():
        raise CellsegError(f"{state}: its run folder was moved from {Path(weights).parent}; move it back to resume it")
    if not (folder / RUN).exists():
        raise CellsegError(
            f"{state}: does not lie in a run folder ({RUN} is missing); resume it with `caffe train --snapshot`"
        )
    schedule = read_run(folder).schedule
    processes.check_batch(folder, schedule.batch)
    processes.batch_of_each(schedule.batch, engine_name)
    if not processes.is_first():
        return _help(folder, engine_name, schedule, resume=state)
    with only_writer(folder) as lock:
        return _go_on(folder, state, iteration, weights, engine_name, lock)


def _go_on(folder, state, iteration, weights, engine_name, lock):
    record = read_run(folder)
    schedule = record.schedule
    if iteration >= schedule.max_iter and record.status == "finished":
        raise CellsegError(f"{state}: this run is finished ({iteration} iterations); start another one")
    data = Path(record.data.folder)
    check_lists(data)
    if sha256(data / DATA) != record.data.record_sha256:
        raise CellsegError(f"{data}: is not the data set with which {folder} was trained; make it again as it was")
    read_weights(weights)
    losses = forget_after(folder, iteration, schedule.epoch_iterations)
    _announce(record.note)
    order = "goes on" if keeps_data_position(engine_name, state) else "starts anew"
    print(f"going on at iteration {iteration} of {schedule.max_iter}; the order of the patches {order}", flush=True)
    write_run(folder, replace(record, status="running"))
    return _run(folder, engine_name, schedule, lock, resume=state, losses=losses)


def _run(folder, engine_name, schedule, lock, weights=None, resume=None, losses=()):
    record = read_run(folder)
    started = time.time()
    job = (engine_name, folder / "solver.prototxt", _steps(schedule), folder / HISTORY, weights, resume, losses)
    try:
        if kind_of(engine_name) == "caffe":  # the embedded engine asks by itself
            sides = read_list(Path(record.data.folder) / "train.txt")[0].shape[1:]
            check_solver(folder / "solver.prototxt", (schedule.batch, 1, *sides))
        end = process.call(run_solver, *job, engine=engine_name, log=folder / LOG, keep=[lock])
    except CellsegError:
        write_run(folder, replace(record, status="failed"))
        raise
    except KeyboardInterrupt:  # at its start, or when all was done
        end = TrainingEnd(record.engine, last_snapshot(folder, record.stage))
    if not end.iteration:
        write_run(folder, replace(record, status="interrupted"))
        raise CellsegError(f"interrupted before the first iteration; {folder} holds no new weights")
    snapshot = snapshot_file(folder, record.stage, end.iteration)
    model, finished = folder / f"{record.stage}.caffemodel", end.iteration >= schedule.max_iter
    if finished:
        with replacing(model) as beside:
            shutil.copyfile(snapshot, beside)
    rows = read_history(folder / HISTORY)
    part = RunPart(to_iteration=end.iteration, seconds=round(time.time() - started, 1))
    record = replace(
        record,
        engine=end.engine,
        status="finished" if finished else "interrupted",
        last_epoch=rows[-1] if rows else {},
        parts=[*record.parts, part],
        weights=RunWeights(file=snapshot.name, sha256=sha256(snapshot)),
    )
    write_run(folder, record)
    if finished:
        return model
    state = snapshot.with_suffix(".solverstate")
    raise CellsegError(
        f"interrupted after {end.iteration} of {schedule.max_iter} iterations; weights so far: {snapshot}; "
        f"go on with: cellseg train resume {shlex.quote(str(state))}"
    )


def _help(folder, engine_name, schedule, weights=None, resume=None):
    """Be one of the other processes of a training; its solver waits until the first has made the run folder."""
    job = (engine_name, folder / "solver.prototxt", schedule.max_iter, weights, resume)
    process.call(help_solver, *job, engine=engine_name)
    return folder


def _steps(schedule):
    """What the training loop must know of a schedule."""
    count = schedule.epoch_iterations
    rates = tuple(schedule.learning_rate(epoch * count - 1) for epoch in range(1, schedule.epochs + 1))
    return Steps(schedule.max_iter, count, rates, schedule.test_samples // schedule.test_batch)


def _read_initial_weights(plan, record):
    """Check and print the weights to start from. Returns what the record says of them, or None."""
    if not plan.weights:
        return None
    _check_normalisation(plan.weights, record)
    rows = plan_transfer(read_weights(plan.weights), parameter_shapes(plan.variant), str(plan.weights))
    print(f"weights from {plan.weights}:\n{format_transfer(rows)}", flush=True)
    transfer = [asdict(row) for row in rows]
    return RunWeights(file=str(plan.weights), sha256=sha256(plan.weights), transfer=transfer)


def _write_nets(out, plan, schedule, batch):
    name = f"{plan.variant.NAME}_{plan.stage}"
    lists = [list_entry(Path(plan.data) / f"{split}.txt") for split in ("train", "test")]
    write_text(out / "train.prototxt", training_net(plan.variant, name, *lists, batch, schedule.test_batch))
    write_text(out / "deploy.prototxt", deploy_net(plan.variant, name))
    text = solver(schedule, str(out / "train.prototxt"), str(out / plan.stage), display=1)
    write_text(out / "solver.prototxt", text)


def _write_record(out, plan, schedule, record, initial):
    request = record.request
    data = RunData(folder=str(plan.data), kind=request.kind, record_sha256=sha256(Path(plan.data) / DATA))
    run = RunRecord(
        cellseg=__version__,
        git_commit=git_commit(),
        stage=plan.stage,
        recipe=plan.recipe,
        stand_in=record.stand_in,
        note=request.note,
        command=plan.command or shlex.join(sys.argv),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        status="running",
        data=data,
        normalisation=request.normalisation,
        schedule=RunSchedule.of(schedule),
        variant=variant_record(plan.variant),
        orientations=plan.orientations,
        initial_weights=initial,
        machine=machine(),
        engine={"name": plan.engine},
    )
    write_run(out, run)
    with replacing(out / DATA) as beside:
        shutil.copyfile(Path(plan.data) / DATA, beside)
    if record.stand_in:
        write_text(out / LOG, f"STAND-IN: the images are {request.note}\n")


def _announce(note):
    """Say first if the images of a run stand in for real ones."""
    if note:
        print(f"STAND-IN: the images are {note}", flush=True)


def _check_normalisation(weights, record):
    """Refuse weights that were trained on images of another normalisation than the data's."""
    known, now = run_of(weights) or usable_settings(weights), record.request.normalisation
    if known and known.normalisation != now:
        before = f"was trained on normalisation '{known.normalisation}'"
        raise CellsegError(f"{weights}: {before}, the data has '{now}'; make them alike")
