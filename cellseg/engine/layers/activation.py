"""Functions of single values: ReLU and its kin, Sigmoid, TanH, Power, Exp, Log, AbsVal and so on."""

import math

import numpy as np

from cellseg.engine.later import functional as F
from cellseg.engine.later import torch
from cellseg.engine.layers.base import Layer, shown


class _Elementwise(Layer):
    """A layer whose top has the shape of its bottom, and whose value at a place follows from the bottom's there."""

    #: The ONNX operation, where it has no attributes.
    OPERATION = None

    def reshape(self, bottom_shapes):
        return list(bottom_shapes)

    def whole(self, axis):
        return False

    def onnx(self, graph, bottoms, tops):
        graph.node(self.OPERATION, bottoms, tops[0])

    def compute(self, bottoms, weights):
        return [self.apply(bottoms[0], *weights)]

    def apply(self, x, *weights):
        """The function, in differentiable operations."""
        raise NotImplementedError


class ReLU(_Elementwise):
    """``max(x, 0) + negative_slope * min(x, 0)``.

    Attributes
    ----------
    in_place : bool
        Whether it may overwrite its bottom.
    """

    in_place = False

    def onnx(self, graph, bottoms, tops):
        slope = self.parameter.relu_param.negative_slope
        graph.node("LeakyRelu" if slope else "Relu", bottoms, tops[0], **({"alpha": slope} if slope else {}))

    def forward(self, bottoms, weights, down, learn):
        (x,), slope = bottoms, self.parameter.relu_param.negative_slope
        rectified = torch.relu_ if self.in_place else torch.relu
        top = F.leaky_relu(x, slope) if slope else rectified(x)
        # The top has the sign of the bottom, unless the slope turns it round.
        self._graph = (top if slope >= 0 else x) if down[0] else None
        return [top]

    def backward(self, top_gradients):
        (gradient,), slope = top_gradients, self.parameter.relu_param.negative_slope
        if self._graph is None:
            self.fail("cannot run backward before it has run forward")
        if gradient is None:
            return [None], []
        gradient = gradient.to(self._graph.dtype)
        if slope:
            return [torch.where(self._graph > 0, gradient, slope * gradient)], []
        return [torch.ops.aten.threshold_backward(gradient, self._graph, 0)], []


class PReLU(_Elementwise):
    """ReLU that learns its negative slope, one for each channel or one for all."""

    def setup(self, bottom_shapes):
        p = self.parameter.prelu_param
        if len(bottom_shapes[0]) < 2:
            self.fail(f"takes a bottom of two axes or more, not {shown(bottom_shapes[0])}")
        filler = type(p.filler)(type="constant", value=0.25)
        self.add_param(() if p.channel_shared else bottom_shapes[0][1:2], p.filler if p.HasField("filler") else filler)

    def reshape(self, bottom_shapes):
        (shape,) = bottom_shapes
        slopes = self.shapes[0]
        if len(shape) < 2 or slopes not in ((), shape[1:2]):
            self.fail(f"its slopes {shown(slopes)} do not fit the bottom {shown(shape)}")
        return [shape]

    def onnx(self, graph, bottoms, tops):
        (slope,) = graph.weights(self, "slope")
        behind = [1] * (graph.rank(bottoms[0]) - 2)
        graph.node("PRelu", [*bottoms, graph.constant(f"{self.name}.slope", slope.reshape(-1, *behind))], tops[0])

    def apply(self, x, slope):
        return F.prelu(x, slope.reshape(-1).to(x.dtype))


class ELU(_Elementwise):
    """``x`` where positive, else ``alpha * (exp(x) - 1)``."""

    def onnx(self, graph, bottoms, tops):
        graph.node("Elu", bottoms, tops[0], alpha=self.parameter.elu_param.alpha)

    def apply(self, x):
        return F.elu(x, self.parameter.elu_param.alpha)


class Sigmoid(_Elementwise):
    """``1 / (1 + exp(-x))``."""

    OPERATION = "Sigmoid"

    def apply(self, x):
        return torch.sigmoid(x)


class TanH(_Elementwise):
    """The hyperbolic tangent."""

    OPERATION = "Tanh"

    def apply(self, x):
        return torch.tanh(x)


class AbsVal(_Elementwise):
    """The absolute value."""

    OPERATION = "Abs"
    MAY_BE_IN_PLACE = False

    def apply(self, x):
        return torch.abs(x)


