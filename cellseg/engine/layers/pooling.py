"""Pooling: the largest value or the mean of a window that slides over images."""

import math

import numpy as np

from cellseg.engine.later import functional as F
from cellseg.engine.later import torch
from cellseg.engine.layers.base import EVERYTHING, Layer, shown
from cellseg.engine.layers.window import read_window

_MAX, _AVE, _STOCHASTIC = 0, 1, 2  # PoolingParameter.PoolMethod
_FLOOR = 1  # PoolingParameter.RoundMode


class Pooling(Layer):
    """MAX or AVE over windows, the last of which may reach beyond the image.

    MAX gives the first of equal maxima the whole gradient, and where each maximum stood, counted row by row, as its
    second top. AVE divides by the size of the window within the padded image.
    """

    MAY_BE_IN_PLACE = False

    def __init__(self, parameter, phase):
        super().__init__(parameter, phase)
        self.TOPS = (1, 2 if parameter.pooling_param.pool == _MAX else 1)

    def setup(self, bottom_shapes):
        p = self.parameter.pooling_param
        if p.pool == _STOCHASTIC:
            self.fail("pool: STOCHASTIC is not supported; supported are MAX and AVE")
        if p.global_pooling and any(p.HasField(f"kernel_{field}") for field in ("size", "h", "w")):
            self.fail("global_pooling takes the whole image; leave kernel_size out")
        window = read_window(self, p, 1 if p.global_pooling else None)
        self.kernel, self.stride, self.pad = window.kernel, window.stride, window.pad
        if p.global_pooling and (self.pad != (0, 0) or self.stride != (1, 1)):
            self.fail("global_pooling goes with pad 0 and stride 1 only")
        if not p.global_pooling and any(self.pad) and any(map(int.__ge__, self.pad, self.kernel)):
            self.fail(f"pad {shown(self.pad)} must be smaller than the kernel {shown(self.kernel)}")

    def reshape(self, bottom_shapes):
        (shape,) = bottom_shapes
        if len(shape) != 4:
            self.fail(f"takes images NxCxHxW, not {shown(shape)}")
        if self.parameter.pooling_param.global_pooling:
            self.kernel = shape[2:]
        rounded = math.floor if self.rounds_down else math.ceil
        size = [
            rounded((side + 2 * pad - kernel) / stride) + 1
            for side, pad, kernel, stride in zip(shape[2:], self.pad, self.kernel, self.stride)
        ]
        if any(self.pad):
            size = [
                many - ((many - 1) * stride >= side + pad)
                for many, stride, side, pad in zip(size, self.stride, shape[2:], self.pad)
            ]
        if min(size) < 1:
            self.fail(f"a window of {shown(self.kernel)} and padding {shown(self.pad)} leave nothing of {shown(shape)}")
        self.size = tuple(size)
        self._plan(shape[2:])
        return [(*shape[:2], *size)] * len(self.parameter.top)

    @property
    def rounds_down(self):
        """bool: whether a window that reaches beyond the padded image is left out."""
        return self.parameter.pooling_param.round_mode == _FLOOR

    def _plan(self, sides):
        """Find out whether PyTorch's own padding and rounding give Caffe's windows, else pad as far as those reach."""
        self._ceil = None
        if all(2 * pad <= kernel for pad, kernel in zip(self.pad, self.kernel)):
            for ceil in (False, True):
                if self.size == tuple(_torch_size(*window, ceil) for window in self._windows(sides)):
                    self._ceil = ceil
                    break
        self._margins = []
        for many, (side, pad, kernel, stride) in zip(self.size, self._windows(sides)):
            self._margins.append((pad, max(0, (many - 1) * stride + kernel - side - pad)))

    def _windows(self, sides):
        return zip(sides, self.pad, self.kernel, self.stride)

    def sees(self, axis, low, high, top=0):
        if self.parameter.pooling_param.global_pooling:
            return [EVERYTHING]
        kernel, stride, pad = (pair[axis - 2] for pair in (self.kernel, self.stride, self.pad))
        return [(low * stride - pad, high * stride - pad + kernel - 1)]

    def onnx(self, graph, bottoms, tops):
        """Windows are rounded down, over an image that is padded as far as Caffe's last one can reach.

        ``ceil_mode`` does not give Caffe's windows at all sizes, and its divisors are others. Where the last window can
        lie beyond the image, the padding is a node of its own.
        """
        p, (x,), after = self.parameter.pooling_param, bottoms, self._pad_behind()
        if p.global_pooling and len(tops) == 1:
            return graph.node("GlobalMaxPool" if p.pool == _MAX else "GlobalAveragePool", [x], tops[0])
        if any(map(int.__ge__, after, self.kernel)) and p.pool == _MAX and len(tops) == 1:
            sides = graph.constant(f"{tops[0]}/sides", np.array([0, 0, *self.pad, 0, 0, *after], np.int64))
            least = graph.number(f"{tops[0]}/least", np.finfo(np.float32).min)
            x = graph.node("Pad", [x, sides, least], f"{tops[0]}/padded")
            return graph.node("MaxPool", [x], tops[0], kernel_shape=self.kernel, strides=self.stride)
        if p.global_pooling or any(map(int.__ge__, after, self.kernel)):
            graph.fail(
                self,
                "a stride wider than the kernel in AVE or with a mask, or a mask of global pooling, has no ONNX form",
            )
        window = {"kernel_shape": self.kernel, "strides": self.stride, "pads": (*self.pad, *after)}
        if p.pool == _AVE:
            return self._onnx_mean(graph, x, tops[0], window)
        if len(tops) == 1:
            return graph.node("MaxPool", [x], tops[0], **window)
        # ONNX counts through all images and channels, Caffe through each of them.
        where = f"{tops[1]}/where"
        graph.node("MaxPool", [x], [tops[0], where], **window)
        area = graph.node(
            "ReduceProd", [graph.node("Shape", [x], f"{where}/sides", start=2)], f"{where}/area", keepdims=0
        )
        return graph.node("Cast", [graph.node("Mod", [where, area], f"{where}/inside")], tops[1], to=graph.FLOAT)

    def _onnx_mean(self, graph, x, top, window):
        """Divided by the part of each window that lies in the padded image, in whose place ONNX has the whole one."""
        after = window["pads"][2:]
        if after == self.pad:
            return graph.node("AveragePool", [x], top, **window, count_include_pad=1)
        mean = graph.node("AveragePool", [x], f"{top}/mean", **window, count_include_pad=1)
        beside = graph.constant(f"{top}/beside", np.array([2 * pad for pad in self.pad], np.int64))
        sides = graph.node("Add", [graph.node("Shape", [x], f"{top}/sides", start=2), beside], f"{top}/padded")
        sides = graph.node("Concat", [graph.constant(f"{top}/one", np.ones(2, np.int64)), sides], f"{top}/size", axis=0)
        ones = graph.node("Expand", [graph.constant(f"{top}/1", np.ones(1, np.float32)), sides], f"{top}/ones")
        window = {**window, "pads": (0, 0, *(a - pad for a, pad in zip(after, self.pad)))}
        share = graph.node("AveragePool", [ones], f"{top}/share", **window, count_include_pad=1)
        return graph.node("Div", [mean, share], top)

    def _pad_behind(self):
        """How far to pad below and to the right, so that as many whole windows fit as Caffe has, at every size."""
        if self.rounds_down:
            return self.pad
        most = [kernel - 1 if any(self.pad) else kernel + stride for kernel, stride in zip(self.kernel, self.stride)]
        return tuple(min(pad + stride - 1, many) for pad, stride, many in zip(self.pad, self.stride, most))

    def compute(self, bottoms, weights):
        x = bottoms[0]
        if self.parameter.pooling_param.pool == _AVE:
            return [self._mean(x)]
        if self._ceil is not None:
            found = F.max_pool2d(
                x, self.kernel, self.stride, self.pad, ceil_mode=self._ceil, return_indices=len(self.parameter.top) > 1
            )
            return [found] if torch.is_tensor(found) else [found[0], found[1].float()]
        padded = self._padded(x, torch.finfo(x.dtype).min)
        found, where = F.max_pool2d(padded, self.kernel, self.stride, return_indices=True)
        return [found, self._unpadded(where, x.shape)][: len(self.parameter.top)]

    def _mean(self, x):
        if self._ceil is not None:
            return F.avg_pool2d(x, self.kernel, self.stride, self.pad, ceil_mode=self._ceil)
        total = F.avg_pool2d(self._padded(x, 0.0), self.kernel, self.stride, divisor_override=1)
        rows, columns = (
            torch.tensor([_covered(index, *window) for index in range(many)], dtype=x.dtype, device=x.device)
            for many, window in zip(self.size, self._windows(x.shape[2:]))
        )
        return total[:, :, : self.size[0], : self.size[1]] / (rows[:, None] * columns)

    def _padded(self, x, value):
        (top, bottom), (left, right) = self._margins
        return F.pad(x, (left, right, top, bottom), value=value)

    def _unpadded(self, where, shape):
        """Positions in the padded image as Caffe's in the image, -1 for those beside it."""
        (top, _), (left, right) = self._margins
        width = shape[3] + left + right
        row, column = where.div(width, rounding_mode="floor") - top, where % width - left
        inside = (row >= 0) & (row < shape[2]) & (column >= 0) & (column < shape[3])
        return torch.where(inside, row * shape[3] + column, -1).float()


def _torch_size(side, pad, kernel, stride, ceil):
    """How many windows PyTorch finds, -1 where it refuses or would start one beyond the image."""
    room = side + 2 * pad - kernel
    many = (-(-room // stride) if ceil else room // stride) + 1
    many -= ceil and (many - 1) * stride >= side + pad
    return many if room >= 0 or many > 0 else -1


def _covered(index, side, pad, kernel, stride):
    """How far a window reaches within the padded image; below 1 where it starts beyond."""
    start = index * stride - pad
    return min(start + kernel, side + pad) - start
