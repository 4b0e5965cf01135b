"""What follows from a net's layers: shapes of parameters, and how much of the image a unit sees."""

import math

from cellseg.engine.layers.base import EVERYTHING
from cellseg.engine.prototxt import read_net
from cellseg.engine.tracing import trace
from cellseg.errors import CellsegError


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


def read_steps(deploy):
    """Follow the layers of a deploy prototxt.

    Parameters
    ----------
    deploy : str or path

    Returns
    -------
    list of Step

    Raises
    ------
    CellsegError
        See `cellseg.engine.tracing.trace`; with the file's name.
    """
    layers = read_net(deploy).layer
    try:
        return trace(layers)
    except CellsegError as error:
        raise CellsegError(f"{deploy}: {error}") from error


def field(steps, step):
    """Side in pixels of the square of the image that one unit of a step's top sees; of units that differ, the largest.

    Parameters
    ----------
    steps : list of Step
    step : Step
        One of them.

    Returns
    -------
    int, or infinity where units depend on the whole image.
    """
    return max(high - low + 1 for axis in (2, 3) for low, high in _image_ranges(steps, step, axis))


def reach(steps):
    """How far, in pixels, an output of the image's size depends on the image above, below, left and right of itself.

    Parameters
    ----------
    steps : list of Step
        Of a whole net; the last one's top is the output.

    Raises
    ------
    CellsegError
        If the output is not of the image's size, or depends on the whole image.
    """
    last = steps[-1]
    if last.strides != (1, 1):
        raise CellsegError(f"layer '{last.name}': its output is not of the image's size")
    found = 0
    for axis in (2, 3):
        for unit, (low, high) in enumerate(_image_ranges(steps, last, axis)):
            found = max(found, unit - low, high - unit)
    if math.isinf(found):
        raise CellsegError(f"layer '{last.name}': its output depends on the whole image, so windows do not do")
    return found


def lowest(steps):
    """The last step at the lowest resolution."""
    coarsest = max(step.stride for step in steps)
    return [step for step in steps if step.stride == coarsest][-1]


def _image_ranges(steps, step, axis):
    """Of each kind of unit of a step's top, first and last row (or column) of the image on which it depends."""
    period = max(1, int(max(one.strides[axis - 2] for one in steps) / step.strides[axis - 2]))
    return [_image_range(steps, steps.index(step), axis, unit) for unit in range(period)]


def _image_range(steps, last, axis, unit):
    """First and last row (or column) of the image on which a unit of the step number `last` depends."""
    wanted = {(last, 0): (unit, unit)}
    for number in range(last, -1, -1):
        step = steps[number]
        for top in range(len(step.tops)):
            if (number, top) not in wanted:
                continue
            low, high = wanted[number, top]
            endless = math.isinf(low)
            for source, seen in zip(step.sources, step.layer.sees(axis, *((0, 0) if endless else (low, high)), top)):
                if seen is not None:
                    seen = EVERYTHING if endless else seen
                    others = wanted.get(source, seen)
                    wanted[source] = min(seen[0], others[0]), max(seen[1], others[1])
    return wanted.get((-1, 0), (unit, unit))
