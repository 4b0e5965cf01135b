"""Layers that are computed as one, where that is faster and gives the same; the blobs between stay readable.

* A fixed bilinear upsampling and the convolution behind it, also with a Concat between (`UpsampledStep`).
* A convolution and the BatchNorm and Scale behind it in testing, folded into its weights (`FoldedStep`).
* A BatchNorm and the Scale behind it in training (`ScaledStep`).

`fused` finds them in a list of steps. Where a pass takes only some of these layers, they run one by one.
"""

import torch

from cellseg.engine.layers.base import Layer
from cellseg.engine.layers.convolution import Convolution
from cellseg.engine.layers.normalisation import TEST, BatchNorm, Scale
from cellseg.engine.torch.folding import Folding
from cellseg.engine.torch.upsampling import UpsampledConvolution, fits


class FusedStep:
    """Layers that follow each other, computed as one.

    Parameters
    ----------
    steps : list of Step
        One a layer.
    """

    def __init__(self, steps):
        self.steps = steps

    @property
    def is_fused(self):
        """bool: whether the last forward pass through all its places was its own."""
        return all(step.fused is self for step in self.steps)

    def run_apart(self):
        """Run the layers one by one on the values of now, so that each can run backward; the top stays as it is."""
        top = self.steps[-1].tops[0]
        values = top.tensor
        for step in self.steps:
            step.forward(True)
        top.tensor = values

    def backward_apart(self):
        """Run the layers backward one by one."""
        for step in reversed(self.steps):
            step.backward()

    def shape(self):
        """Shape the tops."""
        for step in self.steps:
            step.shape()

    def forget(self):
        """As `Step.forget`."""

    def take_over(self):
        """Note that the layers have not run themselves."""
        for step in self.steps:
            step.fused = self


class UpsampledStep(FusedStep):
    """An upsampling, a Concat or none, and a convolution; see `cellseg.engine.torch.upsampling`.

    Where the upsampling's weights are not the bilinear ones, and on other devices, they run one by one.
    """

    def __init__(self, steps):
        super().__init__(steps)
        self.first, *self.concat, self.second = steps
        self.bottoms = [*self.first.bottoms, *(bottom for step in self.concat for bottom in step.bottoms[1:])]
        self.pair = UpsampledConvolution(self.first.layer, self.second.layer)

    def forward(self, record):
        """As `Step.forward`."""
        if not self.pair.holds():
            return [loss for step in self.steps for loss in step.forward(record)]
        self.shape()
        down, learn = self._wanted(record)
        weights = [param.tensor for param in self.second.layer.params]
        self.second.tops[0].tensor = self.pair.forward([b.tensor for b in self.bottoms], weights, down, learn)
        self.let_be_seen()
        self.take_over()
        return []

    def forget(self):
        """As `Step.forget`."""
        self.pair.forget()

    def let_be_seen(self):
        """Have the maps between computed when somebody looks.

        Returns
        -------
        callable
            That computes the convolution's bottom.
        """
        upsampled = self.pair.upsampled()
        self.first.tops[0].later(upsampled)
        if not self.concat:
            return upsampled
        beside = [bottom.tensor for bottom in self.bottoms[1:]]

        def joined():
            return torch.cat([upsampled(), *beside], 1)

        self.concat[0].tops[0].later(joined)
        return joined

    def backward(self):
        """As `Step.backward`."""
        if not (self.is_fused and self.second.has_gradients):
            self.backward_apart()
            return
        gradient = self.second.tops[0].gradient
        bottoms, weights = self.pair.backward(gradient)
        for bottom, found in zip(self.bottoms, bottoms):
            if found is not None:
                bottom.gradient = found
        joined, up = self.second.bottoms[0], self.first.tops[0]
        if self.second.down[0]:
            joined.later_gradient(self.pair.joined_gradient(gradient))
        for step in self.concat:
            if step.down[0]:
                up.later_gradient(lambda: joined.gradient[:, : up.shape[1]].contiguous())
        self.second.accumulate(weights)

    def _wanted(self, record):
        """For which bottoms and weights of `pair` gradients will be asked for."""
        down, learn = self.second.wanted(record)
        inner = self.concat[0].wanted(record)[0] if self.concat else [True]
        inner = [down[0] and one for one in inner]
        return [inner[0] and self.first.wanted(record)[0][0], *inner[1:]], learn


class FoldedStep(FusedStep):
    """A convolution, what is fused with it, and the BatchNorm and the Scale or none behind it, in testing.

    The passes of the TEST phase seldom run backward: then the layers run forward again, one by one.

    Parameters
    ----------
    head : Step or UpsampledStep
        The convolution.
    tail : list of Step
        The BatchNorm and, if it is there, the Scale.
    """

    def __init__(self, head, tail):
        super().__init__([*head.steps, *tail])
        self.head = head
        self.folding = Folding(head.steps[-1].layer, *(step.layer for step in tail))

    def forward(self, record):
        """As `Step.forward`."""
        upsampled = isinstance(self.head, UpsampledStep)
        if not self.folding.holds() or (upsampled and not self.head.pair.holds()):
            return [loss for step in self.steps for loss in step.forward(record)]
        self.shape()
        weights, convolution = self.folding.weights(), self.head.steps[-1]
        if upsampled:
            bottoms = [bottom.tensor for bottom in self.head.bottoms]
            top = self.head.pair.forward(bottoms, weights, [False] * len(bottoms), [False] * len(weights))
            bottom = self.head.let_be_seen()
        else:
            x = convolution.bottoms[0].tensor
            (top,), bottom = convolution.layer.compute([x], weights), lambda: x
        if convolution.tops[0] is not self.steps[-1].tops[0]:
            plain = self.folding.plain()
            convolution.tops[0].later(lambda: convolution.layer.compute([bottom()], plain)[0])
        self.steps[-1].tops[0].tensor = top
        self.take_over()
        return []

    def forget(self):
        """As `Step.forget`."""
        self.head.forget()

    def backward(self):
        """As `Step.backward`."""
        self.backward_apart()


