"""What follows from a network's layers: sizes of maps and parameters, and how much of the image a unit sees."""

from cellseg.errors import CellsegError
from cellseg.network.tracing import trace


def parameter_shapes(network):
    """Shapes of all parameter blobs, as Caffe will allocate them.

    Parameters
    ----------
    network : Fcn or UNet

    Returns
    -------
    dict of str to list of tuple
        Layer name to the shapes: (maps out, maps in, k, k) and, with a bias, (maps out,) for a convolution,
        (maps, 1, 4, 4) for the fixed upsampling, (maps,), (maps,), (1,) for batch normalisation, (maps,) twice for its
        scale and shift.
    """
    return {step.name: list(step.shapes) for step in trace(network.layers()) if step.shapes}


def trainable_parameters(network):
    """Number of trainable parameters; a fixed upsampling and what a batch normalisation keeps are none."""
    return sum(step.trainable for step in trace(network.layers()))


def receptive_field(network):
    """Side in pixels of the square of the image that one unit of the lowest-resolution maps sees.

    This is the reading of "effective receptive field" that gives the report's 38 (its section 7).
    """
    steps = trace(network.layers())
    return field(steps, lowest(steps))


def field(steps, step):
    """Side in pixels of the square of the image that one unit of a step's top sees; of units that differ, the largest.

    Parameters
    ----------
    steps : list of Step
    step : Step
        One of them.
    """
    return max(high - low + 1 for low, high in _image_ranges(steps, step))


def reach(steps):
    """How far, in pixels, an output of the image's size depends on the image above, below, left and right of itself.

    Parameters
    ----------
    steps : list of Step
        Of a whole net; the last one's top is the output.

    Raises
    ------
    CellsegError
        If the output is not of the image's size.
    """
    if steps[-1].stride != 1:
        raise CellsegError(f"layer '{steps[-1].name}': its output is not of the image's size")
    ranges = enumerate(_image_ranges(steps, steps[-1]))
    return int(max(max(unit - low, high - unit) for unit, (low, high) in ranges))


def _image_ranges(steps, step):
    """Of each kind of unit of a step's top, first and last row of the image on which it depends."""
    period = int(max(one.stride for one in steps) / step.stride)
    return [_image_range(steps, steps.index(step), unit) for unit in range(period)]


def _image_range(steps, last, unit):
    """First and last row of the image on which a unit of the step at the position `last` depends."""
    wanted = {last: (unit, unit)}  # by position; -1 is the image
    for position in range(last, -1, -1):
        if position in wanted:
            low, high = steps[position].sees(*wanted[position])
            for bottom in steps[position].bottoms:
                maker = max((number for number in range(position) if steps[number].top == bottom), default=-1)
                others = wanted.get(maker, (low, high))
                wanted[maker] = min(low, others[0]), max(high, others[1])
    return wanted[-1]


def lowest(steps):
    """The last step at the lowest resolution."""
    coarsest = max(step.stride for step in steps)
    return [step for step in steps if step.stride == coarsest][-1]
