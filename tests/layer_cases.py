"""Random layers for tests over all types: for each type a function that draws what Caffe accepts."""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

#: Types that have tests of their own, since they read files or arrays or run code.
SOURCES = {"Input", "DummyData", "HDF5Data", "Data", "ImageData", "MemoryData", "Python"}
CASES = {}
FILLER = '{ type: "gaussian" mean: 0.5 std: 0.7 }'


@dataclass
class Case:
    """A layer to try.

    Attributes
    ----------
    fields : str
        Of its prototxt, beside name, type, bottoms and tops.
    shapes : dict of str to tuple of int
        Of its bottoms; ``x`` is the first.
    tops : int
    values : dict of str to function (rng, shape) -> ndarray
        For bottoms whose values are not just any numbers.
    params : list of function (rng, shape) -> ndarray
        The same for parameters; none: as filled.
    phase : int
    backward : bool
        Whether Caffe has a backward pass here.
    in_place : bool
        Whether the layer can work on its bottom: then it may be drawn to, behind a Convolution.
    forced : bool
        Whether ``force_backward`` works; else a Scale in front makes the backward pass reach the layer.
    """

    fields: str = ""
    shapes: dict = field(default_factory=dict)
    tops: int = 1
    values: dict = field(default_factory=dict)
    params: list = ()
    phase: int = 0
    backward: bool = True
    in_place: bool = False
    forced: bool = True


def net_around(kind, case, shapes=None):
    """The prototxt of Input layers and a layer, called "layer", whose tops are "top0", "top1" and so on."""
    lines = []
    for name, shape in (shapes or case.shapes).items():
        dims = " ".join(f"dim: {side}" for side in shape)
        lines.append(f'layer {{ name: "in {name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims} }} }} }}')
    names = [f'bottom: "{name}"' for name in case.shapes] + [f'top: "top{i}"' for i in range(case.tops)]
    lines.append(f'layer {{ name: "layer" type: "{kind}" {" ".join(names)} {case.fields} }}')
    return "\n".join(lines)


class Draw:
    """Hypothesis' draws in short words."""

    def __init__(self, data):
        self._data = data

    def number(self, least, most):
        return self._data.draw(st.integers(least, most))

    def real(self, least, most):
        return round(self._data.draw(st.floats(least, most)), 3)

    def pick(self, *values):
        return self._data.draw(st.sampled_from(values))

    def flag(self):
        return self._data.draw(st.booleans())

    def shape(self, least=1, most=4):
        return tuple(self.number(1, 5) for _ in range(self.number(least, most)))

    def image(self, least=1, most=9):
        return self.number(1, 3), self.number(1, 4), self.number(least, most), self.number(least, most)

    def axis(self, shape):
        """An axis from 0, and how to write it: from 0 or from the end."""
        axis = self.number(0, len(shape) - 1)
        return axis, self.pick(axis, axis - len(shape))


def case(name):
    """Make the function that follows the one that draws layers of a type."""

    def take(function):
        CASES[name] = function
        return function

    return take


def plain(rng, shape):
    """Numbers around one, so that sums of many do not cancel."""
    return rng.standard_normal(shape) + 0.5


def positive(rng, shape):
    return rng.uniform(0.1, 3, shape)


def few(rng, shape):
    """Small whole numbers: many are equal."""
    return rng.integers(-2, 3, shape)


def labels(classes, ignored=None):
    """Labels with fractions, which Caffe cuts off; some are `ignored`."""

    def make(rng, shape):
        values = rng.integers(0, classes, shape) + rng.uniform(0, 0.9, shape)
        return values if ignored is None else np.where(rng.uniform(size=shape) < 0.3, ignored, values)

    return make


def _pair(draw, name, values):
    """A field that is given once, or for height and width."""
    if values[0] == values[1] and draw.flag():
        return f"{name}{'_size' if name == 'kernel' else ''}: {values[0]} "
    return f"{name}_h: {values[0]} {name}_w: {values[1]} "


@case("Pooling")
def _pooling(draw):
    pool = draw.pick("MAX", "AVE")
    values = {"x": few} if draw.flag() else {}
    tops = draw.number(1, 2) if pool == "MAX" else 1
    if draw.number(0, 5) == 0:
        fields = f"pooling_param {{ pool: {pool} global_pooling: true }}"
        return Case(fields, {"x": draw.image()}, tops, values)
    kernel = draw.number(1, 5), draw.number(1, 5)
    stride = tuple(draw.number(1, side) for side in kernel)  # wider strides can leave windows without an image
    pad = tuple(draw.number(0, side - 1) for side in kernel)
    floor = draw.flag()
    least = [max(1, k - 2 * p - (0 if floor else s - 1)) for k, p, s in zip(kernel, pad, stride)]
    shape = (*draw.image()[:2], *(draw.number(side, side + 8) for side in least))
    fields = "".join(_pair(draw, *both) for both in (("kernel", kernel), ("stride", stride), ("pad", pad)))
    return Case(
        f"pooling_param {{ pool: {pool} {fields} {'round_mode: FLOOR' if floor else ''} }}", {"x": shape}, tops, values
    )


