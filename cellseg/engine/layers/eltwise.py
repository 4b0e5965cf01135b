"""Eltwise: several bottoms of one shape, value by value; and Reduction: all values behind an axis to one."""

import math
from functools import reduce

from cellseg.engine.later import torch
from cellseg.engine.layers.base import Layer, shown

_PROD, _SUM, _MAX = 0, 1, 2  # EltwiseParameter.EltwiseOp
_ASUM, _SUMSQ, _MEAN = 2, 3, 4  # ReductionParameter.ReductionOp


class Eltwise(Layer):
    """Product, weighted sum or maximum.

    Of equal maxima the first has the gradient, but of the first two bottoms the second.
    """

    BOTTOMS = (2, None)

    def setup(self, bottom_shapes):
        p = self.parameter.eltwise_param
        if p.coeff and len(p.coeff) != len(bottom_shapes):
            self.fail(f"coeff is given for {len(p.coeff)} of {len(bottom_shapes)} bottoms")
        if p.coeff and p.operation == _PROD:
            self.fail("coeff goes with operation: SUM only")

    def reshape(self, bottom_shapes):
        for shape in bottom_shapes:
            if shape != bottom_shapes[0]:
                self.fail(f"its bottoms {shown(bottom_shapes[0])} and {shown(shape)} differ in shape")
        return bottom_shapes[:1]

    def whole(self, axis):
        return False

    def onnx(self, graph, bottoms, tops):
        p, (top,) = self.parameter.eltwise_param, tops
        if p.operation == _MAX:
            graph.node("Max", bottoms, top)
        elif p.operation == _SUM:
            factors = enumerate(p.coeff or [1] * len(bottoms))
            weighted = [bottoms[i] if c == 1 else graph.scaled(bottoms[i], c, 0, f"{top}/{i}") for i, c in factors]
            graph.node("Sum", weighted, top)
        else:
            product = bottoms[0]
            for number, bottom in enumerate(bottoms[1:], start=2):
                product = graph.node("Mul", [product, bottom], top if number == len(bottoms) else f"{top}/{number}")

    def compute(self, bottoms, weights):
        p = self.parameter.eltwise_param
        if p.operation == _PROD:
            return [reduce(torch.mul, bottoms)]
        if p.operation == _MAX:
            top = torch.where(bottoms[0] > bottoms[1], bottoms[0], bottoms[1])
            for other in bottoms[2:]:
                top = torch.where(other > top, other, top)
            return [top]
        weighted = [bottom if c == 1 else c * bottom for bottom, c in zip(bottoms, p.coeff or [1] * len(bottoms))]
        return [reduce(torch.add, weighted)]


class Reduction(Layer):
    """Sum, sum of absolute values or of squares, or mean, of all that is behind the axes before `axis`."""

    MAY_BE_IN_PLACE = False

    def reshape(self, bottom_shapes):
        (shape,) = bottom_shapes
        self.first = self.axis(self.parameter.reduction_param.axis, shape)
        self.count = math.prod(shape[self.first :])
        if not self.count:
            self.fail(f"there is nothing to reduce in the shape {shown(shape)} from axis {self.first} on")
        return [shape[: self.first]]

    def whole(self, axis):
        return axis >= self.first

    def onnx(self, graph, bottoms, tops):
        p = self.parameter.reduction_param
        operation = {_ASUM: "ReduceL1", _SUMSQ: "ReduceSumSquare", _MEAN: "ReduceMean"}.get(p.operation, "ReduceSum")
        flat = graph.reshaped(bottoms[0], [(0, self.first), -1])
        whole = graph.reduced(operation, flat, [self.first], f"{tops[0]}/whole", keepdims=0)
        graph.scaled(whole, p.coeff, 0, tops[0])

    def compute(self, bottoms, weights):
        p, x = self.parameter.reduction_param, bottoms[0].float().flatten(self.first)
        if p.operation == _ASUM:
            x = x.abs()
        elif p.operation == _SUMSQ:
            x = x.square()
        return [x.sum(-1) * (p.coeff / self.count if p.operation == _MEAN else p.coeff)]
