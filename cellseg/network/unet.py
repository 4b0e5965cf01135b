"""A small U-Net of stock Caffe layers: the report's encoder and decoder, with skip connections and batch normalisation.

    two conv 3x3 + batch normalisation + ReLU, then max pooling 2x2, at each level
    two at the lowest resolution
    fixed bilinear upsampling x2, joined with the encoder's maps of that size, two conv 3x3 + batch normalisation + ReLU
    conv 1x1 to two maps, softmax

After Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image segmentation", MICCAI 2015.
The convolutions here are padded, so the skip connections need no cropping and the output has the input's size.
"""

from dataclasses import dataclass
from typing import ClassVar

from cellseg.network import checks
from cellseg.network.layers import convolution, layer, normalised_convolution, pooling, upsampling


@dataclass(frozen=True)
class UNet:
    """A U-Net.

    Parameters
    ----------
    poolings : int
        Number of 2x2 max poolings, each undone by one upsampling with a skip connection.
    kernel : int
        Side of the convolution kernels in pixels, odd.
    features : int
        Feature maps at the full resolution, doubled at each lower one.

    Raises
    ------
    CellsegError
        If a value is out of range.
    """

    poolings: int = 3
    kernel: int = 3
    features: int = 16

    NAME = "unet"
    HEADS: ClassVar = {"score": 2}

    def __post_init__(self):
        checks.poolings(self.poolings)
        checks.kernel("kernel", self.kernel)
        checks.features(self.features)

    def layers(self):
        """The learnable part, in the form of `cellseg.network.fcn.Fcn.layers`."""
        net, bottom = [], "data"
        for level in range(1, self.poolings + 1):
            net += self._pair(f"conv{level}", bottom, level)
            net.append(pooling(f"pool{level}", f"conv{level}_2"))
            bottom = f"pool{level}"
        lowest = self.poolings + 1
        net += self._pair(f"conv{lowest}", bottom, lowest)
        bottom = f"conv{lowest}_2"
        for level in range(self.poolings, 0, -1):
            net.append(upsampling(f"upsample{level}", bottom, self._maps(level + 1)))
            net.append(layer(f"concat{level}", "Concat", [f"upsample{level}", f"conv{level}_2"]))
            net += self._pair(f"unconv{level}", f"concat{level}", level)
            bottom = f"unconv{level}_2"
        return net + [one for name, maps in self.HEADS.items() for one in convolution(name, bottom, maps, 1, False)]

    def _maps(self, level):
        return self.features * 2 ** (level - 1)

    def _pair(self, name, bottom, level):
        first = normalised_convolution(f"{name}_1", bottom, self._maps(level), self.kernel)
        return first + normalised_convolution(f"{name}_2", f"{name}_1", self._maps(level), self.kernel)


@dataclass(frozen=True)
class CellUNet(UNet):
    """The same with a second output, the blob ``distance``: how far a pixel is from the edge of its cell.

    The distance is divided by the cell's largest, so it is 1 in the middle of a cell of any size, and 0 outside.
    Touching cells have a valley between them, which is where they are told apart. See `cellseg.data.targets`.
    """

    NAME = "cell_unet"
    HEADS: ClassVar = {"score": 2, "distance": 1}
