"""SegNet's fork: BN whose statistics a script moves into its factors, and Upsample by the places of the maxima.

Its data layer is in `segnet_data`.
"""

from fractions import Fraction

import numpy as np

from cellseg.engine.later import torch
from cellseg.engine.layers.base import Layer, shown
from cellseg.engine.layers.forks.per_channel import _PerChannel, normalised
from cellseg.engine.layers.forks.segnet_data import DenseImageData

__all__ = ["ABOUT", "BN", "FIELDS", "DenseImageData", "Upsample"]

ABOUT = "SegNet, ENet"
FIELDS = """
LayerParameter
    BNParameter bn_param
    UpsampleParameter upsample_param
    DenseImageDataParameter dense_image_data_param

BNParameter
    enum BNMode LEARN=0 INFERENCE=1
    FillerParameter scale_filler
    FillerParameter shift_filler
    BNMode bn_mode = LEARN

UpsampleParameter
    uint32 scale = 2
    uint32 scale_h
    uint32 scale_w
    bool pad_out_h = false
    bool pad_out_w = false
    uint32 upsample_h
    uint32 upsample_w

DenseImageDataParameter
    string source
    uint32 batch_size = 1
    uint32 rand_skip = 0
    bool shuffle = false
    uint32 new_height = 0
    uint32 new_width = 0
    bool is_color = true
    string root_folder
"""

_LEARN = 0  # BNParameter.BNMode
_EPS = 1e-9


class BN(_PerChannel):
    """Each channel times a factor plus a shift, brought to mean 0 and variance 1 before, unless the mode is INFERENCE.

    In the mode LEARN mean and variance are always the batch's, in testing too; the second and third top give them.
    """

    TOPS = (1, 3)

    def setup(self, bottom_shapes):
        p = self.parameter.bn_param
        self.add_channels(bottom_shapes[0], p.scale_filler, p.shift_filler)
        self.by_batch = p.bn_mode == _LEARN
        if not self.by_batch and len(self.parameter.top) > 1:
            self.fail("gives mean and variance in the mode LEARN only")

    def reshape(self, bottom_shapes):
        statistics = [(1, self.channels, 1, 1)] * (len(self.parameter.top) - 1)
        return super().reshape(bottom_shapes) + statistics

    def whole(self, axis):
        return self.by_batch

    def onnx(self, graph, bottoms, tops):
        if self.by_batch:
            graph.fail(self, "takes mean and variance of each batch; only bn_mode: INFERENCE is converted")
        sides = [1] * (graph.rank(bottoms[0]) - 2)
        scale, shift = (
            graph.constant(f"{self.name}.{name}", array.reshape(-1, *sides))
            for name, array in zip(("scale", "shift"), graph.weights(self, "scale", "shift"))
        )
        graph.node("Add", [graph.node("Mul", [*bottoms, scale], f"{tops[0]}/scaled"), shift], tops[0])

    def compute(self, bottoms, weights):
        x = bottoms[0].float()
        if self.by_batch:
            top, *statistics = normalised(x, None, None, _EPS, *weights)
            found = [one.reshape(1, -1, 1, 1) for one in statistics]
            return [top, *found][: len(self.parameter.top)]
        scale, shift = (w.reshape(-1, *[1] * (x.dim() - 2)) for w in weights)
        return [x * scale + shift]


class Upsample(Layer):
    """Zeros, but for the values of the first bottom at the places that the second, the mask of a Pooling, names.

    Of values with one place the last counts; all get the gradient there.
    """

    BOTTOMS = (2, 2)
    NO_GRADIENT = (1,)
    MAY_BE_IN_PLACE = BACKWARD_NEEDS_TOPS = False

    def setup(self, bottom_shapes):
        p = self.parameter.upsample_param
        one_side = [name for name in ("upsample", "scale") if p.HasField(f"{name}_h") != p.HasField(f"{name}_w")]
        if one_side or (p.HasField("scale") and p.HasField("scale_h")):
            self.fail("give upsample_h and upsample_w, or scale, or scale_h and scale_w")
        self.fixed = (p.upsample_h, p.upsample_w) if p.HasField("upsample_h") else None
        self.scale = (p.scale_h, p.scale_w) if p.HasField("scale_h") else (p.scale, p.scale)
        self.cut = (int(p.pad_out_h), int(p.pad_out_w))
        if min(self.fixed or self.scale) < 2:
            self.fail("scale and size must be 2 or more")
        if not self.fixed and any(cut and scale != 2 for cut, scale in zip(self.cut, self.scale)):
            self.fail("pad_out_h and pad_out_w go with a scale of 2 only")

    def reshape(self, bottom_shapes):
        shape, mask = bottom_shapes
        if len(shape) != 4 or shape != mask:
            self.fail(f"takes images and a mask of their shape, not {shown(shape)} and {shown(mask)}")
        self.size = self.fixed or tuple(s * by - cut for s, by, cut in zip(shape[2:], self.scale, self.cut))
        self.stride = tuple(Fraction(before, after) for before, after in zip(shape[2:], self.size))
        return [(*shape[:2], *self.size)]

    def onnx(self, graph, bottoms, tops):
        (x, mask), (top,) = bottoms, tops
        before = graph.node("Shape", [x], f"{top}/before", start=0, end=2)
        if self.fixed:
            sides = graph.constant(f"{top}/sides", np.array(self.fixed, np.int64))
        else:
            sides = graph.node("Shape", [x], f"{top}/small", start=2)
            for name, operation, values in (("scale", "Mul", self.scale), ("cut", "Sub", self.cut)):
                by = graph.constant(f"{top}/{name}/by", np.array(values, np.int64))
                sides = graph.node(operation, [sides, by], f"{top}/{name}")
        area = graph.node("ReduceProd", [sides], f"{top}/area", keepdims=1)
        flat = graph.node("Concat", [before, area], f"{top}/flat", axis=0)
        nothing = graph.node("Expand", [graph.number(f"{top}/0", 0), flat], f"{top}/zeros")
        places = graph.node("Cast", [graph.reshaped(mask, [(0, 2), -1])], f"{top}/places", to=graph.INT64)
        values = graph.reshaped(x, [(0, 2), -1])
        spread = graph.node("ScatterElements", [nothing, places, values], f"{top}/spread", axis=2)
        graph.node("Reshape", [spread, graph.node("Concat", [before, sides], f"{top}/shape", axis=0)], top)

    def compute(self, bottoms, weights):
        x, places = bottoms[0], bottoms[1].flatten(2).long()
        least, most = (int(value) for value in torch.aminmax(places)) if places.numel() else (0, 0)
        area = self.size[0] * self.size[1]
        if not 0 <= least <= most < area:
            self.fail(f"its mask names the places {least} to {most}, but its top is {shown(self.size)}; check its size")
        spread = x.new_zeros(*x.shape[:2], area).scatter(2, places, x.flatten(2))
        return [spread.reshape(*x.shape[:2], *self.size)]
