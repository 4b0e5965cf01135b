"""What an export says of a model: its settings, how it was trained, and what it is worth."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from cellseg.errors import CellsegError
from cellseg.evaluation.record import EVALUATION, EvaluationRecord, read_evaluation, read_threshold
from cellseg.files import sha256
from cellseg.models.find import default_deploy
from cellseg.models.settings import ModelSettings, read_settings
from cellseg.recipes import RECIPES
from cellseg.training.record import RunRecord, run_of

_HALF = 0.5


class ModelCard(NamedTuple):
    """The records that belong to a model.

    Attributes
    ----------
    settings : cellseg.models.settings.ModelSettings
    run : cellseg.training.record.RunRecord or None
        The record of the training; None if there is none.
    evaluation : cellseg.evaluation.record.EvaluationRecord or None
        An evaluation of these very weights, preferably with nothing chosen on its images.
    """

    settings: ModelSettings
    run: RunRecord | None
    evaluation: EvaluationRecord | None

    @property
    def kind(self) -> str | None:
        """Kind of the training images, "real" among them; None if nothing tells."""
        return self.run.data.kind if self.run else None

    @property
    def network(self) -> str | None:
        """Name of the network, a key of `cellseg.network.NETWORKS`; None if no record tells."""
        if self.run:
            return self.run.network.NAME
        recipe = RECIPES.get(self.settings.recipe or "")
        return recipe.network.NAME if recipe else None

    @property
    def recorded(self) -> bool:
        """Whether a record says that cellseg trained the model: a run, or settings with a recipe."""
        return self.network is not None

    @property
    def simulated(self) -> bool:
        """Whether the images of the last training are known to be simulated ones."""
        return self.kind not in (None, "real")


def read_card(model: str | Path, normalisation: str | None = None, threshold: str | None = None) -> ModelCard:
    """Gather what is known of a model from the records in its folder.

    Parameters
    ----------
    model : path
        A ``.caffemodel``.
    normalisation : str, optional
        By default the run's.
    threshold : str, optional
        A number or an ``evaluation.json``; by default ``honest/evaluation.json`` or ``evaluation.json`` beside the
        model, if it is of this very model, else the model's settings.

    Raises
    ------
    CellsegError
        If nothing tells the normalisation, or a file is damaged.
    """
    run, digest = run_of(model), sha256(model)
    path, evaluation = _evaluation(Path(model).parent, digest)
    settings = read_settings(model) or _derived(model, run, evaluation, normalisation)
    given = read_threshold(threshold or path) if threshold or path else None
    if given:
        settings = replace(settings, threshold=given.threshold, chosen_on=without_folders(given.chosen_on))
    if normalisation:
        settings = replace(settings, normalisation=normalisation)
    return ModelCard(settings, run, evaluation)


def _derived(model, run, evaluation, normalisation):
    """Settings of a model without a file of them."""
    rule = normalisation or (run.normalisation if run else None)
    if rule is None:
        raise CellsegError(f"{model}: no run.json beside it tells how its images were normalised; give --normalisation")
    source = evaluation or run
    return ModelSettings(
        deploy=str(default_deploy(model)),
        normalisation=rule,
        threshold=_HALF,
        orientations=source.orientations if source else 1,
        chosen_on="not chosen on any images: evaluate the model first",
        model_sha256=sha256(model),
        recipe=source.recipe if source else None,
    )


def _evaluation(folder, digest):
    """The first evaluation of these weights, with its path."""
    for path in (folder / "honest" / EVALUATION, folder / EVALUATION):
        if path.exists():
            record = read_evaluation(path)
            if record.model_sha256 == digest:
                return str(path), record
    return None, None


def without_folders(words):
    """How a threshold was chosen, without the names of the user's folders."""
    return " ".join(word.rsplit("/", 1)[-1] for word in words.split(" "))
