"""Layers that say how good scores are, or which are best; nothing is propagated through them."""

import math

import torch

from cellseg.engine.torch.layers.base import Layer, shown
from cellseg.engine.torch.layers.classes import places, read_labels


class Accuracy(Layer):
    """The share of places whose label is among the `top_k` best scores; a second top gives it for each class.

    A label is among them if fewer than `top_k` other classes have a score as high or higher.
    """

    BOTTOMS = (2, 2)
    TOPS = (1, 2)
    NO_GRADIENT = (0, 1)

    def backward(self, top_gradients):
        return [None, None], []

    def reshape(self, bottom_shapes):
        p = self.parameter.accuracy_param
        scores, labels = bottom_shapes
        self.along = self.axis(p.axis, scores)
        self.classes = scores[self.along]
        if p.top_k > self.classes:
            self.fail(f"top_k {p.top_k} is more than the {self.classes} classes of {shown(scores)}")
        _, _, self.places = places(self, scores, labels, self.along)
        return [(), (self.classes,)][: len(self.parameter.top)]

    def compute(self, bottoms, weights):
        p = self.parameter.accuracy_param
        scores, ignored = bottoms[0].float(), p.ignore_label if p.HasField("ignore_label") else None
        labels, counted, spoilt = read_labels(self, bottoms[1], self.places, self.classes, ignored)
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

    def compute(self, bottoms, weights):
        p, x = self.parameter.argmax_param, bottoms[0].float()
        x = x.reshape(x.shape[0], -1) if self.along is None else x.movedim(self.along, -1)
        values, backward = torch.sort(x.flip(-1), dim=-1, descending=True, stable=True)
        values, found = values[..., : p.top_k], (x.shape[-1] - 1 - backward[..., : p.top_k]).float()
        if self.along is not None:
            return [(values if p.out_max_val else found).movedim(-1, self.along)]
        top = torch.stack([found, values], 1) if p.out_max_val else found[:, None]
        return [top.reshape(*top.shape, *[1] * (bottoms[0].dim() - 3))]


TYPES = {"Accuracy": Accuracy, "ArgMax": ArgMax}
