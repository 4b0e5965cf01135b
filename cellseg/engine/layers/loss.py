"""Softmax and the losses."""

import math

import numpy as np
from google.protobuf.message import DecodeError

from cellseg.engine.caffe_schema import MESSAGES
from cellseg.engine.later import context, later, torch
from cellseg.engine.later import functional as F
from cellseg.engine.layers.base import Layer, shown
from cellseg.engine.layers.classes import places, read_labels

_gradients = later("cellseg.engine.torch.gradients")

_FULL, _VALID, _BATCH_SIZE, _NONE = 0, 1, 2, 3  # LossParameter.NormalizationMode
_L2 = 2  # HingeLossParameter.Norm
_TINY = float(np.finfo(np.float32).tiny)
_LEAST_PROBABILITY = 1e-20


class Softmax(Layer):
    """Probabilities from scores, along an axis."""

    def reshape(self, bottom_shapes):
        self.along = self.axis(self.parameter.softmax_param.axis, bottom_shapes[0])
        return list(bottom_shapes)

    def whole(self, axis):
        return axis == self.along

    def onnx(self, graph, bottoms, tops):
        graph.node("Softmax", bottoms, tops[0], axis=self.along)

    def compute(self, bottoms, weights):
        return [torch.softmax(bottoms[0].float(), self.along)]


class _Loss(Layer):
    """A layer that makes one number of predictions and labels.

    `backward` gets the loss weight as the gradient of that number.
    """

    BOTTOMS = (2, 2)
    LOSS = SCORES = True
    NO_GRADIENT = (1,)

    def reshape(self, bottom_shapes):
        first, second = bottom_shapes[:2]
        if first[:1] != second[:1] or not first:
            self.fail(f"predictions {shown(first)} and labels {shown(second)} differ in axis 0")
        return [()]


class _Normalised(_Loss):
    """A loss that is divided by a number which `loss_param` chooses, and which can ignore a label."""

    MODE = _VALID

    def setup(self, bottom_shapes):
        p = self.parameter.loss_param
        self.ignored = p.ignore_label if p.HasField("ignore_label") else None
        if p.HasField("normalization"):
            self.mode = p.normalization
        elif p.HasField("normalize"):
            self.mode = _VALID if p.normalize else _BATCH_SIZE
        else:
            self.mode = self.MODE

    def _divisor(self, counted):
        """What to divide by: a number, or a tensor where it depends on the labels; 1 at least."""
        if self.mode == _VALID and counted is not None:
            return counted.sum(dtype=torch.float32).clamp(min=1)
        every = self.outer * self.inner
        return max(1, {_FULL: every, _VALID: every, _BATCH_SIZE: self.outer, _NONE: 1}[self.mode])


class _Classifying(_Normalised):
    """A loss of class scores along an axis, with a label for each place; a second top gives the probabilities."""

    TOPS = (1, 2)
    PARAMETER = ""

    def reshape(self, bottom_shapes):
        tops = super().reshape(bottom_shapes)
        scores, labels = bottom_shapes[:2]
        self.along = self.axis(getattr(self.parameter, self.PARAMETER).axis, scores)
        self.outer, self.inner, self.places = places(self, scores, labels, self.along)
        self.classes = scores[self.along]
        return [*tops, scores][: max(1, len(self.parameter.top))]

    def forward(self, bottoms, weights, down, learn):
        scores = bottoms[0].float()
        labels, counted, spoilt = read_labels(self, bottoms[1], self.places, self.classes, self.ignored)
        losses, self._graph = self._losses(scores, labels, bottoms)
        divisor = self._divisor(counted)
        self._factors = divisor, counted, spoilt
        if not down[0]:
            self._graph = None
        loss = (losses if counted is None else losses.where(counted, 0)).sum() / divisor
        if spoilt is not None:
            loss = loss + spoilt
        return [loss, torch.softmax(scores, self.along)] if len(self.parameter.top) > 1 else [loss]

    def backward(self, top_gradients):
        if self._graph is None:
            self.fail("cannot run backward before it has run forward")
        nothing = [None] * (len(self.parameter.bottom) - 1)
        if top_gradients[0] is None:
            return [None, *nothing], []
        divisor, counted, spoilt = self._factors
        factor = top_gradients[0].float() / divisor
        if counted is not None:
            factor = factor * counted
        if spoilt is not None:
            factor = factor + spoilt
        return [self._gradient(factor, *self._graph), *nothing], []

    def _losses(self, scores, labels, bottoms):
        """The loss at each place, and what `_gradient` needs."""
        raise NotImplementedError

    def _gradient(self, factor, *graph):
        """The gradient of the scores, times a factor that is one number or one a place."""
        raise NotImplementedError

    def _spread(self, factor):
        return factor.unsqueeze(self.along) if factor.dim() else factor


