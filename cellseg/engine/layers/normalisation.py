"""LRN, BatchNorm, MVN, and the learnt Scale and Bias that go with them."""

import numpy as np

from cellseg.engine.later import functional as F
from cellseg.engine.later import later, torch
from cellseg.engine.layers.base import Layer, shown

_gradients = later("cellseg.engine.torch.gradients")

TEST = 1
_WITHIN_CHANNEL = 1  # LRNParameter.NormRegion


class LRN(Layer):
    """A value divided by a power of the mean square around it: over neighbouring channels, or over a square of its own.

    The constant k is for ACROSS_CHANNELS only; WITHIN_CHANNEL has 1, whatever is given.
    """

    MAY_BE_IN_PLACE = False

    def setup(self, bottom_shapes):
        p = self.parameter.lrn_param
        if p.local_size % 2 == 0:
            self.fail(f"local_size is {p.local_size}; it must be odd")

    def reshape(self, bottom_shapes):
        if len(bottom_shapes[0]) != 4:
            self.fail(f"takes images NxCxHxW, not {shown(bottom_shapes[0])}")
        return bottom_shapes

    def sees(self, axis, low, high, top=0):
        p = self.parameter.lrn_param
        reach = p.local_size // 2 if p.norm_region == _WITHIN_CHANNEL else 0
        return [(low - reach, high + reach)]

    def onnx(self, graph, bottoms, tops):
        p, (top,) = self.parameter.lrn_param, tops
        if p.norm_region != _WITHIN_CHANNEL:
            return graph.node("LRN", bottoms, top, size=p.local_size, alpha=p.alpha, beta=p.beta, bias=p.k)
        square, window = graph.node("Mul", bottoms * 2, f"{top}/square"), [p.local_size] * 2
        pads = [p.local_size // 2] * 4
        mean = graph.node("AveragePool", [square], f"{top}/mean", kernel_shape=window, pads=pads, count_include_pad=1)
        base = graph.scaled(mean, p.alpha, 1, f"{top}/base")
        factor = graph.node("Pow", [base, graph.number(f"{top}/beta", -p.beta)], f"{top}/factor")
        graph.node("Mul", [*bottoms, factor], top)

    def compute(self, bottoms, weights):
        p, x = self.parameter.lrn_param, bottoms[0].float()
        if p.norm_region == _WITHIN_CHANNEL:
            mean = F.avg_pool2d(x.square(), p.local_size, 1, p.local_size // 2)
            return [x * (1 + p.alpha * mean).pow(-p.beta)]
        return [_gradients.AcrossChannels.apply(x, p.local_size, p.alpha, p.beta, p.k)]


class BatchNorm(Layer):
    """Each channel brought to mean 0 and variance 1: those of the batch in training, of the running sums in testing.

    The parameters are the running sums of means and of unbiased variances, and the number that divides them. The
    forward pass changes them; the solver must not.
    """

    BACKWARD_NEEDS_TOPS = False

    def setup(self, bottom_shapes):
        p, (shape,) = self.parameter.batch_norm_param, bottom_shapes
        if len(shape) < 2:
            self.fail(f"takes a bottom of two axes or more, not {shown(shape)}")
        self.use_sums = p.use_global_stats if p.HasField("use_global_stats") else self.phase == TEST
        zero = type(self.parameter.scale_param.bias_filler)()
        for many in (shape[1], shape[1], 1):
            self.add_param((many,), zero)
        specs = self.parameter.param
        if any(spec.lr_mult for spec in specs):
            self.fail("its parameters are not learnt; give them lr_mult: 0, or no param at all")
        while len(specs) < len(self.shapes):
            specs.add(lr_mult=0)

    def reshape(self, bottom_shapes):
        (shape,) = bottom_shapes
        if len(shape) < 2 or shape[1] != self.shapes[0][0]:
            self.fail(f"its parameters are of {self.shapes[0][0]} channels, but the bottom is {shown(shape)}")
        return [shape]

    def whole(self, axis):
        return not self.use_sums

    def onnx(self, graph, bottoms, tops):
        if not self.use_sums:
            graph.fail(self, "takes mean and variance of each batch; only use_global_stats: true is converted")
        mean, variance, (count,) = graph.weights(self, "mean", "variance", "count")
        share = np.float32(1 / count if count else 0)
        parts = {
            "one": np.ones_like(mean),
            "zero": np.zeros_like(mean),
            "mean": mean * share,
            "variance": variance * share,
        }
        constants = [graph.constant(f"{self.name}.{name}", array) for name, array in parts.items()]
        graph.node("BatchNormalization", [*bottoms, *constants], tops[0], epsilon=self.parameter.batch_norm_param.eps)

    def forward(self, bottoms, weights, down, learn):
        return super().forward(bottoms, weights, down, [False] * len(learn))

    def compute(self, bottoms, weights):
        return [self.scaled(bottoms[0], weights, None, None)]

    def scaled(self, x, weights, scale, bias):
        """Its top times a number and plus a number for each channel, None for 1 and 0.

        Parameters
        ----------
        x : torch.Tensor
        weights : list of torch.Tensor
            Its own; changed where it takes mean and variance of the batch.
        scale, bias : torch.Tensor of shape (channels,), or None
        """
        p, (mean_sum, variance_sum, count) = self.parameter.batch_norm_param, weights
        mean, variance = torch.zeros_like(mean_sum), torch.zeros_like(variance_sum)
        if self.use_sums:
            share = torch.where(count == 0, 0, 1 / count)
            mean, variance = mean_sum * share, variance_sum * share
        # With a momentum of 1 PyTorch puts the batch's own mean and variance there.
        cudnn = torch.backends.cudnn.enabled
        top = torch.batch_norm(x, scale, bias, mean, variance, not self.use_sums, 1.0, p.eps, cudnn)
        if not self.use_sums:
            if x.numel() == x.shape[1]:
                variance = torch.zeros_like(variance)
            with torch.no_grad():
                for total, new in ((mean_sum, mean), (variance_sum, variance), (count, 1)):
                    total.mul_(p.moving_average_fraction).add_(new)
        return top

    def factors(self):
        """What its top is in testing: the bottom times a number and plus a number for each channel.

        Returns
        -------
        factor, shift : torch.Tensor of shape (channels,), float64
        """
        mean_sum, variance_sum, count = (param.tensor.double() for param in self.params)
        share = torch.where(count == 0, 0, 1 / count)
        factor = (variance_sum * share + self.parameter.batch_norm_param.eps).rsqrt()
        return factor, -mean_sum * share * factor


class MVN(Layer):
    """Each image, or each of its channels, less its mean, and divided by its standard deviation."""

    def reshape(self, bottom_shapes):
        (shape,) = bottom_shapes
        if not 1 <= len(shape) <= 4:
            self.fail(f"takes a bottom of one to four axes, not {shown(shape)}")
        self.shape = (*shape, *[1] * (4 - len(shape)))
        return [self.shape]

    def onnx(self, graph, bottoms, tops):
        p, (top,), rank = self.parameter.mvn_param, tops, graph.rank(bottoms[0])
        x = graph.reshaped(bottoms[0], [(0, rank), *[1] * (4 - rank)])
        behind = [1, 2, 3] if p.across_channels else [2, 3]
        mean = graph.reduced("ReduceMean", x, behind, f"{top}/mean")
        centred = graph.node("Sub", [x, mean], f"{top}/centred" if p.normalize_variance else top)
        if p.normalize_variance:
            square = graph.node("Mul", [centred, centred], f"{top}/square")
            variance = graph.reduced("ReduceMean", square, behind, f"{top}/variance")
            deviation = graph.scaled(graph.node("Sqrt", [variance], f"{top}/root"), 1, p.eps, f"{top}/deviation")
            graph.node("Div", [centred, deviation], top)

    def compute(self, bottoms, weights):
        p, x = self.parameter.mvn_param, bottoms[0].float().reshape(self.shape)
        behind = (1, 2, 3) if p.across_channels else (2, 3)
        centred = x - x.mean(behind, keepdim=True)
        if not p.normalize_variance:
            return [centred]
        return [_gradients.Standardised.apply(centred, p.eps, behind)]


class _Broadcast(Layer):
    """A layer with a parameter, or a second bottom, that has some successive axes of the first bottom."""

    BOTTOMS = (1, 2)
    FIELD = ""

    def setup(self, bottom_shapes):
        if len(bottom_shapes) == 1:
            p = getattr(self.parameter, self.FIELD)
            self.add_param(self._shape(p, bottom_shapes[0]), self._filler(p))

    def reshape(self, bottom_shapes):
        shape, other = bottom_shapes[0], (*bottom_shapes[1:], *self.shapes)[0]
        first = self.axis(getattr(self.parameter, self.FIELD).axis, shape) if other else 0
        if shape[first : first + len(other)] != other:
            self.fail(f"{shown(other)} does not fit the bottom {shown(shape)} from axis {first} on")
        self.first = first
        self.spread = (*[1] * first, *other, *[1] * (len(shape) - first - len(other)))
        return [shape]

    def whole(self, axis):
        return False

    def _others(self, graph, bottoms, *names):
        """The second bottom, if there is one, and the parameters, each with axes of length 1 behind its own.

        ONNX would repeat what is too short; the Reshape refuses it.
        """
        x, *others = bottoms
        rank, learnt = graph.rank(x), graph.parameters(self, *names[len(others) :])
        wide = learnt and self.shapes[0] and (self.first, len(self.shapes[0])) != (1, 1)
        if rank == 4 and (wide or others and self.first > 1):
            graph.fail(self, "only what is one number, or one a channel, is right for images of every size")
        spread = []
        for other in (*others, *learnt):
            end = self.first + graph.rank(other)
            parts = [1] * (rank - end)
            name = f"{self.name}/{len(spread)}"
            if graph.rank(other) and other in others:
                size = graph.node("Shape", [x], f"{name}/size", start=self.first, end=end)
                ones = graph.constant(f"{name}/ones", np.ones(len(parts), np.int64))
                size = graph.node("Concat", [size, ones], f"{name}/spread", axis=0)
                spread.append(graph.node("Reshape", [other, size], name))
            else:
                spread.append(graph.reshaped(other, [(0, graph.rank(other)), *parts * bool(graph.rank(other))], name))
        return spread

    def _shape(self, p, shape):
        first = self.axis(p.axis, shape)
        last = len(shape) if p.num_axes == -1 else first + p.num_axes
        if p.num_axes < -1 or last > len(shape):
            self.fail(f"num_axes {p.num_axes} from axis {p.axis} on is more than the bottom {shown(shape)} has")
        return shape[first:last]

    def _filler(self, p):
        return p.filler


class Scale(_Broadcast):
    """The product with a parameter or a second bottom, plus a second parameter with `bias_term`."""

    FIELD = "scale_param"
    BACKWARD_NEEDS_TOPS = False

    def setup(self, bottom_shapes):
        super().setup(bottom_shapes)
        p = self.parameter.scale_param
        if p.bias_term:
            self.add_param(bottom_shapes[1] if len(bottom_shapes) > 1 else self.shapes[0], p.bias_filler)

    def reshape(self, bottom_shapes):
        if len(bottom_shapes) > 1 and self.shapes and self.shapes[0] != bottom_shapes[1]:
            self.fail(f"its bias is {shown(self.shapes[0])}, but the second bottom is {shown(bottom_shapes[1])}")
        return super().reshape(bottom_shapes)

    def onnx(self, graph, bottoms, tops):
        scale, *bias = self._others(graph, bottoms, "scale", "bias")
        product = graph.node("Mul", [bottoms[0], scale], f"{tops[0]}/product" if bias else tops[0])
        if bias:
            graph.node("Add", [product, *bias], tops[0])

    def compute(self, bottoms, weights):
        x, *others = bottoms
        scale, *bias = (other.reshape(self.spread).to(x.dtype) for other in (*others, *weights))
        return [x * scale + bias[0] if bias else x * scale]

    def _filler(self, p):
        return p.filler if p.HasField("filler") else type(p.filler)(type="constant", value=1)


class Bias(_Broadcast):
    """The sum with a parameter or a second bottom."""

    FIELD = "bias_param"

    def onnx(self, graph, bottoms, tops):
        graph.node("Add", [bottoms[0], *self._others(graph, bottoms, "bias")], tops[0])

    def compute(self, bottoms, weights):
        x, other = (*bottoms, *weights)
        return [x + other.reshape(self.spread).to(x.dtype)]
