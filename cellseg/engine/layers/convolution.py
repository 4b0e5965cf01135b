"""Convolution, Deconvolution and InnerProduct."""

import math
from fractions import Fraction
from functools import cache

from cellseg.engine.later import context, torch
from cellseg.engine.later import functional as F
from cellseg.engine.layers.base import Layer, shown
from cellseg.engine.layers.window import read_window


def lowered(tensor):
    """The tensor in the precision in which products are computed: bfloat16 in the fast mode.

    A processor without instructions for it gets the rounded numbers in single precision: PyTorch's own way, one number
    at a time, takes ten times as long.
    """
    if context.precision != "bf16":
        return tensor
    low = tensor.bfloat16()
    return low if tensor.device.type != "cpu" or _has_bfloat16() else low.float()


@cache
def _has_bfloat16():
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def channels_last(x):
    """Images NxCxHxW with the channels of a pixel side by side in memory, which PyTorch's kernels like best.

    Of one channel both orders are the same memory; PyTorch goes by the strides, and they are set here.
    """
    if x.shape[1] == 1 and not x.requires_grad:
        _, _, height, width = x.shape
        return x.contiguous().as_strided(x.shape, (height * width, 1, width, 1))
    return x.contiguous(memory_format=torch.channels_last)


class _Sliding(Layer):
    """What Convolution and Deconvolution share: a window that slides over images, the same over each bottom."""

    BOTTOMS = (1, None)
    TOPS = (1, None)
    MAY_BE_IN_PLACE = BACKWARD_NEEDS_TOPS = False
    OPERATION = ""

    def setup(self, bottom_shapes):
        p = self.parameter.convolution_param
        self._images(bottom_shapes)
        channels = bottom_shapes[0][1]
        self.window = read_window(self, p)
        self.kernel = self.window.kernel
        self.group, self.outputs = self._groups(channels), p.num_output
        if min(self.group, self.outputs) < 1:
            self.fail("group and num_output must be 1 or more")
        if channels % self.group or self.outputs % self.group:
            self.fail(f"group {self.group} divides not both {channels} channels and num_output {self.outputs}")
        self.add_param((*self._weight_channels(channels), *self.kernel), p.weight_filler)
        if p.bias_term:
            self.add_param((self.outputs,), p.bias_filler)
        self.channels = channels

    def reshape(self, bottom_shapes):
        self._images(bottom_shapes)
        tops, window = [], self.window
        for shape in bottom_shapes:
            if shape[1] != self.channels:
                weights = f"its weights {shown(self.shapes[0])} take {self.channels} channels"
                self.fail(f"{weights}, but the bottom is {shown(shape)}")
            size = [self._size(*sides) for sides in zip(shape[2:], window.pad, window.extent, window.stride)]
            if min(size) < 1:
                extent, pad = shown(window.extent), shown(window.pad)
                self.fail(f"a window of {extent} and padding {pad} leave nothing of {shown(shape)}")
            tops.append((shape[0], self.outputs, *size))
        return tops

    def sees(self, axis, low, high, top=0):
        window, i = self.window, axis - 2
        return [
            self._range(low, high, window.stride[i], window.pad[i], window.extent[i]) if bottom == top else None
            for bottom in range(len(self.parameter.bottom))
        ]

    def onnx(self, graph, bottoms, tops):
        window = self.window
        constants = graph.parameters(self, "weight", "bias")
        lengths = {"kernel_shape": window.kernel, "strides": window.stride, "pads": window.pad * 2}
        for bottom, top in zip(bottoms, tops):
            graph.node(
                self.OPERATION, [bottom, *constants], top, **lengths, dilations=window.dilation, group=self.group
            )

    def compute(self, bottoms, weights):
        weight, *bias = (lowered(w) for w in weights)
        return [self._slide(channels_last(lowered(x)), weight, *bias) for x in bottoms]

    def _groups(self, channels):
        """How many groups of maps there are that do not see each other."""
        return self.parameter.convolution_param.group

    def _images(self, shapes):
        for shape in shapes:
            if len(shape) != 4 or self.parameter.convolution_param.axis not in (1, -3):
                self.fail(f"takes images NxCxHxW with axis 1, not {shown(shape)}")


