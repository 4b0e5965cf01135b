"""Evaluating a model on annotated images, as in the report's section 7.2."""

from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cellseg import __version__
from cellseg.engine.weights import read_weights
from cellseg.errors import CellsegError
from cellseg.evaluation.baseline import otsu
from cellseg.evaluation.choices import at_least, choose
from cellseg.evaluation.predictions import Prediction
from cellseg.evaluation.record import ON_THEMSELVES, EvaluationRecord, GivenThreshold, Scored, SweepRow
from cellseg.evaluation.scores import image_scores, score
from cellseg.evaluation.sweep import Sweep, area_under_roc
from cellseg.files import sha256
from cellseg.inference.network import predict
from cellseg.models.settings import DISTANCE_SPLIT, SPLIT
from cellseg.segmentation.splitting import split_touching


class Evaluation(NamedTuple):
    """What `evaluate` returns.

    Attributes
    ----------
    record : cellseg.evaluation.record.EvaluationRecord
    predictions : list of cellseg.evaluation.predictions.Prediction
    """

    record: EvaluationRecord
    predictions: list


def evaluate(model, data, deploy, choice=None, choosing=False, run=None, orientations=1, engine="auto", batch=10):
    """Evaluate a model, as in the report's section 7.2.

    Parameters
    ----------
    model, deploy : path
        ``.caffemodel`` and deploy prototxt.
    data : cellseg.evaluation.images.Images
    choice : cellseg.evaluation.record.GivenThreshold, optional
        Threshold and settings to use. By default the threshold is the one with the highest MCC on these very images,
        as in the report.
    choosing : bool
        Whether to choose settings on these images, if `choice` has no threshold. For training images only.
    run : cellseg.training.record.RunRecord, optional
        The record of the run that made the model.
    orientations : {1, 8}
        Orientations of an image over which the network's output is averaged.
    engine : str
        See `cellseg.engine.load`.
    batch : int
        Images in a forward pass.

    Returns
    -------
    Evaluation

    Raises
    ------
    CellsegError
        If there is no such deploy net, or if the net, the weights or the engine cannot be used.
    """
    if not Path(deploy).is_file():
        raise CellsegError(f"{deploy}: no such file; give a deploy prototxt")
    read_weights(model)
    maps, described = predict(engine, deploy, model, data.images, batch, orientations)
    record = EvaluationRecord(
        cellseg=__version__,
        model=str(model),
        model_sha256=sha256(model),
        deploy=str(deploy),
        recipe=run.recipe if run else None,
        seed=run.schedule.seed if run else None,
        orientations=orientations,
        engine=described["name"],
        engine_details=described,
        data=data.source,
        normalisation=data.normalisation,
        stand_in=data.note is not None,
        note=data.note,
        diameter=data.diameter if _is_of(run, data) else None,
        **_results(data, maps, choice or GivenThreshold(), choosing),
    )
    backgrounds = data.background or [""] * len(data.images)
    rows = zip(data.names, data.images, data.masks, (one[0] for one in maps), backgrounds, strict=True)
    predictions = [Prediction(*row) for row in rows]
    return Evaluation(record, predictions)


def _is_of(run, data):
    """Whether the images are of the data set on which a run trained."""
    return run is not None and Path(data.source).resolve().parent == Path(run.data.folder).resolve()


def _results(data, maps, choice, choosing):
    """The part of the record that comes from the pixels."""
    probability, sweep = [one[0] for one in maps], Sweep()
    for plane, mask in zip(probability, data.masks, strict=True):
        sweep.add(plane, mask)
    best, threshold, settings = sweep.best, choice.threshold, choice.settings
    if threshold is None:
        threshold = best["threshold"]
        settings = choose(data.images, data.masks, probability, threshold, data.source) if choosing else settings
    network = at_least(probability, threshold)
    masks = {"network": network, "otsu": list(map(otsu, data.images))}
    masks.update(settings.masks(data.images, probability) if settings else {})
    split = SPLIT if len(maps[0]) == 1 else DISTANCE_SPLIT
    distances = [one[1] if len(one) > 1 else None for one in maps]
    cells = {}
    for name, founds in masks.items() if data.numbered else ():
        if name in ("network", "cleaned"):
            cells[name] = [split_touching(*row) for row in zip(founds, repeat(split), distances)]
        else:
            cells[name] = [split_touching(found, SPLIT) for found in founds]
    methods = {name: score(data.labels, founds, cells.get(name), data.numbered) for name, founds in masks.items()}
    ours, otsus = methods["network"], methods["otsu"].indicators
    pixels, truth = (np.concatenate([plane.ravel() for plane in planes]) for planes in (probability, data.masks))
    return {
        "images": len(data.images),
        "foreground": float(truth.mean()),
        "threshold": threshold,
        "split": split,
        "threshold_chosen_on": choice.chosen_on or ON_THEMSELVES,
        **ours.indicators,
        "median_mcc": ours.median_mcc,
        "best_threshold": best["threshold"],
        "best_mcc": best["mcc"],
        "auc": area_under_roc(pixels, truth),
        "baseline_otsu_mcc": otsus["mcc"],
        "baseline_otsu": Scored(**otsus),
        "settings": settings,
        "methods": methods,
        "per_image": image_scores(data.names, data.labels, network, cells.get("network"), data.numbered),
        "sweep": [SweepRow(**row) for row in sweep.table()],
    }
