"""LRN, BatchNorm, MVN, and the learnt Scale and Bias that go with them."""

import torch
import torch.nn.functional as F

from cellseg.engine.torch.layers.base import Layer, shown

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

    def compute(self, bottoms, weights):
        p, x = self.parameter.lrn_param, bottoms[0].float()
        if p.norm_region == _WITHIN_CHANNEL:
            mean = F.avg_pool2d(x.square(), p.local_size, 1, p.local_size // 2)
            return [x * (1 + p.alpha * mean).pow(-p.beta)]
        return [_AcrossChannels.apply(x, p.local_size, p.alpha, p.beta, p.k)]


class _AcrossChannels(torch.autograd.Function):
    """``x * (k + alpha / size * sum of squares over size channels) ** -beta``; with few passes over the memory."""

    @staticmethod
    def forward(ctx, x, size, alpha, beta, k):
        base = _sum_near(x.square(), size // 2).mul_(alpha / size).add_(k)
        factor = base.pow(-beta)
        ctx.save_for_backward(x, base, factor)
        ctx.reach, ctx.slope = size // 2, 2 * alpha * beta / size
        return x * factor

    @staticmethod
    def backward(ctx, gradient):
        x, base, factor = ctx.saved_tensors
        direct = gradient * factor
        through = _sum_near((direct * x).div_(base), ctx.reach).mul_(x)
        return direct.sub_(through, alpha=ctx.slope), None, None, None, None


def _sum_near(x, reach):
    """For each channel the sum over those at most `reach` away."""
    total = x.clone()
    for step in range(1, reach + 1):
        total[:, step:].add_(x[:, :-step])
        total[:, :-step].add_(x[:, step:])
    return total


class BatchNorm(Layer):
    """Each channel brought to mean 0 and variance 1: those of the batch in training, of the running sums in testing.

    The parameters are the running sums of means and of unbiased variances, and the number that divides them. The
    forward pass changes them; the solver must not.
    """

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
        while len(specs) < len(self.params):
            specs.add(lr_mult=0)

    def reshape(self, bottom_shapes):
        (shape,) = bottom_shapes
        if len(shape) < 2 or shape[1] != self.params[0].count:
            self.fail(f"its parameters are of {self.params[0].count} channels, but the bottom is {shown(shape)}")
        return [shape]

    def forward(self, bottoms, weights, down, learn):
        return super().forward(bottoms, weights, down, [False] * len(learn))

    def compute(self, bottoms, weights):
        p, x = self.parameter.batch_norm_param, bottoms[0].float()
        mean_sum, variance_sum, count = weights
        if self.use_sums:
            share = torch.where(count == 0, 0, 1 / count)
            return [_normalised(x, mean_sum * share, variance_sum * share, False, p.eps)]
        mean, variance = torch.zeros_like(mean_sum), torch.zeros_like(variance_sum)
        top = _normalised(x, mean, variance, True, p.eps)
        if x.numel() == x.shape[1]:
            variance = torch.zeros_like(variance)
        with torch.no_grad():
            for total, new in ((mean_sum, mean), (variance_sum, variance), (count, 1)):
                total.mul_(p.moving_average_fraction).add_(new)
        return [top]


def _normalised(x, mean, variance, training, eps):
    """PyTorch's own, with mean and variance given, or (`training`) taken from the batch and put there."""
    return torch.batch_norm(x, None, None, mean, variance, training, 1.0, eps, torch.backends.cudnn.enabled)


class MVN(Layer):
    """Each image, or each of its channels, less its mean, and divided by its standard deviation."""

    def reshape(self, bottom_shapes):
        (shape,) = bottom_shapes
        if not 1 <= len(shape) <= 4:
            self.fail(f"takes a bottom of one to four axes, not {shown(shape)}")
        self.shape = (*shape, *[1] * (4 - len(shape)))
        return [self.shape]

    def compute(self, bottoms, weights):
        p, x = self.parameter.mvn_param, bottoms[0].float().reshape(self.shape)
        behind = (1, 2, 3) if p.across_channels else (2, 3)
        centred = x - x.mean(behind, keepdim=True)
        if not p.normalize_variance:
            return [centred]
        return [_Standardised.apply(centred, p.eps, behind)]


class _Standardised(torch.autograd.Function):
    """Centred values divided by ``deviation + eps``; the gradient is that for a small eps, as Caffe's is."""

    @staticmethod
    def forward(ctx, centred, eps, behind):
        deviation = centred.square().mean(behind, keepdim=True).sqrt() + eps
        top = centred / deviation
        ctx.save_for_backward(top, deviation)
        ctx.behind = behind
        return top

    @staticmethod
    def backward(ctx, gradient):
        top, deviation = ctx.saved_tensors
        return (gradient - top * (gradient * top).mean(ctx.behind, keepdim=True)) / deviation, None, None


class _Broadcast(Layer):
    """A layer with a parameter, or a second bottom, that has some successive axes of the first bottom."""

    BOTTOMS = (1, 2)
    FIELD = ""

    def setup(self, bottom_shapes):
        if len(bottom_shapes) == 1:
            p = getattr(self.parameter, self.FIELD)
            self.add_param(self._shape(p, bottom_shapes[0]), self._filler(p))

    def reshape(self, bottom_shapes):
        shape, other = bottom_shapes[0], (*bottom_shapes[1:], *(param.shape for param in self.params))[0]
        first = self.axis(getattr(self.parameter, self.FIELD).axis, shape) if other else 0
        if shape[first : first + len(other)] != other:
            self.fail(f"{shown(other)} does not fit the bottom {shown(shape)} from axis {first} on")
        self.spread = (*[1] * first, *other, *[1] * (len(shape) - first - len(other)))
        return [shape]

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

    def setup(self, bottom_shapes):
        super().setup(bottom_shapes)
        p = self.parameter.scale_param
        if p.bias_term:
            self.add_param(bottom_shapes[1] if len(bottom_shapes) > 1 else self.params[0].shape, p.bias_filler)

    def compute(self, bottoms, weights):
        x, *others = bottoms
        scale, *bias = (other.reshape(self.spread).to(x.dtype) for other in (*others, *weights))
        return [x * scale + bias[0] if bias else x * scale]

    def _filler(self, p):
        return p.filler if p.HasField("filler") else type(p.filler)(type="constant", value=1)


class Bias(_Broadcast):
    """The sum with a parameter or a second bottom."""

    FIELD = "bias_param"

    def compute(self, bottoms, weights):
        x, other = (*bottoms, *weights)
        return [x + other.reshape(self.spread).to(x.dtype)]


_KINDS = (LRN, BatchNorm, MVN, Scale, Bias)
TYPES = {kind.__name__: kind for kind in _KINDS}
