"""How a trained model is to be used: ``NAME.segmentation.json`` beside ``NAME.caffemodel``, written by evaluations."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from cellseg.data.names import NORMALISATIONS
from cellseg.errors import CellsegError
from cellseg.files import sha256
from cellseg.records import read_record, write_record

#: By how many pixels a radius has to shrink towards a neck for two cells to be told apart; see docs/segment.md.
SPLIT = 0.5
#: The same for a network that gives the distance to the edge itself, as a part of a cell's largest.
DISTANCE_SPLIT = 0.15

_EVALUATE = "evaluate the model again"
_OF_THE_WEIGHTS = ("recipe", "diameter", "scores")


@dataclass(frozen=True)
class ModelSettings:
    """What a model needs besides its weights to segment an image.

    Attributes
    ----------
    deploy : str
        Deploy prototxt. In the file it is relative to the file's folder, so that both can move together.
    normalisation : str
        Rule for the grey values: a name of `cellseg.data.normalisation.RULES`.
    threshold : float
        A pixel is cell where its probability is at least this.
    orientations : {1, 8}
        Number of orientations of the image over which the network's output is averaged.
    smallest_object, largest_hole : int
        Areas in pixels; see `cellseg.inference.cleaning.clean`. 0 where none were chosen.
    chosen_on : str
        The images on which the threshold and the areas were chosen.
    chosen_on_training_images : bool
    model_sha256 : str or None
        Of the weights for which this holds.
    split : float or None
        By how much the distance to the edge has to fall between two maxima for these to be two cells
        (`cellseg.segmentation.splitting.split_touching`): in pixels; for a network that gives the distance itself as a
        part of it, 0 to 1. None leaves cells that touch as one.
    recipe : str or None
        Name of the recipe with which the model was trained; None if nothing tells.
    diameter : float or None
        Median diameter in pixels of the cells that it was trained on; see `cellseg.data.diameter`. None if nothing
        tells.
    scores : dict of str to float, or None
        What it is worth: a figure for each name, such as "mean F1, fields/test".
    version : int

    Raises
    ------
    CellsegError
        If a value is out of range.
    """

    deploy: str
    normalisation: str
    threshold: float
    orientations: int = 1
    smallest_object: Annotated[int, Meta(ge=0)] = 0
    largest_hole: Annotated[int, Meta(ge=0)] = 0
    chosen_on: str = "given by hand"
    chosen_on_training_images: bool = False
    model_sha256: str | None = None
    split: Annotated[float, Meta(ge=0)] | None = SPLIT
    recipe: str | None = None
    diameter: Annotated[float, Meta(gt=0)] | None = None
    scores: dict[str, float] | None = field(default=None, hash=False)
    version: int = 1

    def __post_init__(self):
        if self.normalisation not in NORMALISATIONS:
            names = ", ".join(NORMALISATIONS)
            raise CellsegError(f"no normalisation is called '{self.normalisation}'; there are: {names}")
        if not 0 <= self.threshold <= 1:
            raise CellsegError(f"the threshold {self.threshold} is not between 0 and 1")
        if self.orientations not in (1, 8):
            raise CellsegError(f"{self.orientations} orientations; there are 1 and 8")
        for name in ("smallest_object", "largest_hole"):
            if getattr(self, name) < 0:
                raise CellsegError(f"{name}: {getattr(self, name)} is no area in pixels")
        if self.split is not None and not self.split >= 0:
            raise CellsegError(f"split: {self.split} is less than 0")
        if self.diameter is not None and not self.diameter > 0:
            raise CellsegError(f"diameter: {self.diameter} is no diameter in pixels")

    @staticmethod
    def from_old(values: dict) -> dict:
        """Today's form of a file from before versions: all that it lacks has a default."""
        return values


def settings_file(model: str | Path) -> Path:
    """Where the settings of a model are written: ``a/b.caffemodel`` has ``a/b.segmentation.json``."""
    return Path(model).with_suffix(".segmentation.json")


def read_settings(model: str | Path) -> ModelSettings | None:
    """Read the settings of a model.

    Parameters
    ----------
    model : str or path
        ``.caffemodel``.

    Returns
    -------
    ModelSettings or None
        None if there is no such file.

    Raises
    ------
    CellsegError
        If the file is damaged, or was written for other weights.
    """
    path = settings_file(model)
    if not path.exists():
        return None
    settings = read_record(path, ModelSettings, _EVALUATE)
    if settings.model_sha256 != sha256(model):
        raise CellsegError(f"{path}: is of other weights than {model}; {_EVALUATE}")
    return replace(settings, deploy=os.path.normpath(path.parent / settings.deploy))


def write_settings(model: str | Path, settings: ModelSettings) -> Path | None:
    """Write the settings of a model beside it.

    Settings that were chosen on training images are kept: others do not replace them. What earlier settings say of the
    weights themselves (recipe, diameter, scores) is kept where the new ones do not say it. Nothing is written into a
    folder where nothing may be written.

    Parameters
    ----------
    model : str or path
        ``.caffemodel``.
    settings : ModelSettings
        The deploy net is seen from the working folder.

    Returns
    -------
    path or None
        The file, if it was written.
    """
    path, before = settings_file(model), usable_settings(model)
    better = before is not None and before.chosen_on_training_images
    if better and not settings.chosen_on_training_images or not os.access(path.parent, os.W_OK):
        return None
    if before:
        facts = {name: getattr(settings, name) or getattr(before, name) for name in _OF_THE_WEIGHTS}
        settings = replace(settings, **facts)
    write_record(path, replace(settings, deploy=os.path.relpath(settings.deploy, path.parent)))
    return path


def usable_settings(model: str | Path) -> ModelSettings | None:
    """As `read_settings`, but None also where the file is damaged or of other weights."""
    try:
        return read_settings(model)
    except CellsegError:
        return None
