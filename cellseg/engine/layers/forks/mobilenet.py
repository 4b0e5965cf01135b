"""Forks for small nets: convolutions of single channels under names of their own, and Pooling that rounds down."""

from cellseg.engine.layers import convolution, pooling

ABOUT = "MobileNet, ShuffleNet, nets converted from other programs"
FIELDS = """
PoolingParameter
    bool ceil_mode = true
"""


class DepthwiseConvolution(convolution.Convolution):
    """A Convolution in which each map out sees one map in, whatever `group` says; weights (outputs, 1, h, w)."""

    def _groups(self, channels):
        return channels


class ConvolutionDepthwise(DepthwiseConvolution):
    """The same under another fork's name."""


class Pooling(pooling.Pooling):
    """Caffe's, which rounds the number of windows down with ``ceil_mode: false``, too."""

    @property
    def rounds_down(self):
        p = self.parameter.pooling_param
        return super().rounds_down or (p.HasField("ceil_mode") and not p.ceil_mode)
