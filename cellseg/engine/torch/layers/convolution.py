"""Convolution, Deconvolution and InnerProduct."""

import torch
import torch.nn.functional as F

from cellseg.engine.torch.context import context
from cellseg.engine.torch.layers.base import Layer, shown


def lowered(tensor):
    """The tensor in the precision in which products are computed: bfloat16 in the fast mode."""
    return tensor.bfloat16() if context.precision == "bf16" else tensor


def channels_last(x):
    """Images NxCxHxW with the channels of a pixel side by side in memory, which PyTorch's kernels like best.

    Of one channel both orders are the same memory; PyTorch goes by the strides, and they are set here.
    """
    if x.shape[1] == 1 and not x.requires_grad:
        _, _, height, width = x.shape
        return x.contiguous().as_strided(x.shape, (height * width, 1, width, 1))
    return x.contiguous(memory_format=torch.channels_last)


class _Window(Layer):
    """What Convolution and Deconvolution share: a window that slides over images, the same over each bottom."""

    BOTTOMS = (1, None)
    TOPS = (1, None)
    MAY_BE_IN_PLACE = False

    def setup(self, bottom_shapes):
        p = self.parameter.convolution_param
        self._images(bottom_shapes)
        channels = bottom_shapes[0][1]
        self.kernel = self._pair(p, "kernel", p.kernel_size, None)
        self.stride = self._pair(p, "stride", p.stride, 1)
        self.pad = self._pair(p, "pad", p.pad, 0)
        self.dilation = tuple((list(p.dilation) * 2)[:2]) or (1, 1)
        self.group, self.outputs = p.group, p.num_output
        if min(*self.kernel, *self.stride, *self.dilation, self.group, self.outputs) < 1:
            self.fail("kernel, stride, dilation, group and num_output must be 1 or more")
        if channels % self.group or self.outputs % self.group:
            self.fail(f"group {self.group} divides not both {channels} channels and num_output {self.outputs}")
        self.extent = tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel))
        self.add_param((*self._weight_channels(channels), *self.kernel), p.weight_filler)
        if p.bias_term:
            self.add_param((self.outputs,), p.bias_filler)
        self.channels = channels

    def reshape(self, bottom_shapes):
        self._images(bottom_shapes)
        tops = []
        for shape in bottom_shapes:
            if shape[1] != self.channels:
                self.fail(
                    f"its weights {shown(self.params[0].shape)} take {self.channels} channels, "
                    f"but the bottom is {shown(shape)}"
                )
            size = [self._size(*sides) for sides in zip(shape[2:], self.pad, self.extent, self.stride)]
            if min(size) < 1:
                self.fail(
                    f"a window of {shown(self.extent)} and padding {shown(self.pad)} leave nothing of {shown(shape)}"
                )
            tops.append((shape[0], self.outputs, *size))
        return tops

    def compute(self, bottoms, weights):
        weight, *bias = (lowered(w) for w in weights)
        return [self._slide(channels_last(lowered(x)), weight, *bias) for x in bottoms]

    def _images(self, shapes):
        for shape in shapes:
            if len(shape) != 4 or self.parameter.convolution_param.axis not in (1, -3):
                self.fail(f"takes images NxCxHxW with axis 1, not {shown(shape)}")

    def _pair(self, p, name, repeated, default):
        """A vertical and a horizontal length: given once, twice, or as ``<name>_h`` and ``<name>_w``."""
        if p.HasField(f"{name}_h") or p.HasField(f"{name}_w"):
            if repeated:
                self.fail(f"{name} is given twice, as {name}_h/_w and as one field")
            return getattr(p, f"{name}_h"), getattr(p, f"{name}_w")
        if len(repeated) > 2 or (not repeated and default is None):
            self.fail(f"{name} must be given once or twice, is given {len(repeated)} times")
        return tuple((list(repeated) * 2)[:2]) or (default, default)


class Convolution(_Window):
    """Weights (outputs, channels / group, height, width)."""

    def _weight_channels(self, channels):
        return self.outputs, channels // self.group

    @staticmethod
    def _size(side, pad, extent, stride):
        # As in C, where a window that is too large by less than a stride leaves one place, and sees zeros beyond.
        return int((side + 2 * pad - extent) / stride) + 1

    def _slide(self, x, weight, bias=None):
        missing = [max(0, e - side - 2 * pad) for e, side, pad in zip(self.extent, x.shape[2:], self.pad)]
        if any(missing):
            x = F.pad(x, (0, missing[1], 0, missing[0]))
        return F.conv2d(x, weight, bias, self.stride, self.pad, self.dilation, self.group)


class Deconvolution(_Window):
    """Weights (channels, outputs / group, height, width)."""

    def _weight_channels(self, channels):
        return channels, self.outputs // self.group

    @staticmethod
    def _size(side, pad, extent, stride):
        return stride * (side - 1) + extent - 2 * pad

    def _slide(self, x, weight, bias=None):
        return F.conv_transpose2d(x, weight, bias, self.stride, self.pad, groups=self.group, dilation=self.dilation)


class InnerProduct(Layer):
    """Weights (outputs, inputs), or (inputs, outputs) with ``transpose``; all axes from ``axis`` on are one."""

    BOTTOMS = (1, 1)
    MAY_BE_IN_PLACE = False

    def setup(self, bottom_shapes):
        p = self.parameter.inner_product_param
        self.first = self.axis(p.axis, bottom_shapes[0])
        if p.num_output < 1:
            self.fail("num_output must be 1 or more")
        self.inputs = self._inputs(bottom_shapes[0])
        shape = (p.num_output, self.inputs)
        self.add_param(shape[::-1] if p.transpose else shape, p.weight_filler)
        if p.bias_term:
            self.add_param((p.num_output,), p.bias_filler)

    def reshape(self, bottom_shapes):
        (shape,) = bottom_shapes
        if self._inputs(shape) != self.inputs:
            self.fail(
                f"its weights {shown(self.params[0].shape)} take {self.inputs} inputs, but the bottom is {shown(shape)}"
            )
        return [(*shape[: self.first], self.parameter.inner_product_param.num_output)]

    def compute(self, bottoms, weights):
        weight, *bias = (lowered(w) for w in weights)
        x = lowered(bottoms[0]).flatten(self.first)
        return [F.linear(x, weight.t() if self.parameter.inner_product_param.transpose else weight, *bias)]

    def _inputs(self, shape):
        inputs = 1
        for side in shape[self.first :]:
            inputs *= side
        return inputs


TYPES = {"Convolution": Convolution, "Deconvolution": Deconvolution, "InnerProduct": InnerProduct}