def _window(draw, transposed):
    group = draw.number(1, 2)
    channels, outputs = group * draw.number(1, 3), group * draw.number(1, 3)
    kernel = draw.number(1, 4), draw.number(1, 4)
    dilation = draw.number(1, 2)
    pad = tuple(draw.number(0, side - 1) for side in kernel)
    stride = draw.number(1, 3), draw.number(1, 3)
    reach = [dilation * (side - 1) + 1 for side in kernel]
    least = [
        max(1, -(-(2 * p + 1 - r) // s) + 1) if transposed else max(1, r - 2 * p) for r, p, s in zip(reach, pad, stride)
    ]
    fields = "".join(_pair(draw, *both) for both in (("kernel", kernel), ("stride", stride), ("pad", pad)))
    fields += f"dilation: {dilation} num_output: {outputs} group: {group} weight_filler {FILLER} "
    fields += f"bias_filler {FILLER}" if draw.flag() else "bias_term: false"
    shape = draw.number(1, 3), channels, *(draw.number(side, side + 6) for side in least)
    return Case(f"convolution_param {{ {fields} }}", {"x": shape})


@case("Convolution")
def _convolution(draw):
    return _window(draw, False)


@case("Deconvolution")
def _deconvolution(draw):
    return _window(draw, True)


@case("InnerProduct")
def _inner_product(draw):
    shape = draw.shape(2)
    axis, written = draw.axis(shape)
    fields = f"num_output: {draw.number(1, 5)} axis: {written} weight_filler {FILLER} "
    fields += draw.pick("", "transpose: true ") + draw.pick(f"bias_filler {FILLER}", "bias_term: false")
    return Case(f"inner_product_param {{ {fields} }}", {"x": shape})


@case("ReLU")
def _relu(draw):
    slope = draw.pick(0, -0.5, draw.real(0, 2))
    fields = f"relu_param {{ negative_slope: {slope} }}"
    # Below 0 Caffe's gradient in place is that of another function.
    return Case(fields, {"x": draw.shape()}, in_place=slope >= 0, values={"x": few} if draw.flag() else {})


@case("PReLU")
def _prelu(draw):
    fields = draw.pick("", "channel_shared: true ") + draw.pick("", f"filler {FILLER}")
    return Case(f"prelu_param {{ {fields} }}", {"x": draw.shape(2)}, in_place=True)


@case("ELU")
def _elu(draw):
    fields = draw.pick("", f"elu_param {{ alpha: {draw.real(0.1, 2)} }}")
    return Case(fields, {"x": draw.shape()}, in_place=True)


def _bare(name, in_place=True):
    @case(name)
    def _(draw):
        return Case("", {"x": draw.shape()}, in_place=in_place)


_bare("Sigmoid")
_bare("TanH")
_bare("AbsVal", in_place=False)
_bare("BNLL", in_place=False)


@case("Swish")
def _swish(draw):
    return Case(draw.pick("", f"swish_param {{ beta: {draw.real(0.1, 3)} }}"), {"x": draw.shape()})


@case("Clip")
def _clip(draw):
    least = draw.real(-1, 0.5)
    return Case(f"clip_param {{ min: {least} max: {least + draw.real(0, 1)} }}", {"x": draw.shape()})


@case("Threshold")
def _threshold(draw):
    values = {"x": few} if draw.flag() else {}
    fields = f"threshold_param {{ threshold: {draw.pick(0, 1, draw.real(-1, 1))} }}"
    return Case(fields, {"x": draw.shape()}, values=values, backward=False)


@case("Power")
def _power(draw):
    power = draw.pick(1, 2, 3, 0, 0.5, -1, draw.real(-2, 3))
    scale, shift = draw.pick(1, 0, draw.real(0.1, 2)), draw.pick(0, draw.real(0.1, 2))
    if not scale and not shift:
        shift = 1
    fields = f"power_param {{ power: {power} scale: {scale} shift: {shift} }}"
    return Case(fields, {"x": draw.shape()}, values={"x": positive})


def _base(draw):
    fields = draw.pick("", "base: -1 ", f"base: {draw.real(1.2, 4)} ", f"base: {draw.real(0.2, 0.8)} ")
    return fields + draw.pick("", f"scale: {draw.real(0.1, 2)} ") + draw.pick("", f"shift: {draw.real(0.1, 2)} ")


@case("Exp")
def _exp(draw):
    return Case(f"exp_param {{ {_base(draw)} }}", {"x": draw.shape()}, in_place=True)


@case("Log")
def _log(draw):
    return Case(f"log_param {{ {_base(draw)} }}", {"x": draw.shape()}, values={"x": positive})


@case("Dropout")
def _dropout(draw):
    fields = draw.pick("", f"dropout_param {{ dropout_ratio: {draw.real(0, 0.95)} }}")
    return Case(fields, {"x": draw.shape()}, phase=draw.number(0, 1), in_place=True)


@case("LRN")
def _lrn(draw):
    fields = f"local_size: {draw.pick(1, 3, 5, 7)} alpha: {draw.real(0.01, 2)} beta: {draw.real(0.1, 1.5)} "
    fields += draw.pick("", f"k: {draw.real(0.5, 3)} ") + draw.pick("", "norm_region: WITHIN_CHANNEL")
    shape = draw.number(1, 3), draw.number(1, 9), draw.number(1, 7), draw.number(1, 7)
    return Case(f"lrn_param {{ {fields} }}", {"x": shape})


@case("BatchNorm")
def _batch_norm(draw):
    shape = draw.pick(draw.image(3, 7), (draw.number(5, 9), draw.number(1, 4)), (3, 2, 2, 3, 2))
    fields = draw.pick("", f"use_global_stats: {draw.pick('true', 'false')} ")
    fields += draw.pick("", f"moving_average_fraction: {draw.real(0, 1)} ") + draw.pick("", "eps: 0.1")
    count = draw.pick(0, 1, draw.real(0.1, 900))
    params = [plain, positive, lambda rng, shape: np.full(shape, count)] if draw.flag() else []
    return Case(f"batch_norm_param {{ {fields} }}", {"x": shape}, params=params, phase=draw.number(0, 1), in_place=True)


@case("MVN")
def _mvn(draw):
    fields = draw.pick("", "normalize_variance: false ") + draw.pick("", "across_channels: true ")
    fields += draw.pick("", f"eps: {draw.real(0.001, 1)}")
    return Case(f"mvn_param {{ {fields} }}", {"x": draw.image(3, 7)})


def _scale_or_bias(draw, name, more):
    shape = draw.shape()
    first, written = draw.axis(shape)
    many = draw.number(0, len(shape) - first)
    if draw.flag():
        return Case(f"{name} {{ axis: {written} {more} }}", {"x": shape, "s": shape[first : first + many]})
    written = f"axis: {written} num_axes: {draw.pick(many, -1) if first + many == len(shape) else many} "
    fields = written + draw.pick("", f"filler {FILLER} ") + more
    return Case(f"{name} {{ {fields} }}", {"x": shape}, in_place=True)


@case("Scale")
def _scale(draw):
    return _scale_or_bias(
        draw, "scale_param", draw.pick("", "bias_term: true ", f"bias_term: true bias_filler {FILLER}")
    )


@case("Bias")
def _bias(draw):
    return _scale_or_bias(draw, "bias_param", "")


@case("Concat")
def _concat(draw):
    shape = draw.shape()
    axis, written = draw.axis(shape)
    field_name = draw.pick("axis", "concat_dim") if written >= 0 else "axis"
    shapes = {name: (*shape[:axis], draw.number(1, 4), *shape[axis + 1 :]) for name in "xabc"[: draw.number(1, 4)]}
    return Case(f"concat_param {{ {field_name}: {written} }}", shapes)


@case("Slice")
def _slice(draw):
    shape, many = draw.shape(), draw.number(1, 4)
    axis, written = draw.axis(shape)
    field_name = draw.pick("axis", "slice_dim") if written >= 0 else "axis"
    if draw.flag():
        lengths, points = [draw.number(1, 3)] * many, ""
    else:
        lengths = [draw.number(1, 3) for _ in range(many)]
        points = "".join(f"slice_point: {sum(lengths[:i])} " for i in range(1, many))
        lengths = lengths if points else [draw.number(1, 3)]
    shape = (*shape[:axis], sum(lengths), *shape[axis + 1 :])
    return Case(f"slice_param {{ {field_name}: {written} {points} }}", {"x": shape}, many)


@case("Split")
def _split(draw):
    return Case("", {"x": draw.shape()}, draw.number(1, 4))


@case("Crop")
def _crop(draw):
    like = draw.shape()
    axis, written = draw.axis(like)
    many = len(like) - axis
    kind = draw.pick("none", "one", "each")
    offsets = [draw.number(0, 3) for _ in range(many)]
    offsets = {"none": [], "one": offsets[:1], "each": offsets}[kind]
    taken = {"none": [0] * many, "one": offsets * many, "each": offsets}[kind]
    behind = [side + offset + draw.number(0, 3) for side, offset in zip(like[axis:], taken)]
    shape = (*(draw.number(1, 4) for _ in range(axis)), *behind)
    written_offsets = "".join(f"offset: {offset} " for offset in offsets)
    return Case(f"crop_param {{ axis: {written} {written_offsets} }}", {"x": shape, "like": like})


@case("Flatten")
def _flatten(draw):
    shape = draw.shape()
    first, written = draw.axis(shape)
    last = draw.number(max(0, first - 1), len(shape) - 1)
    end = draw.pick(last, last - len(shape))
    return Case(f"flatten_param {{ axis: {written} end_axis: {end} }}", {"x": shape})


@case("Reshape")
def _reshape(draw):
    shape = draw.shape()
    first = draw.number(0, len(shape))
    many = draw.number(0, len(shape) - first)
    part = shape[first : first + many]
    dims = draw.pick(part[::-1], part, (int(np.prod(part)),), (1, *part))
    dims = [
        0 if first + i < len(shape) and shape[first + i] == dim and draw.flag() else dim for i, dim in enumerate(dims)
    ]
    if dims and draw.flag():
        dims[draw.number(0, len(dims) - 1)] = -1
    num_axes = draw.pick(many, -1) if first + many == len(shape) else many
    axis = draw.pick(first, first - len(shape) - 1)
    dims = "".join(f"dim: {dim} " for dim in dims)
    return Case(f"reshape_param {{ shape {{ {dims} }} axis: {axis} num_axes: {num_axes} }}", {"x": shape})


@case("Tile")
def _tile(draw):
    shape = draw.shape()
    return Case(f"tile_param {{ axis: {draw.axis(shape)[1]} tiles: {draw.number(1, 4)} }}", {"x": shape})


@case("Silence")
def _silence(draw):
    return Case("", {name: draw.shape() for name in "xab"[: draw.number(1, 3)]}, tops=0)


@case("Eltwise")
def _eltwise(draw):
    shape, names = draw.shape(), "xabc"[: draw.number(2, 4)]
    fields = f"operation: {draw.pick('PROD', 'SUM', 'MAX')} "
    if "SUM" in fields:
        fields += draw.pick("", "".join(f"coeff: {draw.pick(1, draw.real(-2, 2))} " for _ in names))
    values = few if "MAX" in fields and draw.flag() else plain
    return Case(f"eltwise_param {{ {fields} }}", dict.fromkeys(names, shape), values=dict.fromkeys(names, values))


@case("Reduction")
def _reduction(draw):
    shape = draw.shape()
    fields = f"operation: {draw.pick('SUM', 'ASUM', 'SUMSQ', 'MEAN')} axis: {draw.axis(shape)[1]} "
    return Case(f"reduction_param {{ {fields} coeff: {draw.real(0.1, 3)} }}", {"x": shape})


@case("Softmax")
def _softmax(draw):
    shape = draw.shape()
    return Case(f"softmax_param {{ axis: {draw.axis(shape)[1]} }}", {"x": shape})


def _loss_param(draw, legacy=True):
    ignored = draw.pick(None, 0, 1, 255, -1)
    fields = draw.pick("", f"normalization: {draw.pick('FULL', 'VALID', 'BATCH_SIZE', 'NONE')} ")
    fields += draw.pick("", f"normalize: {draw.pick('true', 'false')} ") if legacy else ""
    fields += "" if ignored is None else f"ignore_label: {ignored} "
    return f"loss_param {{ {fields} }} ", ignored


def _classes(draw):
    """Scores and labels along some axis behind the first; the classes, and how to write the axis."""
    shape, classes = draw.shape(2), draw.pick(2, 2, 3, 5)
    axis = draw.number(1, len(shape) - 1)
    beside = (*shape[:axis], *shape[axis + 1 :])
    shape = (*shape[:axis], classes, *shape[axis + 1 :])
    label_shape = draw.pick(beside, (*shape[:axis], 1, *shape[axis + 1 :]))
    return {"x": shape, "label": label_shape}, classes, draw.pick(axis, axis - len(shape))


def _scores(draw):
    """Scores, some very sure; not those of the first item, so that not all gradients are rounding errors of 1 - p."""
    spread = draw.pick(1, 1, 100)

    def make(rng, shape):
        values = rng.standard_normal(shape)
        values[1:] *= spread
        return values

    return make


@case("SoftmaxWithLoss")
def _softmax_with_loss(draw):
    shapes, classes, axis = _classes(draw)
    fields, ignored = _loss_param(draw)
    tops = draw.number(0, 1)  # Caffe refuses the second one, whatever the loss weights
    fields += f"softmax_param {{ axis: {axis} }} " + (f"loss_weight: {draw.real(0.1, 9)}" if tops else "")
    return Case(fields, shapes, tops, {"x": _scores(draw), "label": labels(classes, ignored)})


@case("InfogainLoss")
def _infogain_loss(draw):
    shapes, classes, axis = _classes(draw)
    fields, ignored = _loss_param(draw, legacy=False)
    tops = draw.number(0, 2)
    fields += f"infogain_loss_param {{ axis: {axis} }} "
    fields += "".join(f"loss_weight: {weight} " for weight in (draw.real(0.1, 9), 0)[:tops])
    shapes["H"] = draw.pick((classes, classes), (1, 1, classes, classes))
    return Case(fields, shapes, tops, {"x": _scores(draw), "label": labels(classes, ignored)}, forced=False)


@case("SigmoidCrossEntropyLoss")
def _sigmoid_cross_entropy_loss(draw):
    shape = draw.shape()
    fields, ignored = _loss_param(draw)
    shapes = {"x": shape, "label": draw.pick(shape, (shape[0], int(np.prod(shape[1:]))))}
    return Case(fields, shapes, draw.number(0, 1), {"x": _scores(draw), "label": labels(1, ignored)})


@case("EuclideanLoss")
def _euclidean_loss(draw):
    shape = draw.shape()
    shapes = {"x": shape, "a": draw.pick(shape, (shape[0], int(np.prod(shape[1:]))))}
    return Case(f"loss_weight: {draw.real(0.1, 9)}", shapes)


@case("HingeLoss")
def _hinge_loss(draw):
    shape = draw.shape(2)
    fields = (
        draw.pick("", f"hinge_loss_param {{ norm: {draw.pick('L1', 'L2')} }} ") + f"loss_weight: {draw.real(0.1, 9)}"
    )
    values = {"x": draw.pick(plain, few), "label": labels(int(np.prod(shape[1:])))}
    return Case(fields, {"x": shape, "label": shape[:1]}, values=values)


@case("MultinomialLogisticLoss")
def _multinomial_logistic_loss(draw):
    shape = draw.shape(2)
    values = {"x": draw.pick(positive, lambda rng, shape: np.zeros(shape)), "label": labels(int(np.prod(shape[1:])))}
    return Case(f"loss_weight: {draw.real(0.1, 9)}", {"x": shape, "label": shape[:1]}, values=values)


@case("ContrastiveLoss")
def _contrastive_loss(draw):
    shape = draw.number(1, 5), draw.number(1, 4), *draw.pick((), (1, 1))
    fields = draw.pick("", "legacy_version: true ") + draw.pick("", f"margin: {draw.real(0.1, 4)}")
    values = {"similar": labels(2), "a": draw.pick(plain, lambda rng, shape: np.ones(shape))}
    values["x"] = values["a"]
    return Case(f"contrastive_loss_param {{ {fields} }}", {"x": shape, "a": shape, "similar": shape[:1]}, values=values)


@case("Accuracy")
def _accuracy(draw):
    shapes, classes, axis = _classes(draw)
    ignored = draw.pick(None, 0, 1, 255)
    fields = f"axis: {axis} top_k: {draw.number(1, classes)} " + ("" if ignored is None else f"ignore_label: {ignored}")
    values = {"x": draw.pick(plain, few), "label": labels(classes, ignored)}
    return Case(f"accuracy_param {{ {fields} }}", shapes, draw.number(1, 2), values, backward=False)


@case("ArgMax")
def _arg_max(draw):
    shape = draw.shape()
    axis, written = draw.axis(shape)
    by_axis = draw.flag()
    most = shape[axis] if by_axis else int(np.prod(shape[1:]))
    fields = f"top_k: {draw.number(1, most)} " + draw.pick("", "out_max_val: true ")
    fields += f"axis: {written}" if by_axis else ""
    values = {"x": draw.pick(plain, few)}
    return Case(f"argmax_param {{ {fields} }}", {"x": shape}, values=values, backward=False)
