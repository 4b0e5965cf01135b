"""Following a net layer by layer: channels, resolution, parameters, and which units each unit depends on."""

import math
from fractions import Fraction
from typing import NamedTuple

from cellseg.errors import CellsegError

_SAME = ("Eltwise", "ReLU", "PReLU", "ELU", "Sigmoid", "TanH", "Dropout", "BatchNorm", "Scale", "Bias", "Softmax")
_OTHERS = ("Convolution", "Deconvolution", "Pooling", "Concat", "Crop")


class Step(NamedTuple):
    """What one layer gives.

    Attributes
    ----------
    name, kind : str
        Name and type of the layer.
    bottoms : tuple of str
        Without the one that only gives a Crop its size.
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
    """Follow a net from its image on: the blob ``data``, or the first top of a layer without a bottom.

    Parameters
    ----------
    layers : list of dict
        LayerParameter messages as `cellseg.network` makes them, or as read from a prototxt. Losses and scores are
        passed over.
    channels : int
        Of the image, where no Input layer tells.

    Returns
    -------
    list of Step

    Raises
    ------
    CellsegError
        If a layer is of a type that is not known here, comes before its bottom, or has no kernel_size.
    """
    known = {"data": (channels, Fraction(1))}
    steps = []
    for layer in layers:
        bottoms = _several(layer.get("bottom"))
        if not bottoms:
            known[_several(layer["top"])[0]] = (_input_channels(layer, channels), Fraction(1))
        if not bottoms or layer["type"].endswith("Loss") or layer["type"] in ("Accuracy", "Silence"):
            continue
        missing = [name for name in bottoms if name not in known]
        if missing:
            raise CellsegError(f"layer '{layer['name']}': nothing before it gives its bottom '{missing[0]}'")
        step = _step(layer, bottoms, [known[name] for name in bottoms])
        known[step.top] = (step.channels, step.stride)
        steps.append(step)
    return steps


def _step(layer, bottoms, before):
    kind, top = layer["type"], _several(layer.get("top"))[0]
    maps, stride = before[0]
    kernel, shapes, sees = None, (), _itself
    if kind in ("Convolution", "Deconvolution"):
        p = layer["convolution_param"]
        kernel, step, out = _kernel(layer, p), _one(p.get("stride"), 1), p["num_output"]
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
        kernel, step = _kernel(layer, p), _one(p.get("stride"), 1)
        stride, sees = stride * step, _window(kernel, step, _one(p.get("pad"), 0))
    elif kind == "Concat":
        maps = sum(one[0] for one in before)
    elif kind == "Crop":
        bottoms, sees = bottoms[:1], _window(1, 1, -_one(layer.get("crop_param", {}).get("offset"), 0))
    elif kind == "BatchNorm":
        shapes = ((maps,), (maps,), (1,))
    elif kind == "Scale":
        shapes = ((maps,), (maps,)) if layer.get("scale_param", {}).get("bias_term") else ((maps,),)
    elif kind not in _SAME:
        raise CellsegError(f"layer '{layer['name']}': type {kind} is not known; known are {', '.join(_OTHERS + _SAME)}")
    rates = [spec.get("lr_mult", 1) for spec in _several(layer.get("param"))]
    rates += [0 if kind == "BatchNorm" else 1] * (len(shapes) - len(rates))
    trainable = sum(math.prod(shape) for shape, rate in zip(shapes, rates) if rate)
    return Step(layer["name"], kind, tuple(bottoms), top, maps, stride, kernel, sees, shapes, trainable)


def _kernel(layer, parameters):
    kernel = _one(parameters.get("kernel_size"))
    if kernel is None:
        raise CellsegError(
            f"layer '{layer['name']}': has no kernel_size; only square kernels of a given size are known"
        )
    return kernel


def _input_channels(layer, default):
    shapes = _several(layer.get("input_param", {}).get("shape"))
    dims = _several(shapes[0].get("dim")) if shapes else []
    return int(dims[1]) if len(dims) > 1 else default


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
