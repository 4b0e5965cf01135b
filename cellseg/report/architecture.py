"""The network as a row of blocks, drawn from its deploy prototxt: the report's Figure 6."""

from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from cellseg.engine.geometry import field, lowest, read_steps
from cellseg.report import style

SIDE = 128
_KINDS = {
    "convolution": ("convolution{norm}, ReLU", style.SKY_BLUE),
    "upsampling": ("bilinear upsampling ×2, convolution{norm}, ReLU", style.ORANGE),
    "score": ("convolution to two maps, softmax", style.GREEN),
    "input": ("image", "#9aa3ad"),
}
_HEIGHT, _GAP = 4.0, 1.15


class Block(NamedTuple):
    """The maps that one convolution gives, and the layers before it since the last block.

    Attributes
    ----------
    kind : str
        A key of `_KINDS`.
    names : tuple of str
        Its convolutions: one, or several in a row at one resolution.
    channels : int
    side : int
        Side of its maps, for an image of 128x128.
    kernel : int
    parameters : int
        Number of trainable parameters.
    pooled : bool
        Whether a pooling comes before it.
    skips_from : str or None
        The block whose maps join the upsampled ones, by the name of its last convolution.
    """

    kind: str
    names: tuple
    channels: int
    side: int
    kernel: int
    parameters: int
    pooled: bool
    skips_from: object


def blocks(steps):
    """Gather the steps of a net into blocks. Convolutions in a row at one resolution are one block.

    Parameters
    ----------
    steps : list of cellseg.engine.tracing.Step

    Returns
    -------
    list of Block
    """
    made, pooled, upsampled, skip = [], False, False, None
    for number, step in enumerate(steps):
        if step.kind == "Pooling":
            pooled = True
        elif step.kind == "Deconvolution":
            upsampled = True
        elif step.kind == "Concat":
            skip = step.bottoms[-1]
        elif step.kind == "Convolution":
            side = int(SIDE / step.stride)
            learnt = step.trainable + _learnt_in_place(steps[number + 1 :], step.top)
            last = not any(later.kind == "Convolution" for later in steps[number + 1 :])
            follows = made and not (pooled or upsampled or last) and made[-1].side == side
            if follows:
                names, learnt = (*made[-1].names, step.name), made[-1].parameters + learnt
                made[-1] = made[-1]._replace(names=names, channels=step.channels, parameters=learnt)
            else:
                kind = "score" if last else "upsampling" if upsampled else "convolution"
                made.append(Block(kind, (step.name,), step.channels, side, step.kernel, learnt, pooled, skip))
            pooled, upsampled, skip = False, False, None
    return made


def draw(path):
    """Draw the network of a deploy prototxt.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    matplotlib.figure.Figure
        One block for each convolution, or for several in a row. Its height shows the side of the maps, its width
        their number. Skip connections are arcs. The text below gives the sizes for an image of 128x128, the trainable
        parameters and how much a unit sees.
    """
    steps = read_steps(path)
    channels = next(step.shapes[0][1] for step in steps if step.kind == "Convolution")
    row = [Block("input", (), channels, SIDE, 0, 0, False, None), *blocks(steps)]
    widths = [0.12 + 0.055 * block.channels**0.5 for block in row]
    lefts = [sum(widths[:number]) + number * _GAP for number in range(len(row))]
    figure = Figure(figsize=(9.6, 4.7))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    for block, left, width in zip(row, lefts, widths):
        _draw_block(axis, block, left, width)
    for left, width, second, right in zip(lefts, widths, row[1:], lefts[1:]):
        _arrow(axis, (left + width, 0), (right, 0))
        change = "pool" if second.pooled else "×2" if second.kind == "upsampling" else ""
        if change:
            axis.text((left + width + right) / 2, 0.12, change, ha="center", fontsize=10)
    _draw_skips(axis, row, lefts, widths)
    total = f"{sum(step.trainable for step in steps):,}".replace(",", " ")
    low, end = field(steps, lowest(steps)), field(steps, steps[-1])
    facts = (
        f"{total} trainable parameters. A unit of the lowest maps sees {low} × {low} pixels, "
        f"an output pixel {end} × {end}.\n"
        "Above: feature maps. Below: their size, kernel, trainable parameters."
    )
    axis.text(0, -_HEIGHT / 2 - 1.35, facts, fontsize=11, va="top", linespacing=1.4)
    norm = ", batch normalisation" if any(step.kind == "BatchNorm" for step in steps) else ""
    handles = [
        Rectangle((0, 0), 1, 1, color=colour, label=label.format(norm=norm))
        for kind, (label, colour) in _KINDS.items()
        if any(block.kind == kind for block in row)
    ]
    tight = {"fontsize": 11, "handlelength": 1.2, "handletextpad": 0.5, "columnspacing": 1}
    axis.legend(handles=handles, loc="upper center", ncols=2, bbox_to_anchor=(0.5, 1.0), **tight)
    axis.set_xlim(-0.5, lefts[-1] + widths[-1] + 0.6)
    axis.set_ylim(-_HEIGHT / 2 - 2.1, _HEIGHT / 2 + (2.8 if any(block.skips_from for block in row) else 1.5))
    return figure


def _draw_block(axis, block, left, width):
    height = _HEIGHT * (block.side / SIDE) ** 0.5
    axis.add_patch(Rectangle((left, -height / 2), width, height, color=_KINDS[block.kind][1]))
    middle, below = left + width / 2, -_HEIGHT / 2 - 0.1
    axis.text(middle, height / 2 + 0.08, str(block.channels), ha="center", va="bottom", fontsize=13, fontweight="bold")
    lines = [f"{block.side}²"]
    if block.kernel:
        times = f"{len(block.names)} × " if len(block.names) > 1 else ""
        lines += [f"{times}{block.kernel}×{block.kernel}", _short(block.parameters)]
    axis.text(middle, below, "\n".join(lines), ha="center", va="top", fontsize=11)


def _draw_skips(axis, row, lefts, widths):
    ends = {block.names[-1]: number for number, block in enumerate(row) if block.names}
    for number, block in enumerate(row):
        if block.skips_from not in ends:
            continue
        source = ends[block.skips_from]
        heights = [_HEIGHT * (one.side / SIDE) ** 0.5 / 2 + 0.65 for one in (row[source], block)]
        start, end = lefts[source] + widths[source] / 2, lefts[number] + widths[number] / 2
        _arrow(axis, (start, heights[0]), (end, heights[1]), bend=-0.12)


def _arrow(axis, start, end, bend=0.0):
    shape = f"arc3,rad={bend}"
    axis.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=11, color=style.ink(), linewidth=1.1, connectionstyle=shape
        )
    )


def _learnt_in_place(steps, blob):
    """Parameters of the in-place layers that follow the layer that made a blob."""
    total = 0
    for step in steps:
        if step.top != blob or step.bottoms != (blob,):
            break
        total += step.trainable
    return total


def _short(number):
    size, unit = (1e6, " M") if number >= 1e6 else (1e3, " k") if number >= 1e3 else (1, "")
    return f"{number / size:.{1 if size <= number < 10 * size and unit else 0}f}{unit}"
