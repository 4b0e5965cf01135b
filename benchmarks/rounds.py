"""Contenders that take turns."""

import contextlib
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.material import write_material
from benchmarks.process import Process
from cellseg.errors import CellsegError

# Threads of OpenMP and BLAS spin for a while after their work.
_REST = 0.2
_EXACT, _LOSS, _BF16 = 1e-3, 2e-2, 5e-2


def measure(task, entries, effort, progress):
    """Measure a task.

    Parameters
    ----------
    task : Task
    entries : sequence of Entry
        The contenders.
    effort : Effort
    progress : callable
        Called with what is done now, for each step: one for the preparation and one a round, for each contender.

    Returns
    -------
    about : dict of str to dict
        Name of a contender to its versions, or to the reason why it is missing, under ``missing``.
    results : dict of str to dict
        Name of a contender to ``seconds`` of each round, ``repetitions`` in a round, ``peak_memory_mib``, and
        ``difference`` to the result of the contender ``compared_with``, but for a ``ring`` of so many pixels.

    Raises
    ------
    CellsegError
        If a contender stops, or computes something else than the first.
    """
    with tempfile.TemporaryDirectory(prefix="cellseg-") as folder, contextlib.ExitStack() as stack:
        write_material(folder, task)
        about, workers, results = {}, [], {}
        for entry in entries:
            progress(f"preparing {entry.title}")
            worker = stack.enter_context(Process(entry, folder, effort))
            about[entry.name] = {"missing": worker.missing} if worker.missing else worker.about
            if not worker.missing:
                workers.append(worker)
                results[entry.name] = _prepare(worker, task, folder, effort)
        if workers:
            _compare(task, [worker.entry for worker in workers], folder, results)
        for number in range(effort.rounds):
            first = number % len(workers) if workers else 0
            for worker in workers[first:] + workers[:first]:
                progress(f"round {number + 1}, {worker.entry.title}")
                _round(worker, results[worker.entry.name])
    return about, results


def difference(task, ring, first, other):
    """How much two results differ at most: losses relative to the first, probabilities as they are."""
    if first.shape != other.shape or not np.isfinite(other).all():
        return float("inf")
    if task.kind == "training":
        return float(np.max(np.abs(other - first) / np.abs(first)))
    inside = slice(ring, task.side - ring)
    return float(np.max(np.abs(other - first)[..., inside, inside]))


def tolerance(task, *entries):
    """How much results of these contenders may differ; a loss covers the ring in which they do."""
    if task.kind == "training":
        return _LOSS if any(entry.bf16 or entry.ring for entry in entries) else _EXACT
    return _BF16 if any(entry.bf16 for entry in entries) else _EXACT


def _prepare(worker, task, folder, effort):
    result = str(Path(folder) / f"{worker.entry.name}.npy")
    answer = worker.ask("prepare", kind=task.kind, batch=task.batch, seconds=effort.seconds, result=result)
    return {"seconds": [], "repetitions": answer["repetitions"]}


def _round(worker, result):
    time.sleep(_REST)
    answer = worker.ask("round", repetitions=result["repetitions"])
    result["seconds"].append(answer["seconds"])
    result["peak_memory_mib"] = round(answer["peak"], 1)


def _compare(task, entries, folder, results):
    """Make sure that all compute what the first does."""
    values = {entry.name: np.load(str(Path(folder) / f"{entry.name}.npy")) for entry in entries}
    first = entries[0]
    for entry in entries:
        ring = 0 if task.kind == "training" or entry is first else max(entry.ring, first.ring)
        found = difference(task, ring, values[first.name], values[entry.name])
        allowed = tolerance(task, entry, first)
        if not found <= allowed:
            raise CellsegError(
                f"{entry.title} and {first.title} differ by {found:.2g} in {task.name}, more than {allowed}: "
                f"they do not run the same network; --skip {entry.name} leaves it out"
            )
        results[entry.name].update(difference=found, compared_with=first.name, ring=ring)
