"""Layers that move values and leave them as they are: Concat, Slice, Split, Crop, Flatten, Reshape, Tile, Silence."""

import math

import numpy as np

from cellseg.engine.later import torch
from cellseg.engine.layers.base import Layer, shown


class _Moving(Layer):
    MAY_BE_IN_PLACE = False
    along = None

    def whole(self, axis):
        return axis == self.along

    def _along(self, p, legacy, shape):
        """The axis, given as such or under the name that it had once."""
        if p.HasField("axis") and p.HasField(legacy):
            self.fail(f"axis and {legacy} are both given; keep axis")
        return self.axis(getattr(p, legacy), shape, legacy) if p.HasField(legacy) else self.axis(p.axis, shape)


class Concat(_Moving):
    """Its bottoms one behind the other."""

    BOTTOMS = (1, None)

    def reshape(self, bottom_shapes):
        first = bottom_shapes[0]
        self.along = self._along(self.parameter.concat_param, "concat_dim", first)
        for shape in bottom_shapes:
            if len(shape) != len(first) or _without(shape, self.along) != _without(first, self.along):
                self.fail(f"its bottoms {shown(first)} and {shown(shape)} differ beside axis {self.along}")
        return [_with(first, self.along, sum(shape[self.along] for shape in bottom_shapes))]

    def onnx(self, graph, bottoms, tops):
        graph.node("Concat", bottoms, tops[0], axis=self.along)

    def compute(self, bottoms, weights):
        return [torch.cat(bottoms, self.along)] if len(bottoms) > 1 else bottoms


