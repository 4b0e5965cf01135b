"""The page's tables, as numbers: the report's Table 1 with our rows, whole cells, and the changes that were tried."""

import statistics
from typing import NamedTuple

from cellseg.engine.geometry import receptive_field, trainable_parameters
from cellseg.evaluation.indicators import NAMES, TITLES
from cellseg.evaluation.table import COUNTS, OBJECTS, REPORT
from cellseg.report.names import change_of, name_of

#: How the page calls the methods of an evaluation.
METHODS = {
    "network": "",
    "cleaned": ", post-processed",
    "otsu": "Otsu's threshold per image",
    "global": "one grey-value threshold for all images",
    "local": "local adaptive threshold",
}
BASELINES = ("otsu", "global", "local")


class Number(NamedTuple):
    """A number, or the mean of several.

    Attributes
    ----------
    mean : float or None
        None where there is no value.
    sd : float or None
        Standard deviation of a sample; None for a single value.
    digits : int
        Decimals to show.
    """

    mean: float | None
    sd: float | None = None
    digits: int = 3


class Row(NamedTuple):
    """A row: its name, whose numbers they are ("report", "ours" or "baseline"), how many seeds, and the numbers."""

    label: str
    kind: str
    n: int | None
    numbers: list


class Table(NamedTuple):
    """The titles of the columns behind name and n, and the rows."""

    columns: tuple
    rows: list


def number(values, digits=3):
    """The mean and sample standard deviation of values, as a `Number`. Values that are None do not count."""
    values = [value for value in values if value is not None]
    sd = statistics.stdev(values) if len(values) > 1 else None
    return Number(statistics.fmean(values) if values else None, sd, digits)


def table_1(collection):
    """Table 1 as in the report, where each network's threshold is the best one on the test images themselves."""
    rows = [
        Row(name, "report", None, [Number(t, None, 2), *(Number(values[key], None, digits) for key in NAMES), _NONE])
        for name, t, values, digits in REPORT
    ]
    for group in collection.groups:
        for when, name in (("before", "before"), ("after", "after")):
            rows += _row(f"{_ours(group)}, {name} fine-tuning" if _tuned(group) else _ours(group), group.results(when))
    return Table(("threshold", *TITLES, "median MCC"), rows + _baseline_rows(collection, ("otsu",), _line))


def honest_table(collection):
    """The same columns on the same images, with nothing chosen on them; also post-processing and baselines."""
    rows = []
    for group in collection.groups:
        for method in ("network", "cleaned"):
            rows += _row(f"{_ours(group)}{METHODS[method]}", group.results("honest"), method)
    return Table(
        ("threshold", *TITLES, "median MCC"), rows + (_baseline_rows(collection, BASELINES, _line) if rows else [])
    )


def object_table(collection):
    """Whole cells: F1 at several IoUs, average precision, and errors of the count per image."""
    rows = []
    for group in collection.groups:
        results = group.results("honest") or group.results("after")
        for method in ("network", "cleaned"):
            known = [result for result in results if method in result.methods and result.methods[method].objects]
            if known:
                numbers = _objects([result.methods[method] for result in known])
                rows.append(Row(f"{_ours(group)}{METHODS[method]}", "ours", len(known), numbers))
    return Table(
        tuple(OBJECTS.values()),
        rows + (_baseline_rows(collection, BASELINES, lambda _, found: _objects(found)) if rows else []),
    )


def cells_are_numbered(collection):
    """Whether the cells of the main recipe's `object_table` are numbered in the truth."""
    results = collection.main.results("honest") or collection.main.results("after")
    return any(scores.objects.numbered for one in results for scores in one.methods.values() if scores.objects)


def ablation_table(collection):
    """The changes that were tried, beside the network that they change."""
    groups = collection.ablations
    if not any(group.ablation == "report" for group in groups):
        groups = [group for group in collection.groups if group.recipe == "report"][:1] + groups
    rows = []
    for group in groups:
        values = [
            Number(trainable_parameters(group.network), None, 0),
            Number(receptive_field(group.network), None, 0),
            Number(sum(run.record.schedule.epochs for run in group.first.stages.values()), None, 0),
            number([result.record.mcc for result in group.results("before")]),
            number([result.record.mcc for result in group.results("after")]),
            number([result.record.mcc for result in group.results("honest")]),
            number([sum(run.seconds for run in one.stages.values()) / 60 for one in group.experiments], 1),
        ]
        label = change_of(group)
        rows.append(Row(label, "ours" if group.ablation else "baseline", len(group.experiments), values))
    titles = ("parameters", "receptive field", "epochs", "MCC before", "MCC after", "nothing chosen", "minutes")
    return Table(titles, rows)


def baselines(collection):
    """The methods without a network, on the test images.

    Returns
    -------
    list of (str, str, cellseg.evaluation.record.MethodScores)
        Name of the method, its label and its scores, on the grey values as the main recipe has them.
    """
    results = collection.main.results("honest") + collection.main.results("after")
    found = []
    for method in BASELINES:
        scores = [result.methods[method] for result in results if method in result.methods]
        found += [(method, METHODS[method], scores[0])] if scores else []
    return found


_NONE = Number(None)


def _ours(group):
    name = name_of(group)
    return "ours" if name == "the report's recipe" else f"ours, {name[4:]}"


def _tuned(group):
    return bool(group.runs("pretrain"))


def _row(label, results, method="network"):
    known = [(result.record.threshold, result.methods[method]) for result in results if method in result.methods]
    return [Row(label, "ours", len(known), _line(*zip(*known)))] if known else []


def _line(thresholds, found):
    values = [number([getattr(one, key) for one in found]) for key in NAMES]
    return [number(thresholds, 2), *values, number([one.median_mcc for one in found])]


def _objects(found):
    return [number([getattr(one.objects, key) for one in found], 2 if key in COUNTS else 3) for key in OBJECTS]


def _baseline_rows(collection, methods, numbers):
    return [
        Row(label, "baseline", None, numbers([], [scores]))
        for method, label, scores in baselines(collection)
        if method in methods and (numbers is _line or scores.objects)
    ]
