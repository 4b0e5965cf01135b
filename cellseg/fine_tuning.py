"""From annotated images to a better model in one call: split, train from a model, compare both on what was held out.

OUT/data/split       the images, dealt to training and testing (`cellseg.data.hold_out`)
OUT/data/real        the data set made from them
OUT/finetune         the run, with the model (`cellseg.training.run`)
OUT/comparison.json  what the model is worth beside the one that it started from
"""

import logging
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from cellseg.data.dataset import build_real
from cellseg.data.folder import read_example, read_examples
from cellseg.data.hold_out import SPLIT, read_split, write_split
from cellseg.data.pairs import pair_folders
from cellseg.data.record import read_data, warnings_of
from cellseg.data.truth_geojson import SUFFIXES as GEOJSON
from cellseg.data.truth_rois import SUFFIXES as ROIS
from cellseg.engine.process import report
from cellseg.errors import CellsegError
from cellseg.evaluation.comparison import COMPARISON, Comparison, compare, write_comparison
from cellseg.evaluation.evaluate import evaluate
from cellseg.evaluation.images import default_data, read_images
from cellseg.evaluation.record import settings_of, write_evaluation
from cellseg.images.registry import SUFFIXES
from cellseg.layout import Layout
from cellseg.models.find import default_deploy, find_model
from cellseg.models.settings import write_settings
from cellseg.models.shipped import DEFAULT, shipped_name
from cellseg.network import targets_of
from cellseg.recipes import RECIPES
from cellseg.segmentation.model import find_settings
from cellseg.training import run
from cellseg.training.record import read_run, run_of

#: What the truth may be, and the endings of its files.
TRUTH = {"labels": SUFFIXES, "qupath": GEOJSON, "roi": ROIS}
#: What a training does, one after the other, as it is reported to the parent of a child process.
STEPS = ("data", "training", "comparison")

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class FineTuning:
    """What to train on your own images.

    Attributes
    ----------
    images, truth : path
        Folders of images and of their truth.
    kind : {"labels", "qupath", "roi"}
        What the truth is: label images or masks, GeoJSON, or ImageJ's selections.
    out : path
        Folder for everything that is made. An earlier run in it is kept beside the new one.
    weights : str
        The model to start from; see `cellseg.models.find.find_model`. Its recipe is taken, too.
    epochs, copies : int, optional
        By default the recipe's.
    batch, seed : int
    engine : str
        See `cellseg.engine.load`.
    rgb : {"refuse", "luminance"}
        What to do with colour images.
    command : str, optional
        The command line, for the record.
    """

    images: Path
    truth: Path
    kind: str
    out: Path
    weights: str = DEFAULT
    epochs: int | None = None
    copies: int | None = None
    batch: int = 10
    seed: int = 0
    engine: str = "auto"
    rgb: str = "refuse"
    command: str | None = None


def fine_tune(plan: FineTuning, progress=iter) -> Comparison:
    """Train on annotated images, from a model that is there, and compare both on images that are held out.

    Images without truth, and truth without an image, are left out, with a warning that names them.

    Parameters
    ----------
    plan : FineTuning
    progress : callable, optional
        Wraps the loop over training images.

    Returns
    -------
    Comparison

    Raises
    ------
    CellsegError
        If an image, its truth, the model or the folder cannot be used; if the training is interrupted or diverges.
        What was made until then stays.
    """
    weights = find_model(plan.weights)
    recipe, start = _start(plan.weights, weights)
    layout = Layout(Path(plan.out))
    report(STEPS[0])
    split = layout.data("split")
    pairs, left_out = pair_folders(plan.images, plan.truth, TRUTH[plan.kind])
    for path in left_out:
        lacks = f"has no {plan.kind} in {plan.truth}" if path.parent == Path(plan.images) else "belongs to no image"
        _LOG.warning("warning: %s: %s, and is left out", path, lacks)
    examples = [read_example(pair, plan.rgb) for pair in pairs]
    record = write_split(split, examples, left_out, plan.seed)
    held_out = ", ".join(Path(path).name for path in record.held_out)
    part = "a part of it is" if record.cut else f"{len(record.train)} to train on,"
    print(f"{len(pairs)} annotated image{'s' if len(pairs) > 1 else ''}: {part} held out: {held_out}", flush=True)
    build_real(
        layout.data("real"),
        split,
        normalisation=start.normalisation,
        copies=plan.copies or recipe.copies,
        variation=recipe.variation,
        targets=targets_of(recipe.network),
        seed=plan.seed,
        mirror=True,
        progress=progress,
    )
    made = read_data(layout.data("real"))
    for warning in warnings_of(made):
        _LOG.warning("warning: %s: %s", plan.truth, warning)
    report(STEPS[1])
    (layout.folder / COMPARISON).unlink(missing_ok=True)
    run.train(
        run.Plan(
            stage="finetune",
            data=layout.data("real"),
            out=layout.run("finetune"),
            recipe=recipe.name,
            epochs=plan.epochs or recipe.epochs,
            batch=min(plan.batch, made.splits["train"].patches),
            seed=plan.seed,
            updates=recipe.further,
            variant=recipe.network,
            orientations=start.orientations,
            weights=weights,
            engine=plan.engine,
            command=plan.command,
        )
    )
    return _finish(layout, plan.weights, plan.engine)


