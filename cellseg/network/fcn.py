"""The report's network, FCRN-A with a two-class head (its section 7 and Figure 6).

    conv 3x3 + ReLU + max pooling 2x2, three times (32, 64, 128 maps)
    conv 3x3 + ReLU (512 maps)
    fixed bilinear upsampling x2 + conv 3x3 + ReLU, three times (128, 64, 32 maps)
    conv 1x1 to two maps, softmax

Architecture: Xie, Noble and Zisserman, "Microscopy cell counting and detection with fully convolutional regression
networks", CMBBE 6(3):283, 2018.
"""

from dataclasses import dataclass
from typing import ClassVar

from cellseg.network import checks
from cellseg.network.layers import convolution, pooling, upsampling


@dataclass(frozen=True)
class Fcn:
    """The report's network; other values than the defaults are what its section 7.2 proposes.

    Parameters
    ----------
    poolings : int
        Number of 2x2 max poolings, each undone by one upsampling. Fewer of them lose less detail.
    kernel : int
        Side of the convolution kernels in pixels, odd. Larger ones widen the receptive field.
    features : int
        Feature maps of the first convolution; each further one has twice as many. The one at the
        lowest resolution has 16 times as many.
    score_kernel : int
        Side of the last convolution's kernel in pixels, odd.

    Raises
    ------
    CellsegError
        If a value is out of range.
    """

    poolings: int = 3
    kernel: int = 3
    features: int = 32
    score_kernel: int = 1

    NAME = "fcrn_a"
    HEADS: ClassVar = {"score": 2}

    def __post_init__(self):
        checks.poolings(self.poolings)
        checks.kernel("kernel", self.kernel)
        checks.kernel("score_kernel", self.score_kernel)
        checks.features(self.features)

    def layers(self):
        """The learnable part, from the blob ``data`` to the two maps of the blob ``score``.

        Returns
        -------
        list of dict
            LayerParameter messages in order.
        """
        encoder = [self.features * 2**level for level in range(self.poolings)]
        net, bottom = [], "data"
        for number, maps in enumerate(encoder, start=1):
            net += [*convolution(f"conv{number}", bottom, maps, self.kernel), pooling(f"pool{number}", f"conv{number}")]
            bottom = f"pool{number}"
        lowest, maps = f"conv{self.poolings + 1}", 16 * self.features
        net += convolution(lowest, bottom, maps, self.kernel)
        bottom = lowest
        for number, next_maps in enumerate(reversed(encoder), start=1):
            net.append(upsampling(f"upsample{number}", bottom, maps))
            net += convolution(f"unconv{number}", f"upsample{number}", next_maps, self.kernel)
            bottom, maps = f"unconv{number}", next_maps
        return net + convolution("score", bottom, 2, self.score_kernel, rectify=False)
