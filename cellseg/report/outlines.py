"""The test images that the network classifies best and worst: the report's Figures 9 and 11."""

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from skimage.measure import find_contours

from cellseg.report import style
from cellseg.report.triptychs import DISPLAYED, caption, sheet, show, show_grey

_TRUTH, _OUTPUT = style.SKY_BLUE, style.ORANGE
_BOTH, _NEITHER = "#9a9a9a", "#1c1c1c"
_LINES = {"truth": {"color": _TRUTH, "linestyle": "-"}, "output": {"color": _OUTPUT, "linestyle": (0, (2.5, 1.5))}}


def choose(images, count=4):
    """Choose the images to show: those with the highest and those with the lowest MCC.

    Parameters
    ----------
    images : list of cellseg.evaluation.record.ImageScores
        Images without any true cell pixel are left out, because their MCC is 0 whatever the network does.
    count : int
        How many of each kind. If there are fewer than twice as many images, each kind gets half of them, and the best
        get the odd one, so that no image is in both.

    Returns
    -------
    best, worst : list of str
        Names, from the highest MCC on and from the lowest MCC on. Images of equal MCC are sorted by name.
    """
    rows = [row for row in images if row.tp + row.fn > 0]
    rows.sort(key=lambda row: (-row.mcc, row.name))
    split = min(count, (len(rows) + 1) // 2)
    best, rest = rows[:split], rows[split:]
    worst = sorted(rest, key=lambda row: row.mcc)[:count]  # the sort keeps the order of equal ones
    return [row.name for row in best], [row.name for row in worst]


def draw(predictions, scores, threshold):
    """Draw a row for each image: the outlines of truth and output on it, and how each pixel is classified beside it.

    Grey values are shown as their square roots, so that dim cells can be seen, and stretched between the percentiles
    `cellseg.report.triptychs.DISPLAYED` of each image. The figure says so.

    Parameters
    ----------
    predictions : sequence of cellseg.evaluation.predictions.Prediction
        Images of any sizes.
    scores : dict of str to float
        Name of an image to its MCC at `threshold`.
    threshold : float
        A pixel is cell where its probability is at least this.

    Returns
    -------
    matplotlib.figure.Figure
        4.5 inches wide.

    Raises
    ------
    CellsegError
        If there is no image.
    """
    titles = ("outlines", "classified pixels")
    figure, rows = sheet([prediction.image.shape for prediction in predictions], titles, foot=1.0)
    for (left, right), one in zip(rows, predictions, strict=True):
        found = one.probability.astype(np.float64) >= threshold
        show_grey(left, one.image, gamma=0.5)
        for planes, kind in ((one.mask, "truth"), (found, "output")):
            for line in outlines(planes):
                left.plot(line[:, 1], line[:, 0], linewidth=1.3, clip_on=False, **_LINES[kind])
        left.set(xlim=(-0.5, found.shape[1] - 0.5), ylim=(found.shape[0] - 0.5, -0.5))
        show(right, classified(found, one.mask))
        caption(left, f"{one.name}: MCC {scores[one.name]:.3f}")
    _legend(figure, rows[-1], threshold)
    return figure


def outlines(mask):
    """Closed outlines of the objects in a mask, and of their holes.

    Parameters
    ----------
    mask : ndarray of shape (H, W), bool

    Returns
    -------
    list of ndarray of shape (n, 2), float
        Row and column of the corners, half way between the centres of pixels inside and outside; objects that touch
        the border are closed along it, at -0.5 and H - 0.5. Pixels that touch at a corner belong together.
    """
    return [line - 1 for line in find_contours(np.pad(mask, 1).astype(float), 0.5, fully_connected="high")]


def classified(found, truth):
    """Colour each pixel by its class: true or false, positive or negative.

    Parameters
    ----------
    found, truth : ndarray of shape (H, W), bool

    Returns
    -------
    ndarray of shape (H, W, 3), float
        Red, green and blue, 0 to 1.
    """
    colours = np.array([to_rgb(colour) for colour in (_NEITHER, _TRUTH, _OUTPUT, _BOTH)])
    return colours[truth + 2 * found]


def _legend(figure, above, threshold):
    lines = [Line2D([], [], linewidth=1.6, label=label, **_LINES[label]) for label in ("truth", "output")]
    kinds = (("in both (TP)", _BOTH), ("output alone (FP)", _OUTPUT), ("truth alone (FN)", _TRUTH))
    pixels = [Patch(color=colour, label=label) for label, colour in kinds]
    height = figure.get_figheight()
    for axes, handles in zip(above, (lines, pixels), strict=True):
        place = {"loc": "upper left", "bbox_to_anchor": (axes.get_position().x0, 0.98 / height)}
        figure.legend(handles=handles, fontsize=9, frameon=False, borderpad=0, borderaxespad=0, **place)
    low, high = DISPLAYED
    note = f"Threshold {threshold:.2f}. Images: square root of the grey values,\n"
    note += f"stretched between the image's percentiles {low} and {high}."
    figure.text(0.015, 0.06 / height, note, fontsize=8, va="bottom", linespacing=1.3)