def resume(state, engine: str = "auto") -> tuple[Path, Comparison | None]:
    """Go on with a training that was interrupted, also after its last iteration.

    Parameters
    ----------
    state : str or path
        A ``.solverstate`` in a run folder.
    engine : str
        See `cellseg.engine.load`.

    Returns
    -------
    model : path
    comparison : Comparison or None
        None if the training was no `fine_tune`, so that there is nothing to compare.

    Raises
    ------
    CellsegError
        As `cellseg.training.run.resume`.
    """
    layout = Layout(Path(state).parent.parent)
    ours = layout.run("finetune") == Path(state).parent and (layout.data("split") / SPLIT).exists()
    finished = ours and layout.model("finetune").exists() and read_run(layout.run("finetune")).status == "finished"
    compared = finished and (layout.folder / COMPARISON).exists()
    model = layout.model("finetune") if finished and not compared else run.resume(state, engine)
    if not ours:
        return model, None
    begun = read_run(layout.run("finetune")).initial_weights
    if begun is None:
        raise CellsegError(f"{layout.run('finetune')}: its run.json names no model to compare with; train again")
    return model, _finish(layout, shipped_name(begun.file) or begun.file, engine)


def _start(text, weights):
    """The recipe of the model to start from, with its network, and the model's settings."""
    settings, record = find_settings(weights), run_of(weights)
    if settings.recipe not in RECIPES:
        what = "its settings name no recipe, by which it could be trained further"
        raise CellsegError(f"{text}: {what}; take a model of which `cellseg models` or run.json shows one")
    recipe = RECIPES[settings.recipe]
    return replace(recipe, network=record.network if record else recipe.network), settings


def _finish(layout, old, engine):
    """Choose the new model's settings on the images that it was trained on, and compare both models on the others."""
    report(STEPS[2])
    model = layout.model("finetune")
    try:
        record = run_of(model)
        data = read_images(default_data(record, "train"), record.normalisation)
        chosen = evaluate(model, data, default_deploy(model), None, True, record, record.orientations, engine)
        write_evaluation(layout.evaluation("chosen"), *chosen)
        settings = settings_of(chosen.record)
        write_settings(model, settings)
        held_out = read_examples(layout.data("split") / "test")
        left_out = read_split(layout.data("split")).left_out
        comparison = compare(str(old), str(layout.run("finetune")), held_out, engine, left_out)
        write_settings(model, replace(settings, scores=_scores(comparison)))
        write_comparison(layout.folder, comparison)
        return comparison
    except KeyboardInterrupt:
        state = model.with_name(record.weights.file).with_suffix(".solverstate")
        how = f"compare it with: cellseg train resume {shlex.quote(str(state))}"
        raise CellsegError(f"interrupted; the training is finished: {model}; {how}") from None


def _scores(comparison):
    new = comparison.new
    named = {"F1 at IoU 0.5, held out": new.f1, "mean F1, held out": new.mean_f1}
    return {name: round(value, 3) for name, value in named.items() if value is not None}
