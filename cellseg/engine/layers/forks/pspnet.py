"""PSPNet's fork: BN that learns its factors and keeps running statistics, and DeepLab's Interp."""

from fractions import Fraction

import numpy as np

from cellseg.engine.later import functional as F
from cellseg.engine.later import torch
from cellseg.engine.layers.base import EVERYTHING, Layer, shown
from cellseg.engine.layers.forks.per_channel import _PerChannel, normalised

ABOUT = "PSPNet, ICNet, DeepLab v2"
FIELDS = """
LayerParameter
    BNParameter bn_param
    InterpParameter interp_param

BNParameter
    enum Engine DEFAULT=0 CAFFE=1 CUDNN=2
    FillerParameter slope_filler
    FillerParameter bias_filler
    float momentum = 0.9
    float eps = 1e-05
    bool frozen = false
    Engine engine = DEFAULT

InterpParameter
    int32 height = 0
    int32 width = 0
    int32 zoom_factor = 1
    int32 shrink_factor = 1
    int32 pad_beg = 0
    int32 pad_end = 0
"""

TEST = 1


class BN(_PerChannel):
    """Each channel brought to mean 0 and variance 1, times a slope plus a bias.

    In training mean and variance are the batch's, and running means of both are kept: the third and fourth parameter.
    In testing, and where the layer is frozen, those are used; a frozen layer learns nothing.
    """

    def setup(self, bottom_shapes):
        p = self.parameter.bn_param
        fillers = p.slope_filler, p.bias_filler, self.constant(0), self.constant(int(p.frozen))
        self.add_channels(bottom_shapes[0], *fillers)
        self.keep_fixed(*((0, 1, 2, 3) if p.frozen else (2, 3)))
        self.by_batch = self.phase != TEST and not p.frozen

    def whole(self, axis):
        return self.by_batch

    def onnx(self, graph, bottoms, tops):
        names = "slope", "bias", "mean", "variance"
        flat = [array.ravel() for array in graph.weights(self, *names)]
        constants = [graph.constant(f"{self.name}.{name}", array) for name, array in zip(names, flat)]
        graph.node("BatchNormalization", [*bottoms, *constants], tops[0], epsilon=self.parameter.bn_param.eps)

    def forward(self, bottoms, weights, down, learn):
        learn = [one and not self.parameter.bn_param.frozen for one in learn[:2]] + [False, False]
        return super().forward(bottoms, weights, down, learn)

    def compute(self, bottoms, weights):
        p, (slope, bias, *kept) = self.parameter.bn_param, weights
        given = [None, None] if self.by_batch else kept
        top, *found = normalised(bottoms[0].float(), *given, p.eps, slope, bias)
        if self.by_batch:
            with torch.no_grad():
                for average, new in zip(kept, found):
                    average.mul_(p.momentum).add_(new.reshape(average.shape), alpha=1 - p.momentum)
        return [top]


class Interp(Layer):
    """Images of another size, bilinearly; the middles of the corner pixels stay where they are.

    Negative pads cut rows and columns off before. The size is given, or the second bottom's, or follows from
    `shrink_factor` and then `zoom_factor`.
    """

    BOTTOMS = (1, 2)
    NO_GRADIENT = (1,)
    MAY_BE_IN_PLACE = BACKWARD_NEEDS_TOPS = False

    def setup(self, bottom_shapes):
        p = self.parameter.interp_param
        if max(p.pad_beg, p.pad_end) > 0:
            self.fail("pad_beg and pad_end cut off, so they are 0 or less")
        if min(p.zoom_factor, p.shrink_factor) < 1:
            self.fail("zoom_factor and shrink_factor must be 1 or more")
        factors = p.HasField("zoom_factor"), p.HasField("shrink_factor")
        sized = p.HasField("height") and p.HasField("width")
        if not (sized or any(factors) or len(bottom_shapes) > 1):
            self.fail("give height and width, zoom_factor or shrink_factor, or a second bottom")
        # Caffe looks at one factor first, then at a size, then at both factors.
        self.fixed = (p.height, p.width) if sized and (all(factors) or not any(factors)) else None
        self.by_factor = self.fixed is None and any(factors)
        self.shrink, self.zoom = p.shrink_factor, p.zoom_factor
        self.cut = (-p.pad_beg, -p.pad_end)

    def reshape(self, bottom_shapes):
        if any(len(shape) != 4 for shape in bottom_shapes):
            self.fail(f"takes images NxCxHxW, not {' and '.join(map(shown, bottom_shapes))}")
        shape = bottom_shapes[0]
        self.before = tuple(side - sum(self.cut) for side in shape[2:])
        if min(self.before) < 1:
            self.fail(f"pad_beg and pad_end leave nothing of {shown(shape)}")
        self.size = self.fixed or bottom_shapes[-1][2:]
        if self.by_factor:
            self.size = tuple((side - 1) // self.shrink * self.zoom + 1 for side in self.before)
        if min(self.size) < 1:
            self.fail(f"gives the size {shown(self.size)}; it must be 1x1 or more")
        self.stride = tuple(self._step(axis) for axis in (2, 3))
        return [(*shape[:2], *self.size)]

    def _step(self, axis):
        """Distance of rows or columns of the top in the bottom."""
        if self.by_factor:
            return Fraction(self.shrink, self.zoom)
        return Fraction(max(1, self.before[axis - 2] - 1), max(1, self.size[axis - 2] - 1))

    def sees(self, axis, low, high, top=0):
        """A zoom sees a pixel or two, at every size; the steps of other sizes depend on the image's."""
        others = [None] * (len(self.parameter.bottom) - 1)
        if not self.by_factor or self.shrink > 1:
            return [EVERYTHING, *others]
        return [(low // self.zoom + self.cut[0], -(-high // self.zoom) + self.cut[0]), *others]

    def onnx(self, graph, bottoms, tops):
        x, (top,) = bottoms[0], tops
        if any(self.cut):
            parts = (
                (self.cut[0], self.cut[0]),
                (-self.cut[1] or np.iinfo(np.int64).max,) * 2,
                (2, 3),
            )
            ends = [graph.constant(f"{top}/cut{i}", np.array(part, np.int64)) for i, part in enumerate(parts)]
            x = graph.node("Slice", [x, *ends], f"{top}/inner")
        before = graph.node("Shape", [x], f"{top}/before", start=0, end=2)
        if self.fixed:
            sides = graph.constant(f"{top}/sides", np.array(self.fixed, np.int64))
        else:
            sides = graph.node("Shape", [x if self.by_factor else bottoms[1]], f"{top}/given", start=2)
        if self.by_factor:
            for name, operation, by in (
                ("last", "Sub", 1),
                ("shrunk", "Div", self.shrink),
                ("zoomed", "Mul", self.zoom),
                ("many", "Add", 1),
            ):
                number = graph.constant(f"{top}/{name}/by", np.array(by, np.int64))
                sides = graph.node(operation, [sides, number], f"{top}/{name}")
        whole = graph.node("Concat", [before, sides], f"{top}/whole", axis=0)
        mode = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
        graph.node("Resize", [x, "", "", whole], top, **mode)

    def compute(self, bottoms, weights):
        x, (first, last) = bottoms[0].float(), self.cut
        inner = x[:, :, first : x.shape[2] - last, first : x.shape[3] - last]
        return [F.interpolate(inner, size=self.size, mode="bilinear", align_corners=True)]
