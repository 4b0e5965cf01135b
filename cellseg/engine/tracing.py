"""Following a net layer by layer, without running it: shapes, resolution, parameters, and who depends on whom."""

import math
from fractions import Fraction
from typing import NamedTuple

from cellseg.engine.caffe_schema import LayerParameter
from cellseg.engine.fork_schema import net_class
from cellseg.engine.graph import included
from cellseg.engine.layers import make
from cellseg.engine.layers.base import Layer
from cellseg.engine.layers.python import refuse_code
from cellseg.engine.prototxt import parse
from cellseg.errors import CellsegError
from cellseg.network.prototxt import to_text

_TEST = 1
#: Side of the images where the net does not tell.
_SIDE = 256


class Step(NamedTuple):
    """What one layer gives.

    Attributes
    ----------
    layer : Layer
        Shaped for these bottoms.
    bottoms : tuple of str
        Those whose values count; not the one that only gives a Crop its size.
    tops : tuple of str
        A top is equal to its bottom for a layer that works in place.
    sources : tuple of (int, int)
        For each bottom of the layer: the number of the step that made it, and of the top there; (-1, 0) for an image.
    top_shapes : tuple of tuple of int
    strides : (Fraction, Fraction)
        Distance in image pixels of neighbouring rows and of neighbouring columns of the tops.
    """

    layer: Layer
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    sources: tuple[tuple[int, int], ...]
    top_shapes: tuple[tuple[int, ...], ...]
    strides: tuple[Fraction, Fraction]

    name = property(lambda self: self.layer.name, doc="str: the layer's name.")
    kind = property(lambda self: self.layer.type, doc="str: the layer's type.")
    top = property(lambda self: self.tops[0], doc="str: its first top.")
    stride = property(lambda self: max(self.strides), doc="Fraction: the larger of `strides`.")
    shapes = property(lambda self: tuple(self.layer.shapes), doc="tuple of tuple of int: of its parameters.")

    @property
    def channels(self):
        """int: of its first top."""
        return self.top_shapes[0][1] if len(self.top_shapes[0]) > 1 else 1

    @property
    def kernel(self):
        """int or None: the larger side of its window."""
        return max(self.layer.kernel) if self.layer.kernel else None

    @property
    def trainable(self):
        """int: numbers in its parameters that are learnt."""
        rates = [spec.lr_mult for spec in self.layer.parameter.param]
        rates += [1] * (len(self.shapes) - len(rates))
        return sum(math.prod(shape) for shape, rate in zip(self.shapes, rates) if rate)


def trace(layers, channels=1) -> list[Step]:
    """Follow a net from its images on, as it runs in testing.

    The images are the tops of Input layers, the first top of another layer without a bottom, or the blob ``data``.

    Parameters
    ----------
    layers : sequence of (LayerParameter or dict)
        As read from a prototxt, or as `cellseg.network` makes them. Losses and accuracies are passed over, and so is
        what has no top.
    channels : int
        Of the images, where no Input layer tells.

    Returns
    -------
    list of Step

    Raises
    ------
    CellsegError
        If a layer is of an unknown type, comes before its bottom, or does not fit its bottoms.
    """
    parameters = [_parsed(layer) if isinstance(layer, dict) else layer for layer in layers]
    net = net_class(parameters)()
    net.layer.extend(parameters)
    known = {"data": (-1, 0, (1, channels, _SIDE, _SIDE), (Fraction(1), Fraction(1)))}
    steps = []
    within = included(net, _TEST)
    refuse_code(within.layer, "this net")
    for parameter in within.layer:
        layer = make(parameter, _TEST)
        if not parameter.bottom:
            known.update(_images(layer, channels))
        if not parameter.bottom or layer.SCORES or layer.TOPS == (0, 0):
            continue
        missing = [name for name in parameter.bottom if name not in known]
        if missing:
            raise CellsegError(f"layer '{layer.name}': nothing before it gives its bottom '{missing[0]}'")
        made = step(layer, [known[name] for name in parameter.bottom])
        found = enumerate(zip(made.tops, made.top_shapes))
        known.update({name: (len(steps), number, shape, made.strides) for number, (name, shape) in found})
        steps.append(made)
    return steps


def step(layer, before):
    """Shape a layer.

    Parameters
    ----------
    layer : Layer
    before : list of (int, int, tuple of int, (Fraction, Fraction))
        For each bottom: the number of the step that made it, and of the top there; its shape and strides.

    Returns
    -------
    Step
    """
    layer.check_numbers()
    shapes = [shape for _, _, shape, _ in before]
    layer.setup(shapes)
    top_shapes = tuple(map(tuple, layer.reshape(shapes)))
    seen = [layer.sees(2, 0, 0, top) for top in range(len(top_shapes))]
    used = [number for number in range(len(before)) if any(ranges[number] for ranges in seen)]
    strides = tuple(side * by for side, by in zip(before[used[0]][3], layer.stride))
    bottoms, sources = layer.parameter.bottom, tuple(one[:2] for one in before)
    used = tuple(bottoms[number] for number in used)
    return Step(layer, used, tuple(layer.parameter.top), sources, top_shapes, strides)


def _parsed(layer):
    return parse(to_text(layer), LayerParameter, f"layer {layer.get('name')}")


def _images(layer, channels):
    """The tops of a layer without a bottom, as blobs of images."""
    tops, shapes = list(layer.parameter.top), []
    if layer.type in ("Input", "DummyData"):
        layer.setup([])
        shapes = layer.reshape([])
    shapes = shapes or [(1, channels, _SIDE, _SIDE)]
    return {top: (-1, 0, tuple(shape), (Fraction(1), Fraction(1))) for top, shape in zip(tops, shapes)}