class SoftmaxWithLoss(_Classifying):
    """The mean of ``-log p`` of the labels, with p by softmax."""

    PARAMETER = "softmax_param"

    def _losses(self, scores, labels, bottoms):
        if self.classes == 2:
            # With two classes all follows from the lead of the wrong one.
            sign = 1 - 2 * labels.float()
            lead = (scores.select(self.along, 1) - scores.select(self.along, 0)).mul_(sign)
            losses, graph = F.softplus(lead), (lead, sign)
        else:
            logs, labels = torch.log_softmax(scores, self.along), labels.unsqueeze(self.along)
            losses, graph = -logs.gather(self.along, labels).squeeze(self.along), (logs, labels)
        return losses.clamp(max=-math.log(_TINY)), graph

    def _gradient(self, factor, *graph):
        if self.classes == 2:
            lead, sign = graph
            second = torch.sigmoid(lead).mul_(sign).mul_(factor)
            gradient = second.new_empty((*second.shape, 2)).movedim(-1, self.along)
            torch.neg(second, out=gradient.select(self.along, 0))
            gradient.select(self.along, 1).copy_(second)
            return gradient
        logs, labels = graph
        gradient = logs.exp()
        gradient.scatter_add_(self.along, labels, gradient.new_tensor(-1.0).expand(labels.shape))
        return gradient.mul_(self._spread(factor))


class InfogainLoss(_Classifying):
    """The mean of ``-sum(H[label, l] * log(p_l))`` over the classes l, with p by softmax.

    The matrix H is the third bottom, or in the file `source`: a binary ``BlobProto``.
    """

    BOTTOMS = (2, 3)
    NO_GRADIENT = (1, 2)
    PARAMETER = "infogain_loss_param"
    SHAPED_BY_FILES = True

    def setup(self, bottom_shapes):
        super().setup(bottom_shapes)
        if self.parameter.loss_param.HasField("normalize"):
            self.fail("does not take normalize; give normalization")
        self.matrix = None

    def open(self):
        super().open()
        if len(self.parameter.bottom) < 3:
            self.matrix = self._read(self.parameter.infogain_loss_param.source)

    def reshape(self, bottom_shapes):
        tops = super().reshape(bottom_shapes)
        count = math.prod(bottom_shapes[2]) if self.matrix is None else self.matrix.numel()
        if count != self.classes**2:
            shape = shown(bottom_shapes[0])
            self.fail(f"scores {shape} need a matrix H of {self.classes}x{self.classes}, but it has {count} numbers")
        return tops

    def _read(self, source):
        if not source:
            self.fail("needs the matrix H: as its third bottom, or as the file that infogain_loss_param's source names")
        blob = MESSAGES["BlobProto"]()
        try:
            with open(source, "rb") as file:
                blob.ParseFromString(file.read())
        except (OSError, ValueError) as error:
            self.fail(f"source {source} cannot be read ({getattr(error, 'strerror', None) or error})")
        except DecodeError:
            self.fail(f"source {source} is no binary BlobProto; write one with the matrix H")
        return torch.tensor(list(blob.double_data or blob.data), dtype=torch.float32, device=context.device)

    def _losses(self, scores, labels, bottoms):
        matrix = bottoms[2].float() if self.matrix is None else self.matrix
        gains = matrix.reshape(self.classes, self.classes)[labels].movedim(-1, self.along)
        logs = torch.log_softmax(scores, self.along)
        losses = -(gains * logs.clamp(min=math.log(_LEAST_PROBABILITY))).sum(self.along)
        return losses, (logs, gains)

    def _gradient(self, factor, logs, gains):
        return (logs.exp() * gains.sum(self.along, keepdim=True) - gains) * self._spread(factor)


