"""The page's pictures: from which records each of the report's Figures 6 to 11 is drawn."""

from typing import NamedTuple

from cellseg.errors import CellsegError
from cellseg.layout import STAGES
from cellseg.report import findings
from cellseg.report.names import name_of
from cellseg.report.tables import baselines


class Figures(NamedTuple):
    """The pictures, and the facts for their captions.

    Attributes
    ----------
    pictures : dict of str to cellseg.report.style.Picture
        "architecture", "curves" (also with "-2", "-3" and so on, of the other groups), "triptychs", "best", "worst",
        "roc", "mcc" and "precision-recall". Those without records are missing.
    shown : dict of str to list
        For the architecture and the curves the recipe, for "triptychs" names, for "best" and "worst" (name, MCC) pairs.
    errors : cellseg.report.findings.Errors or None
        Over all test images.
    """

    pictures: dict
    shown: dict
    errors: object


def draw(collection, folder, say):
    """Draw all pictures for which there are records.

    Parameters
    ----------
    collection : cellseg.report.experiments.Collection
    folder : path
        Where the files go.
    say : callable
        Called with a line before each picture.

    Returns
    -------
    Figures
    """
    from cellseg.report import outlines, style, triptychs

    pictures, shown = {}, {}

    def save(name, make, *arguments, **options):
        say(f"drawing {name}")
        pictures[name] = style.save(lambda: make(*arguments, **options), folder, name)

    _draw_training(collection, save, shown)
    first = collection.main.first
    simulated = _predictions(first, "simulated")
    if simulated:
        chosen = triptychs.choose(simulated)
        shown["triptychs"] = [prediction.name for prediction in chosen]
        save("triptychs", triptychs.draw, chosen)
    found, errors = _predictions(first, "after"), None
    if found and first.evaluations["after"].record.per_image:
        record = first.evaluations["after"].record
        errors = findings.errors(found, record.threshold)
        by_name = {prediction.name: prediction for prediction in found}
        scores = {row.name: row.mcc for row in record.per_image}
        if set(by_name) != set(scores):
            raise CellsegError(
                f"{first.evaluations['after'].folder}: predictions.h5 is of another evaluation; evaluate again"
            )
        for name, names in zip(("best", "worst"), outlines.choose(record.per_image), strict=True):
            if names:
                shown[name] = [(image, scores[image]) for image in names]
                save(name, outlines.draw, [by_name[image] for image in names], scores, record.threshold)
    _draw_sweeps(collection, save)
    return Figures(pictures, shown, errors)


def _draw_training(collection, save, shown):
    """Figures 6 and 7 of each recipe. Each network is drawn once."""
    from cellseg.report import architecture, curves

    drawn = []
    for number, group in enumerate(collection.groups or collection.ablations[:1]):
        suffix = f"-{number + 1}" if number else ""
        shown[f"architecture{suffix}"] = shown[f"curves{suffix}"] = [name_of(group)]
        if group.network not in drawn:
            drawn.append(group.network)
            save(f"architecture{suffix}", architecture.draw, group.first.last.folder / "deploy.prototxt")
        histories = {stage: [run.history for run in group.runs(stage)] for stage in STAGES}
        save(f"curves{suffix}", curves.draw, {stage: rows for stage, rows in histories.items() if rows})


def _draw_sweeps(collection, save):
    """Figure 10: the networks before and after fine-tuning at every threshold, and the methods without a network."""
    from cellseg.report import roc

    series = []
    for group in collection.groups:
        for name, when in (("before", "before fine-tuning"), ("after", "after fine-tuning")):
            if name in group.first.evaluations and (name == "after" or group is collection.main):
                record = group.first.evaluations[name].record
                label = when if group is collection.main else name_of(group)
                series.append(roc.Series(label, record.sweep, record.threshold))
    if series:
        points = [roc.point(label, scores) for _, label, scores in baselines(collection)]
        save("roc", roc.draw_roc, series, points)
        save("mcc", roc.draw_mcc, series, points)
        save("precision-recall", roc.draw_precision_recall, series, points)


def _predictions(experiment, name):
    return experiment.evaluations[name].predictions() if name in experiment.evaluations else None
