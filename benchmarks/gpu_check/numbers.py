"""Steps that compare what is computed, and segment a large image."""

import contextlib
import time
from pathlib import Path

import numpy as np

from benchmarks.contenders.pycaffe import Contender
from benchmarks.material import write_material
from benchmarks.rounds import difference
from benchmarks.tasks import REPORT, UNET, Task
from cellseg.files import make_folder

#: How much the first losses of a training (relative) and probabilities may differ from those of the processor. An
#: upper bound for rounding: a wrong layer differs by more.
LIMITS = {"torch": 1e-3, "torch-tf32": 2e-2, "torch-bf16": 5e-2}
_LOSSES, _SPACING, _RADIUS = 3, 40, 9


def precisions(setting):
    """The report's network and the U-Net in each precision, beside single precision on the processor."""
    batch, side = (1, 32) if setting.small else (10, 128)
    found, wrong = {}, []
    for network in (REPORT, UNET):
        for kind in ("inference", "training"):
            task = Task(kind, batch, side, network=network)
            folder = make_folder(Path(setting.folder) / task.name)
            write_material(folder, task)
            with contextlib.chdir(folder):
                expected = _result(task, "torch", processor=True)
                differences = {name: difference(task, 0, expected, _result(task, name)) for name in LIMITS}
            title = f"{network.title or 'report'}, {kind} {task.size}"
            found[title] = differences
            wrong += [f"{name}, {title}" for name, limit in LIMITS.items() if not differences[name] <= limit]
    found["limits"] = LIMITS
    return {**found, "failed": f"too far from the processor: {'; '.join(wrong)}"} if wrong else found


def _result(task, option, processor=False):
    contender = Contender(option)
    if processor:
        contender.caffe.set_mode_cpu()
    if task.kind == "inference":
        return np.asarray(contender.inference()(1))
    step = contender.training(task.batch)
    return np.array([step(1) for _ in range(_LOSSES)])


def segment(setting):
    """Segment an image of 8192x8192 pixels with the model that ships, and count what is in it."""
    import tifffile

    from cellseg.commands import main

    side, folder = 256 if setting.small else 8192, make_folder(Path(setting.folder) / "segment")
    image, cells = _discs(side)
    tifffile.imwrite(folder / "large.tif", image)
    started = time.perf_counter()
    main(["segment", folder / "large.tif", "--out", folder / "results", "--engine", "torch"])
    seconds = time.perf_counter() - started
    number = (folder / "results/objects.csv").read_text().count("\n") - 1
    found = {"side": side, "seconds": round(seconds, 1), "cells": number, "there are": cells}
    if abs(number - cells) > 0.05 * cells:
        found["failed"] = f"found {number} cells of {cells}"
    return found


def _discs(side):
    """Bright discs in rows on a dim ground with noise, and how many they are."""
    lines = np.abs((np.arange(side) % _SPACING) - _SPACING / 2)
    count = side // _SPACING
    inside = (np.hypot(lines[:, None], lines) < _RADIUS).astype(np.uint8)
    inside[count * _SPACING :], inside[:, count * _SPACING :] = 0, 0
    noise = np.random.default_rng(0).integers(0, 12, (side, side), np.uint8)
    return inside * 120 + noise + 10, count**2