class Slice(_Moving):
    """Its bottom in parts, cut at `slice_point` or equally long."""

    TOPS = (1, None)

    def reshape(self, bottom_shapes):
        p, (shape,), many = self.parameter.slice_param, bottom_shapes, len(self.parameter.top)
        self.along = self._along(p, "slice_dim", shape)
        length = shape[self.along]
        cuts = list(p.slice_point) or [length * part // many for part in range(1, many)]
        if len(cuts) != many - 1:
            self.fail(f"{many} tops need {many - 1} slice points, given are {len(cuts)}")
        ends = [0, *cuts, length]
        self.lengths = [end - start for start, end in zip(ends, ends[1:])]
        if min(self.lengths) < 1 or (not p.slice_point and length % many):
            how = f"at {', '.join(map(str, cuts))}" if p.slice_point else f"into {many} equal parts"
            self.fail(f"cannot cut axis {self.along} of {shown(shape)} {how}")
        return [_with(shape, self.along, length) for length in self.lengths]

    def onnx(self, graph, bottoms, tops):
        points = list(self.parameter.slice_param.slice_point)
        if not points and len(tops) > 1:
            return graph.node("Split", bottoms, tops, axis=self.along)
        along = graph.constant(f"{self.name}.axis", np.array([self.along], np.int64))
        for top, *ends in zip(tops, [0, *points], [*points, np.iinfo(np.int64).max]):
            ends = [graph.constant(f"{top}/{i}", np.array([end], np.int64)) for i, end in enumerate(ends)]
            graph.node("Slice", [*bottoms, *ends, along], top)

    def compute(self, bottoms, weights):
        return list(bottoms[0].split(self.lengths, self.along))


class Split(_Moving):
    """Its bottom, for several layers to use."""

    TOPS = (1, None)

    def reshape(self, bottom_shapes):
        return bottom_shapes * len(self.parameter.top)

    def onnx(self, graph, bottoms, tops):
        for top in tops:
            graph.node("Identity", bottoms, top)

    def forward(self, bottoms, weights, down, learn):
        return bottoms * len(self.parameter.top)

    def backward(self, top_gradients):
        total, *others = [gradient for gradient in top_gradients if gradient is not None] or [None]
        for other in others:
            total = total + other
        return [total], []


class Crop(_Moving):
    """The part of the first bottom that has the lengths of the second, from `axis` on."""

    BOTTOMS = (2, 2)
    NO_GRADIENT = (1,)

    def reshape(self, bottom_shapes):
        p, (shape, like) = self.parameter.crop_param, bottom_shapes
        first = self.axis(p.axis, shape)
        many = len(shape) - first
        if len(p.offset) > 1 and len(p.offset) != many:
            self.fail(f"offset must be given once or {many} times for {shown(shape)}, is given {len(p.offset)} times")
        offsets = list(p.offset) * many if len(p.offset) == 1 else list(p.offset) or [0] * many
        self.window = list(zip(range(first, len(shape)), offsets, like[first:]))
        if len(like) < len(shape) or any(start + length > shape[i] for i, start, length in self.window):
            self.fail(f"cannot cut {shown(like)} out of {shown(shape)} at offset {', '.join(map(str, offsets))}")
        return [shape[:first] + like[first : len(shape)]]

    def sees(self, axis, low, high, top=0):
        offset = {axis: start for axis, start, _ in self.window}.get(axis, 0)
        return [(low + offset, high + offset), None]

    def onnx(self, graph, bottoms, tops):
        """The size is the second bottom's, which is known only where the graph runs."""
        axes, offsets, _ = (np.array(numbers, np.int64) for numbers in zip(*self.window))
        starts = graph.constant(f"{self.name}.starts", offsets)
        size = graph.node("Shape", bottoms[1:], f"{tops[0]}/size", start=int(axes[0]), end=int(axes[-1]) + 1)
        ends = graph.node("Add", [starts, size], f"{tops[0]}/ends")
        axes = graph.constant(f"{self.name}.axes", axes)
        cut = graph.node("Slice", [bottoms[0], starts, ends, axes], f"{tops[0]}/cut")
        # A Slice gives less where there is less; the Reshape refuses that.
        before = graph.node("Shape", bottoms[:1], f"{tops[0]}/before", start=0, end=int(self.window[0][0]))
        graph.node("Reshape", [cut, graph.node("Concat", [before, size], f"{tops[0]}/whole", axis=0)], tops[0])

    def compute(self, bottoms, weights):
        top = bottoms[0]
        for axis, start, length in self.window:
            top = top.narrow(axis, start, length)
        return [top]


class _Reshaping(_Moving):
    """The same values with other axes. Rows and columns stay where they were if both keep their lengths.

    `parts` says the new shape at any size: ranges of axes that are kept, and lengths.
    """

    def whole(self, axis):
        return not self.keeps

    def onnx(self, graph, bottoms, tops):
        graph.reshaped(bottoms[0], self.parts, tops[0])

    def compute(self, bottoms, weights):
        return [bottoms[0].reshape(self.shape)]

    def _keep(self, before, shape):
        self.shape, self.keeps = shape, len(before) == len(shape) == 4 and before[2:] == shape[2:]
        return [shape]


class Flatten(_Reshaping):
    """The axes from `axis` to `end_axis` as one."""

    def reshape(self, bottom_shapes):
        p, (shape,) = self.parameter.flatten_param, bottom_shapes
        first, last = self.axis(p.axis, shape), self.axis(p.end_axis, shape, "end_axis")
        if first > last + 1:
            self.fail(f"end_axis {p.end_axis} is before axis {p.axis} in the shape {shown(shape)}")
        self.parts = [(0, first), -1, (last + 1, len(shape))]
        return self._keep(shape, shape[:first] + (math.prod(shape[first : last + 1]),) + shape[last + 1 :])


class Reshape(_Reshaping):
    """The same values with other axes: 0 keeps a length, -1 is what remains."""

    def reshape(self, bottom_shapes):
        p, (shape,) = self.parameter.reshape_param, bottom_shapes
        dims = list(p.shape.dim)
        first = p.axis if p.axis >= 0 else len(shape) + 1 + p.axis
        last = len(shape) if p.num_axes == -1 else first + p.num_axes
        if not 0 <= first <= last <= len(shape) or p.num_axes < -1:
            self.fail(f"axis {p.axis} and num_axes {p.num_axes} do not fit the bottom {shown(shape)}")
        if min(dims, default=0) < -1 or dims.count(-1) > 1:
            self.fail(f"its dims {', '.join(map(str, dims))} may have -1 once, and nothing below")
        if any(dim == 0 and first + i >= len(shape) for i, dim in enumerate(dims)):
            self.fail(f"a dim of 0 keeps a length, but the bottom {shown(shape)} has no axis in its place")
        dims = [shape[first + i] if dim == 0 else dim for i, dim in enumerate(dims)]
        new = [*shape[:first], *dims, *shape[last:]]
        count, known = math.prod(shape), math.prod(dim for dim in new if dim != -1)
        if -1 in dims and known and count % known == 0:
            new[new.index(-1)] = count // known
        if math.prod(new) != count or -1 in new:
            self.fail(f"the bottom {shown(shape)} has not as many values as {shown(new)}")
        inner = [(first + i, first + i + 1) if dim == 0 else dim for i, dim in enumerate(p.shape.dim)]
        self.parts = [(0, first), *inner, (last, len(shape))]
        return self._keep(shape, tuple(new))


class Tile(_Moving):
    """Its bottom, repeated along an axis."""

    def reshape(self, bottom_shapes):
        p, (shape,) = self.parameter.tile_param, bottom_shapes
        self.along = self.axis(p.axis, shape)
        if p.tiles < 1:
            self.fail("tiles must be 1 or more")
        return [_with(shape, self.along, shape[self.along] * p.tiles)]

    def onnx(self, graph, bottoms, tops):
        repeats = np.ones(graph.rank(bottoms[0]), np.int64)
        repeats[self.along] = self.parameter.tile_param.tiles
        graph.node("Tile", [*bottoms, graph.constant(f"{self.name}.repeats", repeats)], tops[0])

    def compute(self, bottoms, weights):
        return [torch.cat(bottoms * self.parameter.tile_param.tiles, self.along)]


class Silence(_Moving):
    """Nothing: bottoms that would be outputs of the net otherwise."""

    BOTTOMS = (1, None)
    TOPS = (0, 0)

    def reshape(self, bottom_shapes):
        return []

    def onnx(self, graph, bottoms, tops):
        """Nothing."""

    def forward(self, bottoms, weights, down, learn):
        return []

    def backward(self, top_gradients):
        return [None] * len(self.parameter.bottom), []


def _without(shape, axis):
    return shape[:axis] + shape[axis + 1 :]


def _with(shape, axis, length):
    return (*shape[:axis], length, *shape[axis + 1 :])
