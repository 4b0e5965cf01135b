"""What follows from a network's layers: sizes of maps and parameters, and how much of the image a unit sees."""

import math
from fractions import Fraction
from typing import NamedTuple

from cellseg.errors import CellsegError

_SAME = ("Eltwise", "ReLU", "PReLU", "ELU", "Sigmoid", "TanH", "Dropout", "BatchNorm", "Scale", "Bias", "Softmax")


class Step(NamedTuple):
    """What one layer gives.

    Attributes
    ----------
    name, kind : str
        Name and type of the layer.
    bottoms : tuple of str
    top : str
        Equal to the bottom for a layer that works in place.
    channels : int
    stride : Fraction
        Distance in image pixels of neighbouring units of the top.
    kernel : int or None
        Side of the kernel of a convolution, deconvolution or pooling.
    sees : callable
        From a range (first, last) of units of the top to that of the bottoms.
    shapes : tuple of tuple of int
        Of the parameter blobs, as Caffe allocates them.
    trainable : int
        Numbers in them that are learnt.
    """

    name: str
    kind: str
    bottoms: tuple
    top: str
    channels: int
    stride: Fraction
    kernel: object
    sees: object
    shapes: tuple
    trainable: int


def trace(layers, channels=1):
    """Follow a net from the blob ``data`` on.

    Parameters
    ----------
    layers : list of dict
        LayerParameter messages as `cellseg.network` makes them, or as read from a prototxt. Layers without a bottom,
        losses and scores are passed over.
    channels : int
        Of the blob ``data``.

    Returns
    -------
    list of Step

    Raises
    ------
    CellsegError
        If a layer is of a type that is not known here, or comes before its bottom.
    """
    known = {"data": (channels, Fraction(1))}
    steps = []
    for layer in layers:
        bottoms = _several(layer.get("bottom"))
        if not bottoms or "label" in bottoms:
            continue
        missing = [name for name in bottoms if name not in known]
        if missing:
            raise CellsegError(f"layer '{layer['name']}': nothing before it gives its bottom '{missing[0]}'")
        step = _step(layer, bottoms, [known[name] for name in bottoms])
        known[step.top] = (step.channels, step.stride)
        steps.append(step)
    return steps


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
    ranges = [_image_range(steps, last, (unit, unit)) for unit in range(period)]
    return max(high - low + 1 for low, high in ranges)


def _image_range(steps, position, units):
    """Rows of the image on which a range of units of the step at a position depends."""
    ranges = [units]
    for bottom in steps[position].bottoms:
        makers = [number for number in range(position) if steps[number].top == bottom]
        below = steps[position].sees(*units)
        ranges.append(_image_range(steps, makers[-1], below) if makers else below)
    lows, highs = zip(*ranges[1:])
    return min(lows), max(highs)


def lowest(steps):
    """The last step at the lowest resolution."""
    coarsest = max(step.stride for step in steps)
    return [step for step in steps if step.stride == coarsest][-1]


def _step(layer, bottoms, before):
    kind, top = layer["type"], _several(layer.get("top"))[0]
    maps, stride = before[0]
    kernel, shapes, sees = None, (), _itself
    if kind in ("Convolution", "Deconvolution"):
        p = layer["convolution_param"]
        kernel, step, out = _one(p["kernel_size"]), _one(p.get("stride"), 1), p["num_output"]
        inside = (kernel - 1) * _one(p.get("dilation"), 1) + 1
        if kind == "Convolution":
            shape = (out, maps // p.get("group", 1), kernel, kernel)
            stride, sees = stride * step, _window(inside, step, _one(p.get("pad"), 0))
        else:
            shape = (maps, out // p.get("group", 1), kernel, kernel)
            stride, sees = stride / step, _spread(inside, step, _one(p.get("pad"), 0))
        shapes = (shape, (out,)) if p.get("bias_term", True) else (shape,)
        maps = out
    elif kind == "Pooling":
        p = layer["pooling_param"]
        kernel, step = _one(p["kernel_size"]), _one(p.get("stride"), 1)
        stride, sees = stride * step, _window(kernel, step, _one(p.get("pad"), 0))
    elif kind == "Concat":
        maps = sum(one[0] for one in before)
    elif kind == "BatchNorm":
        shapes = ((maps,), (maps,), (1,))
    elif kind == "Scale":
        shapes = ((maps,), (maps,)) if layer.get("scale_param", {}).get("bias_term") else ((maps,),)
    elif kind not in _SAME:
        raise CellsegError(f"layer '{layer['name']}': type {kind} is not known; {', '.join(_SAME)} and others are")
    rates = [spec.get("lr_mult", 1) for spec in _several(layer.get("param"))]
    rates += [0 if kind == "BatchNorm" else 1] * (len(shapes) - len(rates))
    trainable = sum(math.prod(shape) for shape, rate in zip(shapes, rates) if rate)
    return Step(layer["name"], kind, tuple(bottoms), top, maps, stride, kernel, sees, shapes, trainable)


def _itself(low, high):
    return low, high


def _window(kernel, stride, pad):
    return lambda low, high: (low * stride - pad, high * stride - pad + kernel - 1)


def _spread(kernel, stride, pad):
    return lambda low, high: (-(-(low + pad - kernel + 1) // stride), (high + pad) // stride)


def _several(value):
    """A field that may stand once, several times or not at all, as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _one(value, default=None):
    """A field that is meant for both sides."""
    values = _several(value)
    return values[0] if values else default
