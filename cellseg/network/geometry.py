"""What follows from a network's layers: sizes of maps and parameters, and how much of the image a unit sees."""

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
    last = steps.index(step)
    period = int(max(one.stride for one in steps) / step.stride)
    ranges = [_image_range(steps, last, unit) for unit in range(period)]
    return max(high - low + 1 for low, high in ranges)


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