class _ScaledNorm(Layer):
    """BatchNorm and Scale as one layer, whose weights are the Scale's."""

    def __init__(self, norm, scale):
        super().__init__(scale.parameter, scale.phase)
        self.norm = norm

    def compute(self, bottoms, weights):
        return [self.norm.scaled(bottoms[0], [param.tensor for param in self.norm.params], *weights)]


class ScaledStep(FusedStep):
    """A BatchNorm that takes mean and variance of the batch, and a Scale in place behind it.

    PyTorch computes both in one, with fewer passes over the memory.
    """

    def __init__(self, steps):
        super().__init__(steps)
        self.first, self.second = steps
        self.pair = _ScaledNorm(self.first.layer, self.second.layer)

    def forward(self, record):
        """As `Step.forward`."""
        self.shape()
        self._bottom = self.first.bottoms[0].tensor
        down, learn = self.first.wanted(record)[0], self.second.wanted(record)[1]
        weights = [param.tensor for param in self.second.layer.params]
        (self.second.tops[0].tensor,) = self.pair.forward([self._bottom], weights, down, learn)
        self.take_over()
        return []

    def run_apart(self):
        """As `FusedStep.run_apart`; the bottom, which may be the top, and the running sums are those of before."""
        top, sums = self.second.tops[0], [param.tensor for param in self.first.layer.params]
        values, kept = top.tensor, [total.clone() for total in sums]
        self.first.bottoms[0].tensor = self._bottom
        super().run_apart()
        top.tensor = values
        for total, before in zip(sums, kept):
            total.copy_(before)

    def backward(self):
        """As `Step.backward`."""
        if not (self.is_fused and self.second.has_gradients):
            self.backward_apart()
            return
        top = self.second.tops[0]
        gradient = top.gradient_or_none
        (bottom,), weights = self.pair.backward([gradient])
        if gradient is not None and self.second.down[0]:
            scale = self.second.layer.params[0].tensor.clone().reshape(self.second.layer.spread)
            top.later_gradient(lambda: gradient.float() * scale)
        if self.first.down[0]:
            self.first.bottoms[0].gradient = bottom
        self.second.accumulate(weights)


def fused(steps):
    """The same steps, with those that can be computed as one in one step.

    Parameters
    ----------
    steps : list of Step

    Returns
    -------
    list of (Step or FusedStep)
    """
    plan, rest = [], list(steps)
    while rest:
        step = _upsampled(rest, steps) or rest[0]
        behind = rest[len(step.steps) :]
        if type(step.steps[-1].layer) is Convolution and behind and _follows(step.steps[-1], behind[0]):
            norm = _norm(behind)
            if norm and norm[0].layer.phase == TEST and norm[0].layer.use_sums:
                step = FoldedStep(step, norm)
        elif step is rest[0]:
            norm = _norm(rest)
            if len(norm) == 2 and not norm[0].layer.use_sums:
                step = ScaledStep(norm)
        plan.append(step)
        rest = rest[len(step.steps) :]
    return plan


def _upsampled(rest, steps):
    """The first of the steps as an `UpsampledStep`, or None."""
    for many in (2, 3):
        first, *concat, second = rest[:many] if len(rest) >= many else (None, None)
        between = [first, *concat, second]
        if first is None or any(first.learn) or not all(map(_follows, between, between[1:])):
            continue
        passed = [step.tops[0] for step in between[:-1]]
        used = sum(any(bottom is top for bottom in step.bottoms) for step in steps for top in passed)
        if used == len(passed) and fits(first.layer, second.layer, *(step.layer for step in concat)):
            return UpsampledStep(between)
    return None


def _norm(steps):
    """The BatchNorm that the steps begin with and a Scale of each channel in place behind it, as far as there."""
    if type(steps[0].layer) is not BatchNorm:
        return []
    norm, *others = steps[:2]
    for scale in others:
        layer, channels = scale.layer, norm.layer.shapes[0]
        in_place = _follows(norm, scale) and scale.tops[0] is norm.tops[0]
        if type(layer) is Scale and in_place and layer.shapes == [channels] * 2 and layer.first == 1:
            return [norm, scale]
    return [norm]


def _follows(first, second):
    """Whether a step's one top is the first bottom of another, which has one top, and neither is a loss."""
    alone = len(first.tops) == len(second.tops) == 1 and bool(second.bottoms)
    return alone and second.bottoms[0] is first.tops[0] and not any(first.loss_weights + second.loss_weights)
