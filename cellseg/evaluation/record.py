"""The record of an evaluation: ``evaluation.json``, with ``sweep.csv`` and ``predictions.h5`` beside it."""

import csv
from dataclasses import asdict, dataclass, field, make_dataclass
from pathlib import Path
from typing import NamedTuple

from cellseg.errors import CellsegError
from cellseg.evaluation.choices import Choices
from cellseg.evaluation.indicators import INDICATORS, NAMES
from cellseg.evaluation.objects import ObjectScores
from cellseg.evaluation.predictions import PREDICTIONS, Prediction, write_predictions
from cellseg.models.settings import SPLIT, ModelSettings
from cellseg.records import Count, Share, read_record, write_record
from cellseg.results import replacing_files

EVALUATION, SWEEP = "evaluation.json", "sweep.csv"
#: What a record says of a threshold that was chosen on the images of its scores.
ON_THEMSELVES = "the evaluated images themselves, as in the report"
#: What an evaluation writes.
FILES = (SWEEP, PREDICTIONS, EVALUATION)

# There is a field for each indicator. The report's are in every record. One that was added later is None in earlier
# records. The Matthews correlation is always defined.
_INDICATORS = make_dataclass(
    "_INDICATORS",
    [
        (one.name, float if one.name == "mcc" else float | None, field() if one.report else field(default=None))
        for one in INDICATORS
    ],
    frozen=True,
    kw_only=True,
)


class Scored(_INDICATORS):  # type: ignore[misc, valid-type]
    """Something with a value for each indicator: an attribute for each of `cellseg.evaluation.indicators.NAMES`."""

    @property
    def indicators(self) -> dict[str, float | None]:
        """The indicators by name."""
        return {name: getattr(self, name) for name in NAMES}


@dataclass(frozen=True, kw_only=True)
class MethodScores(Scored):
    """The scores of one method, over the pixels of all images.

    Attributes
    ----------
    median_mcc : float or None
        Median over the images of their own Matthews correlation; None in records from before it was kept.
    objects : cellseg.evaluation.objects.ObjectScores or None
        Whole cells; None in records from before they were counted.
    """

    median_mcc: float | None = None
    objects: ObjectScores | None = None


@dataclass(frozen=True, kw_only=True)
class ImageScores:
    """One image: its pixels, and how many cells truth and prediction have."""

    name: str
    tp: Count
    fp: Count
    tn: Count
    fn: Count
    mcc: float
    cells: Count
    found: Count


@dataclass(frozen=True, kw_only=True)
class SweepRow(Scored):
    """One threshold: pixels counted over all images, and the indicators."""

    threshold: Share
    tp: Count
    fp: Count
    tn: Count
    fn: Count


@dataclass(frozen=True, kw_only=True)
class EvaluationRecord(Scored):
    """``evaluation.json``. The indicators are the network's, at `threshold`.

    Attributes
    ----------
    cellseg, recipe, seed : str or int or None
        Version, and what the run beside the model says; None if nothing tells.
    model, model_sha256, deploy : str or None
        The weights, and the net that they were run with.
    orientations : {1, 8}
        Number of orientations of each image over which the output was averaged.
    engine, engine_details : str, dict
        Name, and all that `cellseg.engine.describe` says.
    data, normalisation, stand_in, note : str, str or None, bool, str or None
        The images, their rule for grey values, and whether they stand in for real ones.
    images, foreground : int, float
        Number of images, and fraction of their pixels that is cell.
    threshold, threshold_chosen_on : float, str
    split : float
        How touching cells were told apart; see `cellseg.models.settings.ModelSettings`.
    diameter : float or None
        Median diameter in pixels of the cells on which the model was trained; None if it was judged on images of
        another data set, or if cells are not numbered.
    best_threshold, best_mcc : float
        The highest Matthews correlation on these images, and its threshold.
    auc : float or None
        Area under the ROC curve; None if one class is missing.
    median_mcc : float or None
    baseline_otsu, baseline_otsu_mcc : Scored, float or None
        Otsu's threshold, image by image.
    settings : cellseg.evaluation.choices.Choices or None
        What was chosen on training images, here or before.
    methods : dict of str to MethodScores
        "network" and "otsu"; with settings also "cleaned", "global" and "local".
    per_image : list of ImageScores
    sweep : list of SweepRow
    version : int
    """

    cellseg: str | None = None
    model: str = ""
    model_sha256: str | None = None
    deploy: str = ""
    recipe: str | None = None
    seed: int | None = None
    orientations: int = 1
    engine: str
    engine_details: dict[str, str | int | float | None] = field(default_factory=dict)
    data: str
    normalisation: str | None = None
    stand_in: bool = False
    note: str | None = None
    images: Count
    foreground: Share
    threshold: Share
    threshold_chosen_on: str = "unknown how chosen"
    split: float = SPLIT
    diameter: float | None = None
    median_mcc: float | None = None
    best_threshold: Share
    best_mcc: float
    auc: float | None = None
    baseline_otsu_mcc: float | None = None
    baseline_otsu: Scored
    settings: Choices | None = None
    methods: dict[str, MethodScores]
    per_image: list[ImageScores] = field(default_factory=list)
    sweep: list[SweepRow] = field(default_factory=list)
    version: int = 1

    @staticmethod
    def from_old(values: dict) -> dict:
        """Today's form of a file from before versions; the first ones scored the network and Otsu's threshold alone."""
        network = {name: values[name] for name in NAMES if name in values}
        methods = values.get("methods") or {"network": network, "otsu": values["baseline_otsu"]}
        return {**values, "methods": methods}


