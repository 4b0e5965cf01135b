"""The training loop: a plain pycaffe script with a progress bar, a log in Caffe's own words, and test scores.

It runs where the engine is, and so, for real Caffe, under Python 3.9 with numpy 1.19.
"""

import os
import time
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from cellseg import engine
from cellseg.errors import CellsegError
from cellseg.evaluation.sweep import Sweep
from cellseg.interrupts import put_off
from cellseg.progress import bar
from cellseg.training.history import FIELDS, read_history, write_history


@dataclass(frozen=True)
class Steps:
    """What the loop must know of a schedule.

    Attributes
    ----------
    iterations : int
        Iterations in the whole training.
    epoch_iterations : int
        Iterations in an epoch.
    rates : tuple of float
        Learning rate of the last iteration of each epoch.
    test_batches : int
        Batches in the test set.
    """

    iterations: int
    epoch_iterations: int
    rates: tuple
    test_batches: int


@dataclass
class TrainingEnd:
    """How a training ended.

    Attributes
    ----------
    engine : dict
        See `cellseg.engine.describe`.
    iteration : int
        Iterations done.
        After a Ctrl-C before the last iteration a snapshot was written.
    """

    engine: dict
    iteration: int


def run_solver(engine_name, solver_file, steps, history, weights=None, resume=None, losses=()):
    """Run a solver to its end. To be called through `cellseg.engine.process.call`.

    Parameters
    ----------
    engine_name : str
        See `cellseg.engine.load`.
    solver_file : str
        Solver prototxt whose net has blobs ``data``, ``label``, ``score`` and ``loss``.
    steps : Steps
        What the solver does.
    history : path
        CSV file that gets a row after each epoch; see `cellseg.training.history`.
    weights : str, optional
        ``.caffemodel`` whose layers are copied by name first.
    resume : str, optional
        ``.solverstate`` to go on from.
    losses : sequence of float
        With `resume`: training losses before it of the epoch that has no row yet.

    Returns
    -------
    TrainingEnd
    """
    caffe = engine.load(engine_name)
    print(f"engine: {engine.in_words(engine.describe(caffe))}", flush=True)
    solver = caffe.get_solver(str(solver_file))
    if weights:
        solver.net.copy_from(str(weights))
    if resume:
        solver.restore(str(resume))
    solver.test_nets[0].share_with(solver.net)
    losses, rows, started = list(losses), read_history(history), time.time()
    with bar("iteration", total=steps.iterations, initial=solver.iter)() as progress:
        try:
            while True:
                if losses and solver.iter % steps.epoch_iterations == 0:
                    with put_off():
                        rows.append(_end_of_epoch(solver, steps, losses, time.time() - started))
                        write_history(history, rows)
                    losses = []
                    if progress.disable:
                        print(_line(rows[-1], steps), flush=True)
                if solver.iter >= steps.iterations:
                    break
                solver.step(1)
                losses.append(_as_in_the_log(_finite(float(solver.net.blobs["loss"].data), solver.iter)))
                scores = {"mcc": f"{rows[-1]['test_mcc']:.4f}"} if rows else {}
                progress.set_postfix(loss=f"{np.mean(losses):.4f}", **scores, refresh=False)
                progress.update()
            solver.solve()
        except KeyboardInterrupt:
            solver.snapshot()
    return TrainingEnd(engine.describe(caffe), solver.iter)


def help_solver(engine_name, solver_file, iterations, weights=None, resume=None):
    """Take part, as one of several processes, in a training in whose first process `run_solver` runs.

    It makes the same steps, but neither tests nor writes what the first one writes.

    Parameters
    ----------
    engine_name, solver_file, weights, resume
        As of `run_solver`.
    iterations : int
        Iterations in the whole training.
    """
    solver = engine.load(engine_name).get_solver(str(solver_file))
    if weights:
        solver.net.copy_from(str(weights))
    if resume:
        solver.restore(str(resume))
    try:
        while solver.iter < iterations:
            solver.step(1)
        solver.solve()
    except KeyboardInterrupt:
        solver.snapshot()


def _as_in_the_log(loss):
    """A loss as Caffe writes it: a training that goes on takes those of its epoch from the log."""
    return float(f"{loss:.6g}")


def _finite(loss, iteration):
    """Stop at a loss of NaN. Caffe would go on, and its Accuracy layer would write outside of its memory."""
    if not np.isfinite(loss):
        raise CellsegError(f"the loss is {loss} at iteration {iteration}: training diverged; give a lower --base-lr")
    return loss


def _end_of_epoch(solver, steps, losses, seconds):
    test_loss, sweep = score_test_set(solver, steps.test_batches)
    _log(f"Iteration {solver.iter}, Testing net (#0)")
    _log(f"    Test net output #2: mcc = {sweep.best_mcc:.6g}")
    epoch = solver.iter // steps.epoch_iterations
    values = (
        epoch,
        solver.iter,
        float(f"{steps.rates[epoch - 1]:.6g}"),
        round(float(np.mean(losses)), 6),
        round(test_loss, 6),
        round(sweep.best_mcc, 6),
        sweep.best_threshold,
        round(seconds, 1),
    )
    return dict(zip(FIELDS, values))


def score_test_set(solver, batches):
    """Run the solver's first test net over its whole test set.

    Parameters
    ----------
    solver : pycaffe solver
        Its test net shares the trained weights.
    batches : int
        Batches in the test set.

    Returns
    -------
    loss : float
        Mean over the batches.
    sweep : cellseg.evaluation.sweep.Sweep
    """
    net, sweep, losses = solver.test_nets[0], Sweep(), []
    for _ in range(batches):
        net.forward()
        score = net.blobs["score"].data
        sweep.add(_sigmoid(score[:, 1] - score[:, 0]), net.blobs["label"].data[:, 0] == 1)
        losses.append(float(net.blobs["loss"].data))
    return float(np.mean(losses)), sweep


def _sigmoid(values):
    return 0.5 * (1 + np.tanh(0.5 * values))  # an exponential would overflow


def _line(row, steps):
    return (
        f"Iteration {row['iteration']} (epoch {row['epoch']} of {len(steps.rates)}), loss = {row['train_loss']:.4g}, "
        f"lr = {row['lr']:g}; test loss = {row['test_loss']:.4g}, test mcc = {row['test_mcc']:.4f}"
    )


def _log(text):
    """Add a line to the engine's log (file descriptor 2) in the form of glog, so that one parser reads both."""
    stamp = datetime.now().strftime("%m%d %H:%M:%S.%f")
    os.write(2, f"I{stamp} {os.getpid():5d} loop.py:1] {text}\n".encode())
