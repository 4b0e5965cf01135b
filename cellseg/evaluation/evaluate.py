"""Evaluating a model on annotated images, as in the report's section 7.2."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellseg import __version__
from cellseg.data.dataset import RECORD, build_simulated, read_record
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
    stand_in : bool
        Whether they stand in for real ones.
    """

    source: str
    images: list
    masks: list
    normalisation: str = None
    stand_in: bool = False


def read_images(source, normalisation="percentile"):
    """Read annotated images from an HDF5 list file, or from a folder with ``images`` and ``masks``.

    Parameters
    ----------
    source : str or path
    normalisation : str
        For a folder; a list file's images are normalised already.

    Returns
    -------
    Images
    """
    source = Path(source)
    if source.is_dir():
        examples = read_examples(source)
        images = [normalise(example.image, normalisation) for example in examples]
        return Images(str(source), images, [example.mask for example in examples], normalisation)
    data, label = read_list(source)
    record = read_record(source.parent) if (source.parent / RECORD).exists() else None
    rule = record["request"]["normalisation"] if record else None
    return Images(str(source), list(data), list(label == 1), rule, bool(record and record["stand_in"]))


def default_deploy(model):
    """The deploy net beside a model, else the report's."""
    beside = Path(model).parent / "deploy.prototxt"
    return beside if beside.exists() else _DEFAULT_DEPLOY


def default_data(run):
    """Test set of the run that made a model, else the simulated one, which is made if it is not there.

    Parameters
    ----------
    run : dict or None
        The ``run.json`` beside the model.
    """
    if run and (Path(run["data"]["folder"]) / "test.txt").exists():
        return Path(run["data"]["folder"]) / "test.txt"
    if not (_SIMULATED / "test.txt").exists():
        build_simulated(_SIMULATED)
    return _SIMULATED / "test.txt"


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
        The content of ``evaluation.json``; see the README.
    """
    read_weights(model)
    if not Path(deploy).is_file():
        raise CellsegError(f"{deploy}: no such file; give a deploy prototxt")
    probability, described = isolation.call(predict, engine, deploy, model, data.images, batch)
    sweep = Sweep()
    for pixels, mask in zip(probability, data.masks):
        sweep.add(pixels, mask)
    pixels, truth = (np.concatenate([plane.ravel() for plane in planes]) for planes in (probability, data.masks))
    best = sweep.best
    used = best["threshold"] if threshold is None else threshold
    at_used = indicators(*count(pixels.astype(np.float64) >= used, truth))
    baseline = np.concatenate([otsu(image[None]).ravel() for image in data.images])
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
        "stand_in": data.stand_in,
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
