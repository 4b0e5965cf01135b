"""Training curves, as in the report's Figure 7: losses and the test set's MCC, epoch by epoch."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from cellseg.errors import printable
from cellseg.report import style

TITLES = {"pretrain": "pretraining on simulated cells", "finetune": "fine-tuning on real images"}
_LOSSES = (("train_loss", "training loss", style.BLUE), ("test_loss", "test loss", style.VERMILLION))
_LARGEST = 1e30  # what a figure can show
_SCORE = (("test_mcc", "test MCC", style.GREEN),)


_OTHERS = (style.PURPLE, style.ORANGE, style.SKY_BLUE)


def draw(histories, outputs=()):
    """Draw the losses and the MCC of each stage against epochs.

    Parameters
    ----------
    histories : dict of str to list of list of dict
        From stage ("pretrain", "finetune") to the histories of its runs, one for each seed. Rows are those of
        ``history.csv`` (`cellseg.training.history.FIELDS`). Values may be missing or None.
    outputs : sequence of str
        Other outputs of the test net, for which the rows have keys ``test_NAME``: losses, by their names, are drawn on
        the left, others on the right.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each stage: losses on the left (logarithmic), MCC on the right. One run is a line. Several runs are
        their mean, in a band from the lowest to the highest. A thin vertical line marks each step of the learning
        rate. A rate that falls all the time has no such lines.
    """
    figure = Figure(figsize=(11, 3.9 * len(histories)), layout="constrained")
    axes = figure.subplots(len(histories), 2, squeeze=False, sharex="row")
    losses, scores = list(_LOSSES), list(_SCORE)
    for number, name in enumerate(outputs):
        lines = losses if "loss" in name.rpartition("/")[2] else scores
        label = f"test {printable(name, 60)}".replace("$", "\\$")  # a name is no formula
        lines.append((f"test_{name}", label, (*_OTHERS, *(f"C{i}" for i in range(10)))[number % 13]))
    for (stage, runs), (left, right) in zip(histories.items(), axes, strict=True):
        for axis, lines in ((left, losses), (right, scores)):
            drawn = [_band(axis, runs, *line) for line in lines]
            if not any(drawn):
                axis.text(0.5, 0.5, "not recorded", ha="center", transform=axis.transAxes)
            axis.set_xlabel("epoch")
            axis.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
            steps = _steps(runs[0])
            for epoch, _ in steps:
                axis.axvline(epoch, color=style.ink(), linewidth=0.8, linestyle=":")
            axis.margins(x=0.02)
        left.set_yscale("log")
        left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 4, 6, 8)))
        left.yaxis.set_major_formatter("{x:.2g}")
        left.yaxis.set_minor_locator(NullLocator())
        left.set_ylabel("loss" if outputs else "loss (cross entropy a pixel)")
        if left.get_legend_handles_labels()[0]:
            left.legend(loc="upper right")
        right.set_ylabel("outputs of the test net" if outputs else "MCC at the best threshold")
        if outputs and right.lines:
            right.legend(loc="best")
        several = f", {len(runs)} seeds: mean and range" if len(runs) > 1 else ""
        title = f"{TITLES.get(stage, printable(stage, 80))}{several}"
        left.set_title(title, loc="left", fontsize=13, parse_math=False)  # a name may hold a dollar
        for epoch, rate in steps:
            right.annotate(
                f"{rate:g}",
                (epoch, 0.02),
                xycoords=("data", "axes fraction"),
                xytext=(3, 0),
                textcoords="offset points",
            )
        if steps:
            right.set_title("dotted: the learning rate from there on", loc="right", fontsize=10)
    return figure


def _band(axis, runs, name, label, colour):
    """Draw one quantity of all runs, over the epochs that all of them have; False if none has it."""
    columns = [{float(row["epoch"]): _number(row.get(name)) for row in run} for run in runs]
    epochs = sorted(set.intersection(*(set(column) for column in columns)))
    values = np.array([[column[epoch] for epoch in epochs] for column in columns])
    if not values.size or np.isnan(values).all():
        return False
    axis.plot(epochs, values.mean(axis=0), color=colour, label=label, marker="o" if len(epochs) < 10 else None)
    if len(runs) > 1:
        axis.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.25, linewidth=0)
    return True


def _steps(rows):
    """Epochs after which the rate is another, with that rate; none for a rate that changes at every epoch."""
    rates = [(float(row["epoch"]), _number(row.get("lr"))) for row in rows]
    changes = [(before[0], after[1]) for before, after in zip(rates, rates[1:]) if after[1] != before[1]]
    return changes if len(changes) < len(rates) / 2 else []


def _number(value):
    """A value as a number; NaN, which is a gap in the curve, where there is none that can be drawn."""
    number = float(value) if value not in (None, "") else float("nan")
    return number if abs(number) < _LARGEST else float("nan")