class GivenThreshold(NamedTuple):
    """What was chosen before an evaluation.

    Attributes
    ----------
    threshold : float or None
        None to take the best one on the evaluated images.
    chosen_on : str or None
        What it was chosen on, in words.
    settings : cellseg.evaluation.choices.Choices or None
    model_sha256 : str or None
        Of the weights that it was chosen for, if they are known.
    """

    threshold: float | None = None
    chosen_on: str | None = None
    settings: Choices | None = None
    model_sha256: str | None = None


def read_evaluation(path: str | Path) -> EvaluationRecord:
    """Read an ``evaluation.json``.

    Raises
    ------
    CellsegError
        If it is missing or damaged; see `cellseg.records.read_record`.
    """
    return read_record(path, EvaluationRecord, "evaluate the model again")


def read_threshold(text: str) -> GivenThreshold:
    """A threshold given as a number from 0 to 1, or as an ``evaluation.json`` whose choice is to be taken.

    Of an ``evaluation.json`` that holds settings these are taken, their threshold included; of another the best
    threshold on its images.

    Raises
    ------
    CellsegError
        If it is neither, or the threshold out of range.
    """
    try:
        given = GivenThreshold(float(text), "given as a number")
    except ValueError:
        record = read_evaluation(text)
        if record.settings:
            chosen = record.settings
            given = GivenThreshold(chosen.threshold, f"chosen on {chosen.chosen_on}", chosen, record.model_sha256)
        else:
            given = GivenThreshold(record.best_threshold, f"chosen on {record.data}")
    if given.threshold is None or not 0 <= given.threshold <= 1:
        raise CellsegError(f"the threshold {text} is not between 0 and 1")
    return given


def settings_of(record: EvaluationRecord) -> ModelSettings | None:
    """How the evaluated model is to be used; None where the threshold was given by hand, which is a trial."""
    chosen = record.settings
    if record.normalisation is None or not chosen and record.threshold != record.best_threshold:
        return None
    return ModelSettings(
        deploy=record.deploy,
        normalisation=record.normalisation,
        threshold=record.threshold,
        orientations=record.orientations,
        smallest_object=chosen.smallest_object if chosen else 0,
        largest_hole=chosen.largest_hole if chosen else 0,
        chosen_on=chosen.chosen_on if chosen else record.data,
        chosen_on_training_images=chosen is not None,
        model_sha256=record.model_sha256,
        split=record.split,
        diameter=record.diameter,
        recipe=record.recipe,
    )


def write_evaluation(folder: str | Path, record: EvaluationRecord, predictions: list[Prediction]) -> None:
    """Write ``evaluation.json``, ``sweep.csv`` and ``predictions.h5`` into `folder`, all of them or none."""
    with replacing_files(folder, FILES) as beside:
        with open(beside / SWEEP, "w", newline="") as stream:
            writer = csv.DictWriter(stream, ["threshold", "tp", "fp", "tn", "fn", *NAMES])
            writer.writeheader()
            writer.writerows(map(asdict, record.sweep))
        write_predictions(beside / PREDICTIONS, predictions)
        write_record(beside / EVALUATION, record)
