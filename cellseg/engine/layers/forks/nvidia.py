"""NVIDIA's fork, which DIGITS uses: BatchNorm with a factor and a bias of its own."""

from cellseg.engine.later import torch
from cellseg.engine.layers.forks.per_channel import _PerChannel, normalised

ABOUT = "NVCaffe, DIGITS"
FIELDS = """
BatchNormParameter
    enum Engine DEFAULT=0 CAFFE=1 CUDNN=2
    FillerParameter scale_filler
    FillerParameter bias_filler
    bool scale_bias
    Engine engine = DEFAULT
"""

TEST = 1
_LEAST_EPS = 1e-5


class BatchNorm(_PerChannel):
    """Each channel brought to mean 0 and variance 1, times a factor plus a bias unless ``scale_bias: false``.

    The parameters are running means of the batches' means and variances, a number that is not used, the factor and the
    bias. The first pass of a training puts its mean and variance there.
    """

    SHAPE = (-1,)

    def setup(self, bottom_shapes):
        p = self.parameter.batch_norm_param
        zero, one = self.constant(0), self.constant(1)
        self.add_channels(bottom_shapes[0], zero, zero)
        self.add_param((1,), one)
        filled = p.HasField("scale_filler") or p.HasField("bias_filler")
        if filled or p.scale_bias or not p.HasField("scale_bias"):
            scale = p.scale_filler if p.HasField("scale_filler") else one
            self.add_channels(bottom_shapes[0], scale, p.bias_filler if p.HasField("bias_filler") else zero)
        self.keep_fixed(0, 1, 2)
        self.eps = max(p.eps, _LEAST_EPS)
        self.by_batch = self.phase != TEST and not p.use_global_stats
        self.passes = 0

    def whole(self, axis):
        return self.by_batch

    def onnx(self, graph, bottoms, tops):
        if self.by_batch:
            graph.fail(self, "takes mean and variance of each batch; only use_global_stats: true is converted")
        mean, variance, _, *learnt = graph.weights(self, "mean", "variance", "count", "scale", "bias")
        arrays = [*(learnt or [mean * 0 + 1, mean * 0]), mean, variance]
        names = "scale", "bias", "mean", "variance"
        constants = [graph.constant(f"{self.name}.{name}", array) for name, array in zip(names, arrays)]
        graph.node("BatchNormalization", [*bottoms, *constants], tops[0], epsilon=self.eps)

    def forward(self, bottoms, weights, down, learn):
        return super().forward(bottoms, weights, down, [False] * 3 + list(learn[3:]))

    def compute(self, bottoms, weights):
        x, kept, learnt = bottoms[0].float(), weights[:2], weights[3:] or [None, None]
        if not self.by_batch:
            return [normalised(x, *kept, self.eps, *learnt)[0]]
        top, mean, variance = normalised(x, None, None, self.eps, *learnt)
        many = x.numel() // x.shape[1]
        fraction = self.parameter.batch_norm_param.moving_average_fraction if self.passes else 0.0
        with torch.no_grad():
            for average, new in zip(kept, (mean, variance * (many / max(1, many - 1)))):
                average.mul_(fraction).add_(new, alpha=1 - fraction)
        self.passes += 1
        return [top]