class SigmoidCrossEntropyLoss(_Normalised):
    """The cross entropy between sigmoids of scores and targets from 0 to 1, by default divided by the batch size."""

    MODE = _BATCH_SIZE

    def reshape(self, bottom_shapes):
        tops = super().reshape(bottom_shapes)
        scores, targets = bottom_shapes
        if math.prod(scores) != math.prod(targets):
            self.fail(f"scores {shown(scores)} and targets {shown(targets)} differ in number")
        self.outer, self.inner = scores[0], math.prod(scores[1:])
        return tops

    def compute(self, bottoms, weights):
        scores = bottoms[0].float()
        targets = bottoms[1].float().reshape(scores.shape)
        counted = None if self.ignored is None else targets.trunc() != self.ignored
        losses = F.binary_cross_entropy_with_logits(scores, targets, reduction="none")
        return [(losses if counted is None else losses.where(counted, 0)).sum() / self._divisor(counted)]


class EuclideanLoss(_Loss):
    """Half the squared distance of two bottoms, divided by the batch size; both get gradients."""

    NO_GRADIENT = ()

    def reshape(self, bottom_shapes):
        first, second = bottom_shapes
        if math.prod(first) != math.prod(second):
            self.fail(f"its bottoms {shown(first)} and {shown(second)} differ in number")
        return super().reshape(bottom_shapes)

    def compute(self, bottoms, weights):
        first, second = bottoms[0].float(), bottoms[1].float()
        return [(first - second.reshape(first.shape)).square().sum() / (2 * first.shape[0])]


class _OneLabelEach(_Loss):
    """A loss whose labels are one for each item of the batch; all axes behind the first are classes."""

    def reshape(self, bottom_shapes):
        tops = super().reshape(bottom_shapes)
        scores, labels = bottom_shapes
        if math.prod(labels) != scores[0]:
            self.fail(f"scores {shown(scores)} need {scores[0]} labels, but those are {shown(labels)}")
        return tops

    def _labels(self, bottoms):
        """The scores as a matrix, the labels, and what `read_labels` says about them."""
        scores = bottoms[0].float().flatten(1)
        labels, _, spoilt = read_labels(self, bottoms[1], scores.shape[:1], scores.shape[1])
        return scores, labels, 0 if spoilt is None else spoilt


class HingeLoss(_OneLabelEach):
    """By how much scores miss 1 for the label and -1 for other classes, or the square; divided by the batch size."""

    def compute(self, bottoms, weights):
        scores, labels, spoilt = self._labels(bottoms)
        missed = F.relu(1 + (1 - 2 * F.one_hot(labels, scores.shape[1])) * scores)
        if self.parameter.hinge_loss_param.norm == _L2:
            missed = missed.square()
        return [missed.sum() / scores.shape[0] + spoilt]


class MultinomialLogisticLoss(_OneLabelEach):
    """The mean of ``-log p`` of the labels, for bottoms that are probabilities already."""

    def compute(self, bottoms, weights):
        scores, labels, spoilt = self._labels(bottoms)
        p = scores.gather(1, labels[:, None])
        bounded = p + (p.clamp(min=_LEAST_PROBABILITY) - p).detach()  # the gradient is not cut off
        return [-bounded.log().sum() / scores.shape[0] + spoilt]


class ContrastiveLoss(_Loss):
    """Half the mean squared distance of similar pairs, and of what dissimilar ones miss to `margin`."""

    BOTTOMS = (3, 3)
    NO_GRADIENT = (2,)

    def reshape(self, bottom_shapes):
        first, second, similar = bottom_shapes
        if len(first) < 2 or math.prod(first) != math.prod(first[:2]) or math.prod(first) != math.prod(second):
            self.fail(f"takes two bottoms NxC of one shape, not {shown(first)} and {shown(second)}")
        if math.prod(similar) != first[0]:
            self.fail(f"needs for each of {first[0]} pairs whether they are similar, is given {shown(similar)}")
        return super().reshape([first, second])

    def compute(self, bottoms, weights):
        p = self.parameter.contrastive_loss_param
        first, second, similar = (bottom.float() for bottom in bottoms)
        square = (first.flatten(1) - second.reshape(first.shape).flatten(1)).square().sum(1)
        missed = F.relu(p.margin - square) if p.legacy_version else _gradients.MissedDistance.apply(square, p.margin)
        return [torch.where(similar.flatten().trunc() != 0, square, missed).sum() / (2 * first.shape[0])]
