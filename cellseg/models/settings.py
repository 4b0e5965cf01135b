"""How a trained model is to be used: ``NAME.segmentation.json`` beside ``NAME.caffemodel``, written by evaluations."""

import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Optional

from cellseg.data.constants import NORMALISATIONS
from cellseg.errors import CellsegError
from cellseg.files import read_json, sha256, write_json


@dataclass(frozen=True)
class Usage:
    """What a model needs besides its weights to segment an image.

    Attributes
    ----------
    deploy : str
        Deploy prototxt; in the file seen from the file's folder, so that both can move together.
    normalisation : str
        Rule for the grey values: a name of `cellseg.data.normalisation.RULES`.
    threshold : float
        A pixel is cell where its probability is at least this.
    orientations : {1, 8}
        Over which the network's output is averaged.
    smallest_object, largest_hole : int
        Areas in pixels; see `cellseg.evaluation.postprocessing.clean`. 0 where none were chosen.
    chosen_on : str
        The images on which the threshold and the areas were chosen.
    chosen_on_training_images : bool
    model_sha256 : str
        Of the weights for which this holds.
    """

    deploy: str
    normalisation: str
    threshold: float
    orientations: int = 1
    smallest_object: int = 0
    largest_hole: int = 0
    chosen_on: str = "given by hand"
    chosen_on_training_images: bool = False
    model_sha256: Optional[str] = None

    def __post_init__(self):
        if self.normalisation not in NORMALISATIONS:
            raise CellsegError(
                f"no normalisation is called '{self.normalisation}'; there are: {', '.join(NORMALISATIONS)}"
            )
        if not _is_number(self.threshold) or not 0 <= self.threshold <= 1:
            raise CellsegError(f"the threshold {self.threshold} is not between 0 and 1")
        if self.orientations not in (1, 8):
            raise CellsegError(f"{self.orientations} orientations; there are 1 and 8")
        for name in ("smallest_object", "largest_hole"):
            area = getattr(self, name)
            if not isinstance(area, int) or isinstance(area, bool) or area < 0:
                raise CellsegError(f"{name}: {area} is no area in pixels")


def usage_file(model):
    """Where the usage of a model is written: ``a/b.caffemodel`` has ``a/b.segmentation.json``."""
    return Path(model).with_suffix(".segmentation.json")


def read_usage(model):
    """Read the usage of a model.

    Parameters
    ----------
    model : str or path
        ``.caffemodel``.

    Returns
    -------
    Usage or None
        None if there is no such file.

    Raises
    ------
    CellsegError
        If it is there, but is something else, or of other weights.
    """
    path = usage_file(model)
    if not path.exists():
        return None
    record = read_json(path, "deploy", "normalisation", "threshold", "model_sha256")
    try:
        usage = Usage(**{field.name: record[field.name] for field in fields(Usage) if field.name in record})
    except CellsegError as error:
        raise CellsegError(f"{path}: {error}; evaluate the model again") from error
    if usage.model_sha256 != sha256(model):
        raise CellsegError(f"{path}: is of other weights than {model}; evaluate the model again")
    return replace(usage, deploy=os.path.normpath(str(path.parent / usage.deploy)))


def write_usage(record):
    """Leave the usage that follows from an evaluation beside its model.

    What was chosen on training images is kept: a later evaluation that chooses its threshold on the images that it
    judges does not replace it. A threshold given by hand is a trial and leaves nothing, and so does an evaluation of
    a model that is kept where nothing may be written.

    Parameters
    ----------
    record : dict
        See `cellseg.evaluation.evaluate.evaluate`.

    Returns
    -------
    path or None
        What was written, if anything was.
    """
    model, settings = record["model"], record["settings"] or {}
    by_hand = not settings and record["threshold"] != record["best_threshold"]
    if by_hand or record["normalisation"] is None or not settings and _has_better(model):
        return None
    if not os.access(str(usage_file(model).parent), os.W_OK):
        return None
    usage = Usage(
        os.path.relpath(record["deploy"], str(usage_file(model).parent)),
        record["normalisation"],
        record["threshold"],
        record["orientations"],
        settings.get("smallest_object", 0),
        settings.get("largest_hole", 0),
        settings.get("chosen_on", record["data"]),
        bool(settings),
        record["model_sha256"],
    )
    write_json(usage_file(model), asdict(usage))
    return usage_file(model)


def _has_better(model):
    try:
        usage = read_usage(model)
    except CellsegError:
        return False
    return usage is not None and usage.chosen_on_training_images


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)