class BNLL(_Elementwise):
    """``log(1 + exp(x))``."""

    OPERATION = "Softplus"

    def apply(self, x):
        return F.softplus(x)


class Swish(_Elementwise):
    """``x * sigmoid(beta * x)``."""

    def onnx(self, graph, bottoms, tops):
        scaled = graph.scaled(bottoms[0], self.parameter.swish_param.beta, 0, f"{tops[0]}/scaled")
        graph.node("Mul", [bottoms[0], graph.node("Sigmoid", [scaled], f"{tops[0]}/gate")], tops[0])

    def apply(self, x):
        return x * torch.sigmoid(self.parameter.swish_param.beta * x)


class Clip(_Elementwise):
    """The value, at least `min` and at most `max`."""

    def onnx(self, graph, bottoms, tops):
        p = self.parameter.clip_param
        graph.node(
            "Clip",
            [*bottoms, *(graph.number(f"{tops[0]}/{name}", getattr(p, name)) for name in ("min", "max"))],
            tops[0],
        )

    def apply(self, x):
        p = self.parameter.clip_param
        return torch.clamp(x, p.min, p.max)


class Threshold(_Elementwise):
    """1 where the value is above `threshold`, else 0."""

    NO_GRADIENT = (0,)

    def backward(self, top_gradients):
        return [None], []

    def onnx(self, graph, bottoms, tops):
        threshold = graph.number(f"{tops[0]}/threshold", self.parameter.threshold_param.threshold)
        graph.node("Cast", [graph.node("Greater", [*bottoms, threshold], f"{tops[0]}/above")], tops[0], to=graph.FLOAT)

    def apply(self, x):
        return (x > self.parameter.threshold_param.threshold).to(x.dtype)


class Power(_Elementwise):
    """``(shift + scale * x) ** power``."""

    def onnx(self, graph, bottoms, tops):
        p, (top,) = self.parameter.power_param, tops
        if p.power * p.scale == 0:
            value = np.power(np.float32(p.shift), np.float32(p.power))
            shape = graph.node("Shape", bottoms, f"{top}/shape")
            graph.node("Expand", [graph.number(f"{top}/value", value), shape], top)
        elif p.power == 1:
            graph.scaled(bottoms[0], p.scale, p.shift, top)
        else:
            moved = graph.scaled(bottoms[0], p.scale, p.shift, f"{top}/moved")
            graph.node("Pow", [moved, graph.number(f"{top}/power", p.power)], top)

    def apply(self, x):
        p = self.parameter.power_param
        if p.power * p.scale == 0:
            return torch.full_like(x, p.shift).pow(p.power)
        moved = x * p.scale + p.shift
        return moved if p.power == 1 else moved.pow(p.power)


class Exp(_Elementwise):
    """``base ** (shift + scale * x)``, with the base e by default."""

    def setup(self, bottom_shapes):
        p = self.parameter.exp_param
        self.rate = _logarithm(self, p.base)
        self.factor = math.exp(self.rate * p.shift)

    def onnx(self, graph, bottoms, tops):
        scaled = graph.scaled(bottoms[0], self.rate * self.parameter.exp_param.scale, 0, f"{tops[0]}/scaled")
        graph.scaled(graph.node("Exp", [scaled], f"{tops[0]}/exp"), self.factor, 0, tops[0])

    def apply(self, x):
        return torch.exp(x * (self.rate * self.parameter.exp_param.scale)) * self.factor


class Log(_Elementwise):
    """The logarithm of ``shift + scale * x`` to a base, e by default."""

    def setup(self, bottom_shapes):
        rate = _logarithm(self, self.parameter.log_param.base)
        if rate == 0:
            self.fail("base is 1; give another one")
        self.factor = 1 / rate

    def onnx(self, graph, bottoms, tops):
        p = self.parameter.log_param
        logarithm = graph.node(
            "Log", [graph.scaled(bottoms[0], p.scale, p.shift, f"{tops[0]}/moved")], f"{tops[0]}/log"
        )
        graph.scaled(logarithm, self.factor, 0, tops[0])

    def apply(self, x):
        p = self.parameter.log_param
        return torch.log(x * p.scale + p.shift) * self.factor


def _logarithm(layer, base):
    """The natural logarithm of a base, where -1 stands for e."""
    if base == -1:
        return 1.0
    if not 0 < base < math.inf:
        layer.fail(f"base is {base:g}; it must be above 0, or -1 for e")
    return math.log(base)
