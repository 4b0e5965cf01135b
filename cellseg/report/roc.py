"""Every threshold: ROC, MCC, and precision against recall; the report's Figure 10 and more."""

import math
from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cellseg.report import style

_COLOURS = (style.BLUE, style.VERMILLION, style.GREEN, style.PURPLE, style.ORANGE, style.SKY_BLUE)
_DOTS, _MARKS = "osD^hp", "PXv*"  # of networks, in the colours above, and of baselines, in grey
_ZOOM = 0.1  # false positive rate up to which the inset shows the ROC
_UNIT = (-0.02, 1.02)
_RING = {"marker": "o", "markersize": 11, "markerfacecolor": "none", "markeredgewidth": 1.8, "zorder": 4}


class Series(NamedTuple):
    """A network at every threshold.

    Attributes
    ----------
    label : str
    rows : list of cellseg.evaluation.record.SweepRow
        The ``sweep`` of an ``evaluation.json``, in its order. A row is left out of a picture that needs an
        indicator which is None in it.
    chosen : float, optional
        The threshold to mark. The row nearest to it gets the mark.
    """

    label: str
    rows: list
    chosen: float | None = None


class Point(NamedTuple):
    """A baseline, which has no sweep: its rates (0 to 1, or None where undefined) and its MCC."""

    label: str
    fpr: float | None
    tpr: float | None
    precision: float | None
    recall: float | None
    mcc: float


def point(label, scores):
    """A baseline's `Point` from its scores (`cellseg.evaluation.record.MethodScores`)."""
    fpr, recall = _false_positive_rate(scores), scores.recall
    return Point(label, fpr, recall, scores.precision, recall, scores.mcc)


def draw_roc(series, points=()):
    """Draw the ROC, a dot for each threshold, with an inset that shows false positive rates up to 0.1.

    Parameters
    ----------
    series : sequence of Series
    points : sequence of Point
        Baselines.

    Returns
    -------
    matplotlib.figure.Figure
        4.5 inches wide, as those of `draw_mcc` and `draw_precision_recall`, which take the same.
    """
    return _figure(_roc, series, points)


def draw_mcc(series, points=()):
    """Draw the MCC against the threshold. Baselines do not depend on it, so they are horizontal lines."""
    return _figure(_mcc, series, points)


def draw_precision_recall(series, points=()):
    """Draw precision against recall, a dot for each threshold."""
    return _figure(_precision_recall, series, points)


def _figure(panel, series, points):
    figure = Figure(figsize=(4.5, 4.5 + 0.2 * (len(series) + len(points))), layout="constrained")
    axes = figure.subplots()
    panel(axes, series, points)
    axes.grid(alpha=0.25)
    handles, labels = axes.get_legend_handles_labels()
    handles.append(Line2D([], [], linestyle="none", color="gray", **_RING))
    labels.append("chosen threshold")
    figure.legend(handles, labels, loc="outside lower center", fontsize=9, frameon=False)
    return figure


def _roc(axes, series, points):
    axes.set(xlim=_UNIT, ylim=_UNIT, title="ROC", ylabel="true positive rate (recall)")
    axes.set_xlabel("false positive rate (1 - specificity)")
    inset = axes.inset_axes((0.37, 0.11, 0.58, 0.52))
    inset.set(xlim=(0, _ZOOM), ylim=(_lowest(series, points), 1.005))
    for place in (axes, inset):
        _curves(place, series, _false_positive_rate, _recall, lambda fpr, near=place is inset: (fpr <= _ZOOM) == near)
        _marks(place, points, "fpr", "tpr")
    _chance(axes, (0, 0.26, None, 0.66, 1), (0, 0.26, None, 0.66, 1))  # passes behind the inset
    inset.tick_params(labelsize=8)
    inset.grid(alpha=0.25)
    axes.indicate_inset_zoom(inset, edgecolor="gray")


def _mcc(axes, series, points):
    axes.set(xlim=_UNIT, title="MCC at each threshold", xlabel="threshold", ylabel="MCC")
    _curves(axes, series, _threshold, lambda row: row.mcc, shift=(0, -9))
    for number, one in enumerate(points):
        beside = 1 - 0.07 * (number % 10)  # or the marks would hide each other
        axes.plot((0, beside, 1), (one.mcc,) * 3, linestyle=":", markevery=[1], **_look(number, one))
    _chance(axes, (0, 1), (0, 0))


def _precision_recall(axes, series, points):
    axes.set(xlim=_UNIT, ylim=_UNIT, title="precision and recall", xlabel="recall", ylabel="precision")
    _curves(axes, series, _recall, lambda row: row.precision, shift=(-9, -9))
    _marks(axes, points, "recall", "precision")
    for row in [one.rows[0] for one in series if one.rows][:1]:
        cell, all_pixels = row.tp + row.fn, row.tp + row.fp + row.tn + row.fn
        _chance(axes, (0, 1), (cell / max(1, all_pixels),) * 2)


def _curves(axes, series, x, y, labelled=lambda x: True, shift=(7, -2)):
    """A line with dots for each series, a ring around the chosen one; for one or two its threshold where `labelled`."""
    for number, one in enumerate(series):
        colour, chosen = _cycle(_COLOURS, number), _chosen(one)
        label = f"{one.label}: MCC {chosen.mcc:.3f} at {one.chosen:.2f}" if chosen else one.label
        places = [(x(row), y(row)) for row in one.rows if None not in (x(row), y(row))]
        columns = list(zip(*places)) or [(), ()]
        axes.plot(*columns, color=colour, marker=_cycle(_DOTS, number), markersize=3, linewidth=0.8, label=label)
        if chosen and None not in (x(chosen), y(chosen)):
            place = (x(chosen), y(chosen))
            axes.plot(*place, color=colour, **_RING)
            if len(series) <= 2 and labelled(place[0]):  # of more, the numbers would hide each other
                aligned = {-1: "right", 0: "center", 1: "left"}[(shift[0] > 0) - (shift[0] < 0)]
                level = "bottom" if shift[1] > 0 else "top"
                text = {"xytext": shift, "textcoords": "offset points", "ha": aligned, "va": level, "fontsize": 9}
                axes.annotate(f"{one.chosen:.2f}", place, **text)


def _marks(axes, points, x, y):
    for number, one in enumerate(points):
        if None not in (getattr(one, x), getattr(one, y)):
            axes.plot(getattr(one, x), getattr(one, y), linestyle="none", **_look(number, one))


def _look(number, one):
    label = f"{one.label}: MCC {one.mcc:.3f}"
    return {"color": "gray", "marker": _cycle(_MARKS, number), "markersize": 8, "label": label, "zorder": 3}


def _chance(axes, x, y):
    axes.plot(x, y, color="gray", linestyle="--", linewidth=1, label="chance")


def _lowest(series, points):
    """Where the inset's true positive rates begin: a tenth or two below what is marked in it."""
    rates = [(_false_positive_rate(row), row.recall) for row in map(_chosen, series) if row]
    rates += [(one.fpr, one.tpr) for one in points]
    seen = [recall for fpr, recall in rates if None not in (fpr, recall) and fpr <= _ZOOM]
    return max(0, math.floor(min([0.9, *seen]) * 10 - 1) / 10)


def _chosen(one):
    """The row whose threshold is nearest to the chosen one."""
    if one.chosen is None or not one.rows:
        return None
    return min(one.rows, key=lambda row: abs(row.threshold - one.chosen))


def _false_positive_rate(row):
    return None if row.specificity is None else 1 - row.specificity


def _recall(row):
    return row.recall


def _threshold(row):
    return row.threshold


def _cycle(items, number):
    return items[number % len(items)]
