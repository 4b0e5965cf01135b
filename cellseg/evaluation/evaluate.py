"""Evaluating a model on annotated images, as in the report's section 7.2."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np

from cellseg import __version__
from cellseg.data.constants import RECORD
from cellseg.data.dataset import build_simulated, read_record
from cellseg.data.folder import read_examples
from cellseg.data.hdf5 import read_list
from cellseg.data.normalisation import normalise
from cellseg.engine import isolation
from cellseg.engine.weights import read_weights
from cellseg.errors import CellsegError
from cellseg.evaluation.baseline import otsu
from cellseg.evaluation.indicators import count, indicators
from cellseg.evaluation.prediction import predict
from cellseg.evaluation.sweep import Sweep, area_under_roc
from cellseg.files import sha256

_DEFAULT_DEPLOY = Path(__file__).resolve().parents[2] / "prototxt" / "deploy.prototxt"
_SIMULATED = Path("runs/data/simulated")


@dataclass
class Images:
    """Annotated images to evaluate on.

    Attributes
    ----------
    source : str
        Where they are from: a list file or a folder.
    images : list of ndarray of shape (H, W), float32
        Normalised.
    masks : list of ndarray of shape (H, W), bool
    normalisation : str or None
        The rule that was applied; None if nothing beside the list file tells.
    note : str or None
        What to know of them: that they stand in for real ones, and how to give these.
    """

    source: str
    images: list
    masks: list
    normalisation: Optional[str] = None
    note: Optional[str] = None


def read_images(source, normalisation=None, rgb="refuse"):
    """Read annotated images from an HDF5 list file, or from a folder with ``images`` and ``masks``.

    Parameters
    ----------
    source : str or path
    normalisation : str, optional
        Rule for a folder's images ("percentile" by default). A list file's are normalised already, by this one.
    rgb : {"refuse", "luminance"}
        For a folder; see `cellseg.data.images.read_image`.

    Returns
    -------
    Images
    """
    source = Path(source)
    if source.is_dir():
        examples, normalisation = read_examples(source, rgb), normalisation or "percentile"
        images = [normalise(example.image, normalisation) for example in examples]
        return Images(str(source), images, [example.mask for example in examples], normalisation)
    data, label = read_list(source)
    record = read_record(source.parent) if (source.parent / RECORD).exists() else None
    request = record["request"] if record else {}
    rule = request.get("normalisation")
    if None not in (rule, normalisation) and rule != normalisation:
        raise CellsegError(f"{source}: has normalisation '{rule}', but the model '{normalisation}'; make it again")
    return Images(str(source), list(data), list(label == 1), rule, request.get("note"))


def default_deploy(model):
    """The deploy net beside a model, else the report's."""
    beside = Path(model).parent / "deploy.prototxt"
    return beside if beside.exists() else _DEFAULT_DEPLOY


def default_data(run, split="test"):
    """A split of the data set with which a model was made; without a run, of the simulated one.

    Parameters
    ----------
    run : dict or None
        The ``run.json`` beside the model.
    split : {"train", "test"}

    Returns
    -------
    path
        A list file. The simulated data set is made if it is not there.

    Raises
    ------
    CellsegError
        If the run's data set is not there any more.
    """
    folder = Path(run["data"]["folder"]) if run else _SIMULATED
    path = folder / f"{split}.txt"
    if not run and not path.exists():
        build_simulated(_SIMULATED)
    if not path.exists():
        raise CellsegError(f"{path}: the data of this model's run is not there; give other data with --data")
    return path


def evaluate(model, data, deploy, engine="auto", threshold=None, chosen_on=None, batch=10):
    """Evaluate a model, as in the report's section 7.2.

    Parameters
    ----------
    model, deploy : path
        ``.caffemodel`` and deploy prototxt.
    data : Images
    engine : str
        See `cellseg.engine.load`.
    threshold : float, optional
        Threshold of the indicators. By default the one with the highest MCC on these very images, as in the
        report.
    chosen_on : str, optional
        With `threshold`: where it comes from, for the record.
    batch : int
        Images a forward pass.

    Returns
    -------
    dict
        The content of ``evaluation.json``.
    """
    if not Path(deploy).is_file():
        raise CellsegError(f"{deploy}: no such file; give a deploy prototxt")
    read_weights(model)
    probability, described = isolation.call(predict, engine, deploy, model, data.images, batch)
    sweep = Sweep()
    for pixels, mask in zip(probability, data.masks):
        sweep.add(pixels, mask)
    pixels, truth = (np.concatenate([plane.ravel() for plane in planes]) for planes in (probability, data.masks))
    best = sweep.best
    used = best["threshold"] if threshold is None else threshold
    at_used = indicators(*count(pixels.astype(np.float64) >= used, truth))
    baseline = np.concatenate([otsu(image).ravel() for image in data.images])
    at_otsu = indicators(*count(baseline, truth))
    return {
        "cellseg": __version__,
        "model": str(model),
        "model_sha256": sha256(model),
        "deploy": str(deploy),
        "engine": described["name"],
        "engine_details": described,
        "data": data.source,
        "normalisation": data.normalisation,
        "stand_in": data.note is not None,
        "note": data.note,
        "images": len(data.images),
        "foreground": float(truth.mean()),
        "threshold": used,
        "threshold_chosen_on": chosen_on or "the evaluated images themselves, as in the report",
        **at_used,
        "best_threshold": best["threshold"],
        "best_mcc": best["mcc"],
        "auc": area_under_roc(pixels, truth),
        "baseline_otsu_mcc": at_otsu["mcc"],
        "baseline_otsu": at_otsu,
        "sweep": sweep.table(),
    }
