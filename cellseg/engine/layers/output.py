"""Layers that say how good scores are, or which are best; nothing is propagated through them."""

import math

import numpy as np

from cellseg.engine.later import torch
from cellseg.engine.layers.base import Layer, shown
from cellseg.engine.layers.classes import places, read_labels


class Accuracy(Layer):
    """The share of places whose label is among the `top_k` best scores; a second top gives it for each class.

    A label is among them if fewer than `top_k` other classes have a score as high or higher.
    """

    BOTTOMS = (2, 2)
    TOPS = (1, 2)
    NO_GRADIENT = (0, 1)
    SCORES = True

    def backward(self, top_gradients):
        return [None, None], []

    def reshape(self, bottom_shapes):
        p = self.parameter.accuracy_param
        scores, labels = bottom_shapes
        self.along = self.axis(p.axis, scores)
        self.classes = scores[self.along]
        self.ignored = p.ignore_label if p.HasField("ignore_label") else None
        if p.top_k > self.classes:
            self.fail(f"top_k {p.top_k} is more than the {self.classes} classes of {shown(scores)}")
        _, _, self.places = places(self, scores, labels, self.along)
        return [(), (self.classes,)][: len(self.parameter.top)]

    def compute(self, bottoms, weights):
        p = self.parameter.accuracy_param
        scores = bottoms[0].float()
        labels, counted, spoilt = read_labels(self, bottoms[1], self.places, self.classes, self.ignored)
        scores = scores.movedim(self.along, -1)
        others = (scores >= scores.gather(-1, labels.unsqueeze(-1))).sum(-1) - 1
        right, among = others < p.top_k, torch.ones_like(labels, dtype=torch.bool) if counted is None else counted
        tops = [_share((right & among).sum(), among.sum())]
        if len(self.parameter.top) > 1:
            sums = (labels[..., None] == torch.arange(self.classes, device=labels.device)) & among[..., None]
            every = tuple(range(labels.dim()))
            tops.append(_share((sums & right[..., None]).sum(every), sums.sum(every)))
        return tops if spoilt is None else [top + spoilt for top in tops]


def _share(part, whole):
    """Part by whole, 0 where there is nothing."""
    return part.float() / whole.clamp(min=1)


class ArgMax(Layer):
    """Which scores are best, along an axis or of each item of the batch; of equal ones the later class is better."""

    NO_GRADIENT = (0,)
    MAY_BE_IN_PLACE = False

    def backward(self, top_gradients):
        return [None], []

    def reshape(self, bottom_shapes):
        p, (shape,) = self.parameter.argmax_param, bottom_shapes
        if not shape:
            self.fail("takes a bottom with an axis, not a scalar")
        if p.top_k < 1:
            self.fail("top_k must be 1 or more")
        self.along = self.axis(p.axis, shape) if p.HasField("axis") else None
        many = shape[self.along] if p.HasField("axis") else math.prod(shape[1:])
        if p.top_k > many:
            self.fail(f"top_k {p.top_k} is more than the {many} scores of {shown(shape)}")
        if self.along is not None:
            return [(*shape[: self.along], p.top_k, *shape[self.along + 1 :])]
        return [(shape[0], 1 + p.out_max_val, p.top_k, *[1] * (len(shape) - 3))]

    def whole(self, axis):
        return self.along in (None, axis)

    def onnx(self, graph, bottoms, tops):
        """TopK takes the earlier of equal scores, so it gets them in reverse."""
        p, (x,), (top,) = self.parameter.argmax_param, bottoms, tops
        rank, along = graph.rank(x), self.along
        if along is None:
            x, along = graph.reshaped(x, [(0, 1), -1]), 1
        reverse = {"start": -1, "end": np.iinfo(np.int64).min, "axis": along, "step": -1}
        ends = [graph.constant(f"{top}/{name}", np.array([value], np.int64)) for name, value in reverse.items()]
        back = graph.node("Slice", [x, *ends], f"{top}/reverse")
        values, found = f"{top}/values", f"{top}/found"
        many = graph.constant(f"{top}/many", np.array([p.top_k], np.int64))
        graph.node("TopK", [back, many], [values, found], axis=along)
        length = graph.node("Shape", [x], f"{top}/length", start=along, end=along + 1)
        last = graph.node("Sub", [length, graph.constant(f"{top}/1", np.array([1], np.int64))], f"{top}/last")
        found = graph.node("Cast", [graph.node("Sub", [last, found], f"{top}/place")], f"{top}/class", to=graph.FLOAT)
        if self.along is not None:
            graph.node("Identity", [values if p.out_max_val else found], top)
        else:
            both = [graph.reshaped(part, [(0, 1), 1, p.top_k]) for part in [found, values][: 1 + p.out_max_val]]
            joined = graph.node("Concat", both, f"{top}/both", axis=1)
            graph.reshaped(joined, [(0, 3), *[1] * (rank - 3)], top)

    def compute(self, bottoms, weights):
        p, x = self.parameter.argmax_param, bottoms[0].float()
        x = x.reshape(x.shape[0], -1) if self.along is None else x.movedim(self.along, -1)
        values, backward = torch.sort(x.flip(-1), dim=-1, descending=True, stable=True)
        values, found = values[..., : p.top_k], (x.shape[-1] - 1 - backward[..., : p.top_k]).float()
        if self.along is not None:
            return [(values if p.out_max_val else found).movedim(-1, self.along)]
        top = torch.stack([found, values], 1) if p.out_max_val else found[:, None]
        return [top.reshape(*top.shape, *[1] * (bottoms[0].dim() - 3))]
