"""The fork for OpenCL and for U-Nets without padding: MergeCrop."""

import numpy as np

from cellseg.engine.later import torch
from cellseg.engine.layers.base import Layer, shown

ABOUT = "U-Nets of Greentea and PyGreentea"
FIELDS = """
LayerParameter
    MergeCropParameter mergecrop_param

MergeCropParameter
    enum MergeOp STACK=0 ADD=1
    int32* forward
    int32* backward
    MergeOp operation = STACK
"""

_ADD = 1  # MergeCropParameter.MergeOp


class MergeCrop(Layer):
    """The first bottom and the middle of the second, one behind the other or added.

    `forward` and `backward` say, for each bottom, whether its values and its gradient pass; by default the gradient of
    the second does not.
    """

    BOTTOMS = (2, 2)
    MAY_BE_IN_PLACE = BACKWARD_NEEDS_TOPS = False

    def setup(self, bottom_shapes):
        p = self.parameter.mergecrop_param
        if max(len(p.forward), len(p.backward)) > 2:
            self.fail("forward and backward are given once for each of two bottoms")
        self.values, self.gradients = (
            [*given, *default[len(given) :]] for given, default in ((p.forward, (1, 1)), (p.backward, (1, 0)))
        )
        self.adds = p.operation == _ADD

    def reshape(self, bottom_shapes):
        one, other = bottom_shapes
        if len(one) < 3 or len(one) != len(other) or one[0] != other[0] or (self.adds and one[1] != other[1]):
            self.fail(f"cannot join {shown(one)} and {shown(other)}")
        self.margins = [(large - small) // 2 for small, large in zip(one[2:], other[2:])]
        if any(small > large for small, large in zip(one[2:], other[2:])):
            self.fail(f"its second bottom {shown(other)} must be as large as the first {shown(one)}, or larger")
        return [(one[0], one[1] if self.adds else one[1] + other[1], *one[2:])]

    def sees(self, axis, low, high, top=0):
        start = self.margins[axis - 2]
        return [(low, high), (low + start, high + start)]

    def onnx(self, graph, bottoms, tops):
        (one, other), (top,) = bottoms, tops
        if not all(self.values):
            graph.fail(self, "leaves a bottom out (forward: 0); only what passes both is converted")
        axes = graph.constant(f"{top}/axes", np.arange(2, graph.rank(one), dtype=np.int64))
        small, large = (graph.node("Shape", [x], f"{top}/size{i}", start=2) for i, x in enumerate(bottoms))
        two = graph.constant(f"{top}/2", np.array(2, np.int64))
        start = graph.node("Div", [graph.node("Sub", [large, small], f"{top}/beside"), two], f"{top}/start")
        end = graph.node("Add", [start, small], f"{top}/end")
        middle = graph.node("Slice", [other, start, end, axes], f"{top}/middle")
        if self.adds:
            graph.node("Add", [one, middle], top)
        else:
            graph.node("Concat", [one, middle], top, axis=1)

    def compute(self, bottoms, weights):
        one, other = bottoms
        for axis, (start, length) in enumerate(zip(self.margins, one.shape[2:]), start=2):
            other = other.narrow(axis, start, length)
        both = []
        for x, passes, learns in zip((one, other), self.values, self.gradients):
            x = x if learns else x.detach()
            both.append(x if passes else torch.zeros_like(x))
        return [both[0] + both[1] if self.adds else torch.cat(both, 1)]
