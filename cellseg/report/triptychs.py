"""Patches beside their ground truth and the network's output: the report's Figure 8.

`cellseg.report.outlines` uses the same sheet of pictures.
"""

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from cellseg.data.record import NOISE
from cellseg.errors import CellsegError

#: Percentiles of the grey values of an image that are shown black and white.
DISPLAYED = (1, 99.8)
_WIDTH, _GAP, _MARGIN, _HEAD, _CAPTION = 4.5, 0.08, 0.06, 0.27, 0.27  # inches
_LONGEST = 52  # characters of a caption


def choose(predictions, count=4):
    """Take evenly spaced images, half of them with noise background as far as there are any.

    Parameters
    ----------
    predictions : list of cellseg.evaluation.predictions.Prediction
    count : int
        How many; all of them if there are fewer.

    Returns
    -------
    list of Prediction
        In the order given: the middle ones of `count` / 2 equal parts of those with and of those without noise
        background (one more of the latter if `count` is odd). Where one kind is short, the other takes its places.
        Of several patches of one image (the same name before "@") only the first is taken, if that leaves enough.
    """
    numbers = {prediction.name.split("@")[0]: number for number, prediction in reversed(list(enumerate(predictions)))}
    if len(numbers) >= count:
        predictions = [predictions[number] for number in sorted(numbers.values())]
    noisy = [number for number, prediction in enumerate(predictions) if prediction.background == NOISE]
    plain = [number for number in range(len(predictions)) if number not in set(noisy)]
    wanted = max(min(len(noisy), count // 2), count - len(plain))
    return [predictions[number] for number in sorted(_spaced(noisy, wanted) + _spaced(plain, count - wanted))]


def draw(predictions, titles=("patch", "ground truth", "output")):
    """Draw a row for each image: grey values, truth, probability of cell, and the name below.

    Grey values are stretched as in `show_grey`.

    Parameters
    ----------
    predictions : sequence of cellseg.evaluation.predictions.Prediction
        Images of any sizes.
    titles : (str, str, str)
        Of the columns.

    Returns
    -------
    matplotlib.figure.Figure
        4.5 inches wide.

    Raises
    ------
    CellsegError
        If there is no image.
    """
    figure, rows = sheet([prediction.image.shape for prediction in predictions], titles, foot=0.46)
    for (left, centre, right), one in zip(rows, predictions, strict=True):
        show_grey(left, one.image)
        show(centre, one.mask, cmap="gray", vmin=0, vmax=1)
        output = show(right, one.probability, cmap="viridis", vmin=0, vmax=1)
        caption(left, f"{one.name}, with noise background" if one.background == NOISE else one.name)
    _colour_bar(figure, rows[-1][-1], output)
    return figure


def sheet(shapes, titles, foot):
    """Lay out rows of pictures on a narrow sheet, which stays legible at the width of a phone.

    Parameters
    ----------
    shapes : list of (int, int)
        Height and width of the pictures of each row, in pixels. All boxes have the same width. Their height follows the
        picture, up to the width.
    titles : sequence of str
        Of the columns.
    foot : float
        Space left free below, in inches.

    Returns
    -------
    figure : matplotlib.figure.Figure
    axes : list of list of matplotlib.axes.Axes
        One list for each row, without ticks, with space for a `caption` below.

    Raises
    ------
    CellsegError
        If there is no row.
    """
    if not shapes:
        raise CellsegError("predictions: hold no image to draw; evaluate the model again with `cellseg evaluate`")
    side = (_WIDTH - 2 * _MARGIN - _GAP * (len(titles) - 1)) / len(titles)
    heights = [side * min(1, height / width) for height, width in shapes]
    total = _HEAD + sum(heights) + _CAPTION * len(shapes) + foot
    figure, top, rows = Figure(figsize=(_WIDTH, total)), total - _HEAD, []
    for height in heights:
        boxes = [(_MARGIN + n * (side + _GAP), top - height, side, height) for n in range(len(titles))]
        rows.append([figure.add_axes(tuple(np.divide(box, (_WIDTH, total) * 2))) for box in boxes])
        top -= height + _CAPTION
    for axes in sum(rows, []):
        axes.set_axis_off()
    for axes, title in zip(rows[0], titles, strict=True):
        axes.set_title(title, fontsize=10, pad=5)
    return figure, rows


def caption(axes, text):
    """Write a line below a picture, from its left edge. Of a name that is too long the middle is left out."""
    half = _LONGEST // 2
    text = text if len(text) <= _LONGEST else f"{text[:half]}…{text[-half + 1 :]}"
    place = {"xy": (0, 0), "xytext": (0, -4), "textcoords": "offset points", "va": "top", "annotation_clip": False}
    axes.annotate(text, xycoords="axes fraction", fontsize=9, parse_math=False, **place)


def show(axes, picture, **options):
    """Show a picture as it is, pixel by pixel, in the middle of its box; options as for ``imshow``."""
    return axes.imshow(picture, interpolation="none", aspect="equal", **options)


def show_grey(axes, image, gamma=1):
    """Show grey values stretched between the percentiles `DISPLAYED` of the image itself.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    image : ndarray of shape (H, W)
    gamma : float
        Exponent of the stretched values. Below 1 it makes dim things brighter.
    """
    black, white = np.percentile(image, DISPLAYED)
    show(axes, image, cmap="gray", norm=PowerNorm(gamma, black, white, clip=True))


def _spaced(items, count):
    """Cut a list into `count` equal parts and take the middle item of each; all of a shorter list."""
    count = min(count, len(items))
    return [items[int((n + 0.5) * len(items) / count)] for n in range(count)]


def _colour_bar(figure, above, output):
    """A horizontal bar below the last output."""
    box, height = above.get_position(original=True), figure.get_figheight()
    axes = figure.add_axes((box.x0, 0.3 / height, box.width, 0.09 / height))
    bar = figure.colorbar(ScalarMappable(output.norm, output.cmap), axes, orientation="horizontal", ticks=(0, 0.5, 1))
    bar.ax.set_xticklabels(("0", "0.5", "1"), fontsize=9)
    bar.outline.set_visible(False)
    figure.text(box.x0 - 0.02, axes.get_position().y0, "probability of cell", fontsize=9, ha="right", va="bottom")