class Convolution(_Sliding):
    """Weights (outputs, channels / group, height, width)."""

    OPERATION = "Conv"

    @property
    def stride(self):
        return self.window.stride

    def products(self, bottom_shapes, top_shapes):
        return sum(math.prod((shape[0], *shape[2:], *self.shapes[0])) for shape in top_shapes)

    def _weight_channels(self, channels):
        return self.outputs, channels // self.group

    @staticmethod
    def _size(side, pad, extent, stride):
        # As in C, where a window that is too large by less than a stride leaves one place, and sees zeros beyond.
        return int((side + 2 * pad - extent) / stride) + 1

    @staticmethod
    def _range(low, high, stride, pad, extent):
        return low * stride - pad, high * stride - pad + extent - 1

    def _slide(self, x, weight, bias=None):
        window = self.window
        missing = [max(0, e - side - 2 * pad) for e, side, pad in zip(window.extent, x.shape[2:], window.pad)]
        if any(missing):
            x = F.pad(x, (0, missing[1], 0, missing[0]))
        return F.conv2d(x, weight, bias, window.stride, window.pad, window.dilation, self.group)


class Deconvolution(_Sliding):
    """Weights (channels, outputs / group, height, width)."""

    OPERATION = "ConvTranspose"

    @property
    def stride(self):
        return tuple(Fraction(1, stride) for stride in self.window.stride)

    def products(self, bottom_shapes, top_shapes):
        return sum(math.prod((shape[0], *shape[2:], *self.shapes[0])) for shape in bottom_shapes)

    def _weight_channels(self, channels):
        return channels, self.outputs // self.group

    @staticmethod
    def _size(side, pad, extent, stride):
        return stride * (side - 1) + extent - 2 * pad

    @staticmethod
    def _range(low, high, stride, pad, extent):
        return -((extent - 1 - low - pad) // stride), (high + pad) // stride

    def _slide(self, x, weight, bias=None):
        window = self.window
        return F.conv_transpose2d(
            x, weight, bias, window.stride, window.pad, groups=self.group, dilation=window.dilation
        )


class InnerProduct(Layer):
    """Weights (outputs, inputs), or (inputs, outputs) with ``transpose``; all axes from ``axis`` on are one."""

    BOTTOMS = (1, 1)
    MAY_BE_IN_PLACE = BACKWARD_NEEDS_TOPS = False

    def setup(self, bottom_shapes):
        p = self.parameter.inner_product_param
        self.first = self.axis(p.axis, bottom_shapes[0])
        if p.num_output < 1:
            self.fail("num_output must be 1 or more")
        self.inputs = math.prod(bottom_shapes[0][self.first :])
        shape = (p.num_output, self.inputs)
        self.add_param(shape[::-1] if p.transpose else shape, p.weight_filler)
        if p.bias_term:
            self.add_param((p.num_output,), p.bias_filler)

    def reshape(self, bottom_shapes):
        (shape,) = bottom_shapes
        if math.prod(shape[self.first :]) != self.inputs:
            self.fail(
                f"its weights {shown(self.shapes[0])} take {self.inputs} inputs, but the bottom is {shown(shape)}"
            )
        return [(*shape[: self.first], self.parameter.inner_product_param.num_output)]

    def products(self, bottom_shapes, top_shapes):
        return math.prod(bottom_shapes[0][: self.first]) * math.prod(self.shapes[0])

    def whole(self, axis):
        return axis >= self.first

    def onnx(self, graph, bottoms, tops):
        weight, *bias = graph.weights(self, "weight", "bias")
        if not self.parameter.inner_product_param.transpose:
            weight = weight.T
        flat = graph.reshaped(bottoms[0], [(0, self.first), -1])
        last = f"{tops[0]}/product" if bias else tops[0]
        graph.node("MatMul", [flat, graph.constant(f"{self.name}.weight", weight)], last)
        if bias:
            graph.node("Add", [last, graph.constant(f"{self.name}.bias", bias[0])], tops[0])

    def compute(self, bottoms, weights):
        weight, *bias = (lowered(w) for w in weights)
        x = lowered(bottoms[0]).flatten(self.first)
        return [F.linear(x, weight.t() if self.parameter.inner_product_param.transpose else weight, *bias)]
