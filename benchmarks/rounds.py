"""Contenders that take turns."""

import contextlib
import tempfile
import time

import numpy as np

from benchmarks import worker
from benchmarks.material import write_material
from benchmarks.tasks import UNET
from cellseg.engine.process import Child
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
        about, children, first, results = {}, {}, {}, {}
        for entry in entries:
            progress(f"preparing {entry.title}")
            try:
                child = stack.enter_context(start(entry, folder, effort))
            except CellsegError as error:  # no Python here has it
                about[entry.name] = {"missing": str(error)}
                continue
            answer = ask(entry, child, worker.load, entry.module, entry.option)
            about[entry.name] = answer.get("about", answer)
            if "about" in answer:
                children[entry] = child
                first[entry], repetitions = ask(entry, child, worker.prepare, task.kind, task.batch, effort.seconds)
                results[entry.name] = {"seconds": [], "repetitions": repetitions}
        _compare(task, first, results)
        turns = list(children)
        for number in range(effort.rounds):
            lead = number % len(turns) if turns else 0
            for entry in turns[lead:] + turns[:lead]:
                progress(f"round {number + 1}, {entry.title}")
                _round(entry, children[entry], results[entry.name])
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
    """How much results of these contenders may differ; a loss covers the ring in which they do.

    Adam's first updates are the signs of the gradients, so that the U-Net's losses show the rounding of small ones.
    """
    if task.kind == "training":
        alike = task.network is not UNET and not any(entry.bf16 or entry.ring for entry in entries)
        return _EXACT if alike else _LOSS
    return _BF16 if any(entry.bf16 for entry in entries) else _EXACT


def start(entry, folder, effort):
    """Start the process of a contender; real Caffe has a Python of its own, all others run under ours."""
    hidden = {"CUDA_VISIBLE_DEVICES": ""} if effort.device == "cpu" else {}
    engine = "caffe" if entry.option == "caffe" else None
    return Child(engine, threads=effort.threads, environment=hidden, folder=folder)


def ask(entry, child, function, *arguments):
    """Call a function of `benchmarks.worker` there; a contender that stops is one line."""
    try:
        return child.call(function, *arguments)
    except CellsegError as error:
        raise CellsegError(f"{entry.title} stopped ({error}); --skip {entry.name} leaves it out") from error


def _round(entry, child, result):
    time.sleep(_REST)
    seconds, peak = ask(entry, child, worker.do_round, result["repetitions"])
    result["seconds"].append(seconds)
    result["peak_memory_mib"] = round(peak, 1)


def _compare(task, values, results):
    """Make sure that all compute what the first does."""
    first = next(iter(values), None)
    for entry in values:
        ring = 0 if task.kind == "training" or entry is first else max(entry.ring, first.ring)
        found = difference(task, ring, values[first], values[entry])
        allowed = tolerance(task, entry, first)
        if not found <= allowed:
            raise CellsegError(
                f"{entry.title} and {first.title} differ by {found:.2g} in {task.name}, more than {allowed}: "
                f"they do not run the same network; --skip {entry.name} leaves it out"
            )
        results[entry.name].update(difference=found, compared_with=first.name, ring=ring)
