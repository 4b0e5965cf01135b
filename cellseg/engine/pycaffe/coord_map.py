"""``caffe.coord_map``: where the pixels of one blob of a NetSpec lie on another, and the Crop that lays one on it.

A map (axis, scale, shift) says that position x of the first blob is position scale * x + shift of the other one, along
all axes from `axis` on; None stands for any axis.
"""

import numpy as np

from cellseg.engine.pycaffe.net_spec import layers

#: Types of layers that leave positions where they are.
PASS_THROUGH_LAYERS = [
    "AbsVal", "BNLL", "BatchNorm", "Bias", "Dropout", "ELU", "Eltwise", "Exp", "LRN", "Log", "MVN", "PReLU", "Power",
    "ReLU", "Scale", "Sigmoid", "Split", "TanH", "Threshold",
]  # fmt: skip


class UndefinedMapException(Exception):
    """A layer has no map."""


class AxisMismatchException(Exception):
    """Maps one after the other are of different axes."""


def conv_params(fn):
    """Axis, stride, kernel (with its dilation) and padding of a convolution or pooling.

    Returns
    -------
    axis : int
    stride, kernel, pad : ndarray
    """
    params = fn.params.get("convolution_param", fn.params)
    old = [name for name in params if name.endswith(("_h", "_w"))]
    assert not old, f"{fn.type_name}: give kernel_size, stride and pad in place of {', '.join(old)}"
    if "kernel_size" not in params:
        raise UndefinedMapException(f"{fn.type_name}: without kernel_size it has no map")
    kernel, dilation = _array(params["kernel_size"]), _array(params.get("dilation", 1))
    stride, pad = _array(params.get("stride", 1)), _array(params.get("pad", 0))
    return params.get("axis", 1), stride, dilation * (kernel - 1) + 1, pad


def crop_params(fn):
    """Axis and offset of a Crop.

    Returns
    -------
    axis : int
    offset : ndarray
    """
    params = fn.params.get("crop_param", fn.params)
    return params.get("axis", 2), _array(params.get("offset", 0))


def coord_map(fn):
    """The map from a layer's bottom to its top.

    Parameters
    ----------
    fn : Function

    Returns
    -------
    axis, scale, shift

    Raises
    ------
    UndefinedMapException
        If its type has none.
    """
    if fn.type_name in ("Convolution", "Pooling", "Im2col"):
        axis, stride, kernel, pad = conv_params(fn)
        return axis, 1 / stride, (pad - (kernel - 1) / 2) / stride
    if fn.type_name == "Deconvolution":
        axis, stride, kernel, pad = conv_params(fn)
        return axis, stride, (kernel - 1) / 2 - pad
    if fn.type_name == "Crop":
        axis, offset = crop_params(fn)
        return axis - 1, 1, -offset
    if fn.type_name in PASS_THROUGH_LAYERS:
        return None, 1, 0
    raise UndefinedMapException(f"{fn.type_name} layers have no map from bottom to top")


def compose(base_map, next_map):
    """The map that does `next_map` and then `base_map`.

    Raises
    ------
    AxisMismatchException
    """
    (axis, scale, shift), (next_axis, next_scale, next_shift) = base_map, next_map
    if axis is not None and next_axis is not None and axis != next_axis:
        raise AxisMismatchException(f"one map is of axis {axis}, the next of axis {next_axis}")
    return next_axis if axis is None else axis, scale * next_scale, scale * next_shift + shift


def inverse(coord_map):
    """The map the other way round."""
    axis, scale, shift = coord_map
    return axis, 1 / scale, -shift / scale


def coord_map_from_to(top_from, top_to):
    """The map from one blob to another, through a blob that both are made of.

    Parameters
    ----------
    top_from, top_to : Top

    Returns
    -------
    axis, scale, shift

    Raises
    ------
    AxisMismatchException
    RuntimeError
        If no layers that have maps connect them.
    """
    ends = _maps(top_to)
    for top, to_from in _maps(top_from).items():
        if top in ends:
            return compose(ends[top], inverse(to_from))
    raise RuntimeError("no layers that keep positions connect the two blobs")


def crop(top_from, top_to):
    """A Crop layer that cuts a blob to the place of another one.

    Parameters
    ----------
    top_from, top_to : Top

    Returns
    -------
    Top

    Raises
    ------
    AxisMismatchException, RuntimeError
        As of `coord_map_from_to`.
    AssertionError
        If their scales differ, or the blob does not begin before the other, or not at a whole pixel.
    """
    axis, scale, shift = coord_map_from_to(top_from, top_to)
    assert np.all(scale == 1), f"scale mismatch on crop: the blobs differ by a factor of {scale}"
    assert np.all(shift <= 0), f"cannot crop negative offset: {shift}"
    assert np.all(np.round(shift) == shift), f"cannot crop noninteger offset: {shift}"
    offset = [int(-value) for value in np.ravel(np.round(shift))]
    return layers.Crop(top_from, top_to, crop_param={"axis": 2 if axis is None else axis + 1, "offset": offset})


def _array(value):
    return np.array(value, ndmin=1)


def _maps(top):
    """The maps from all blobs that a blob is made of, nearest first; beyond a layer without a map there is none."""
    found, waiting = {top: (None, 1, 0)}, [top]
    for one in waiting:
        bottoms = one.fn.inputs[:1] if one.fn.type_name == "Crop" else one.fn.inputs
        if not bottoms:
            continue
        try:
            there = compose(found[one], coord_map(one.fn))
        except UndefinedMapException:
            continue
        for bottom in bottoms:
            if bottom not in found:
                found[bottom] = there
                waiting.append(bottom)
    return found
