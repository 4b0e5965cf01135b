"""Caffe's layers as ONNX nodes.

A converter takes the graph (`cellseg.export.onnx_graph.Graph`), the layer, the names of its bottoms' values and the
name that the value of its top is to have, and adds nodes.
"""

import numpy as np


def _convolution(graph, layer, bottoms, top):
    p = layer.convolution_param
    dilation = (list(p.dilation) * 2)[:2] or [1, 1]
    window = {**_window(p, p.kernel_size, p.stride, p.pad), "dilations": dilation, "group": p.group}
    names = ["weight", "bias"][: 1 + p.bias_term]
    weight, *bias = graph.blobs(layer, *names)
    blobs = [weight, *(blob.ravel() for blob in bias)]  # old files have four axes everywhere
    inputs = [graph.constant(f"{layer.name}.{name}", blob) for name, blob in zip(names, blobs)]
    operation = "Conv" if layer.type == "Convolution" else "ConvTranspose"
    graph.node(operation, [*bottoms, *inputs], top, **window)


def _pooling(graph, layer, bottoms, top):
    p = layer.pooling_param
    biggest = p.pool == p.MAX
    if p.global_pooling and p.pool in (p.MAX, p.AVE):
        graph.node("GlobalMaxPool" if biggest else "GlobalAveragePool", bottoms, top)
        return
    if not biggest:
        graph.fail(layer, "only MAX and global pooling is converted")
    lengths = ([value] if value else [] for value in (p.kernel_size, p.stride, p.pad))
    graph.node("MaxPool", bottoms, top, **_window(p, *lengths), ceil_mode=int(p.round_mode == p.CEIL))


def _batch_norm(graph, layer, bottoms, top):
    """Mean and variance are running sums; the third blob is the number that divides them."""
    p = layer.batch_norm_param
    if p.HasField("use_global_stats") and not p.use_global_stats:
        graph.fail(layer, "takes mean and variance of each batch; only use_global_stats: true is converted")
    mean, variance, (count,) = (blob.ravel() for blob in graph.blobs(layer, "mean", "variance", "count"))
    share = np.float32(1 / count if count else 0)
    arrays = {
        "one": np.ones_like(mean),
        "zero": np.zeros_like(mean),
        "mean": mean * share,
        "variance": variance * share,
    }
    inputs = [graph.constant(f"{layer.name}.{name}", array) for name, array in arrays.items()]
    graph.node("BatchNormalization", [*bottoms, *inputs], top, epsilon=p.eps)


def _scale(graph, layer, bottoms, top):
    p = layer.scale_param
    if len(bottoms) != 1:
        graph.fail(layer, "only a learnt scale is converted, not one that is a second bottom")
    names = ["scale", "bias"][: 1 + p.bias_term]
    spread = [_spread(blob, p.axis) for blob in graph.blobs(layer, *names)]
    constants = [graph.constant(f"{layer.name}.{name}", blob) for name, blob in zip(names, spread)]
    product = graph.node("Mul", [*bottoms, constants[0]], f"{layer.name}.product" if p.bias_term else top)
    if p.bias_term:
        graph.node("Add", [product, constants[1]], top)


def _bias(graph, layer, bottoms, top):
    if len(bottoms) != 1:
        graph.fail(layer, "only a learnt bias is converted, not one that is a second bottom")
    (blob,) = graph.blobs(layer, "bias")
    graph.node("Add", [*bottoms, graph.constant(f"{layer.name}.bias", _spread(blob, layer.bias_param.axis))], top)


def _concat(graph, layer, bottoms, top):
    p = layer.concat_param
    graph.node("Concat", bottoms, top, axis=p.concat_dim if p.HasField("concat_dim") else p.axis)


def _crop(graph, layer, bottoms, top):
    """The size is the second bottom's, which is known only where the graph runs."""
    p = layer.crop_param
    first, (image, like) = p.axis % 4, bottoms
    axes = list(range(first, 4))
    offsets = list(p.offset) * len(axes) if len(p.offset) == 1 else list(p.offset) or [0] * len(axes)
    if len(offsets) != len(axes):
        graph.fail(layer, f"offset must be given once or {len(axes)} times")
    starts = graph.constant(f"{layer.name}.starts", np.array(offsets, np.int64))
    size = graph.node("Shape", [like], f"{layer.name}.size", start=first)
    ends = graph.node("Add", [starts, size], f"{layer.name}.ends")
    graph.node("Slice", [image, starts, ends, graph.constant(f"{layer.name}.axes", np.array(axes, np.int64))], top)


def _eltwise(graph, layer, bottoms, top):
    p = layer.eltwise_param
    if p.operation == p.MAX:
        graph.node("Max", bottoms, top)
    elif p.operation == p.SUM:
        weighted = list(bottoms)
        for number, factor in enumerate(p.coeff):
            constant = graph.constant(f"{layer.name}.coeff{number}", np.float32(factor))
            weighted[number] = graph.node("Mul", [bottoms[number], constant], f"{layer.name}.weighted{number}")
        graph.node("Sum", weighted, top)
    else:
        product = bottoms[0]
        for number, bottom in enumerate(bottoms[1:], start=1):
            last = number == len(bottoms) - 1
            product = graph.node("Mul", [product, bottom], top if last else f"{layer.name}.product{number}")


def _relu(graph, layer, bottoms, top):
    slope = layer.relu_param.negative_slope
    graph.node("LeakyRelu", bottoms, top, alpha=slope) if slope else graph.node("Relu", bottoms, top)


def _prelu(graph, layer, bottoms, top):
    (slope,) = graph.blobs(layer, "slope")
    graph.node("PRelu", [*bottoms, graph.constant(f"{layer.name}.slope", slope.reshape(-1, 1, 1))], top)


def _elu(graph, layer, bottoms, top):
    graph.node("Elu", bottoms, top, alpha=layer.elu_param.alpha)


def _softmax(graph, layer, bottoms, top):
    graph.node("Softmax", bottoms, top, axis=layer.softmax_param.axis)


def _plain(operation):
    return lambda graph, layer, bottoms, top: graph.node(operation, bottoms, top)


#: Layer type to its converter. A Dropout does nothing in testing.
CONVERTERS = {
    "Convolution": _convolution,
    "Deconvolution": _convolution,
    "Pooling": _pooling,
    "BatchNorm": _batch_norm,
    "Scale": _scale,
    "Bias": _bias,
    "Concat": _concat,
    "Crop": _crop,
    "Eltwise": _eltwise,
    "ReLU": _relu,
    "PReLU": _prelu,
    "ELU": _elu,
    "Sigmoid": _plain("Sigmoid"),
    "TanH": _plain("Tanh"),
    "Dropout": _plain("Identity"),
    "Softmax": _softmax,
}


def _spread(blob, axis):
    """A parameter of some successive axes of an image, from `axis` on, with axes of length 1 behind."""
    behind = 4 - axis % 4 - blob.ndim if blob.ndim else 0
    return blob.reshape(blob.shape + (1,) * behind)


def _window(p, kernel, stride, pad):
    """The attributes of a sliding window; each length is given once, twice, or as ``<name>_h`` and ``<name>_w``."""

    def pair(name, repeated, default):
        if p.HasField(f"{name}_h"):
            return [getattr(p, f"{name}_h"), getattr(p, f"{name}_w")]
        return (list(repeated) * 2)[:2] or [default] * 2

    pads = pair("pad", pad, 0)
    return {"kernel_shape": pair("kernel", kernel, 1), "strides": pair("stride", stride, 1), "pads": pads * 2}
