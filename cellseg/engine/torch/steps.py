"""The steps of a net: a layer in its place, or two layers that are computed as one; both run forward and backward."""

from dataclasses import dataclass, field

import torch

from cellseg.engine.layers.base import Layer
from cellseg.engine.torch.context import context
from cellseg.engine.torch.log import info
from cellseg.engine.torch.upsampling import UpsampledConvolution, fits


@dataclass(eq=False)
class Step:
    """One layer in its place in a net.

    Attributes
    ----------
    layer : Layer
    bottoms, tops : list of Blob
    bottom_names, top_names : list of str
    loss_weights : list of float
        One a top; 0 for tops that are no loss.
    down : list of bool
        For each bottom, whether it gets a gradient.
    learn : list of bool
        For each parameter, whether it gets one.
    needed : bool
        Whether the layer runs backward at all.
    bottom_shapes : list of tuple of int
        For which the layer was last shaped.
    passed_over : bool
        Whether the last forward pass through its place was that of a `FusedStep`.
    """

    layer: Layer
    bottoms: list
    tops: list
    bottom_names: list
    top_names: list
    loss_weights: list = field(default_factory=list)
    down: list = field(default_factory=list)
    learn: list = field(default_factory=list)
    needed: bool = False
    bottom_shapes: list = None
    passed_over: bool = False

    @property
    def steps(self):
        """list of Step: those of which it consists."""
        return [self]

    @property
    def has_gradients(self):
        """bool: whether running backward gives any gradient."""
        return self.needed and (any(self.down) or any(self.learn))

    def weigh(self):
        """Read the loss weights of the tops."""
        layer, given = self.layer, list(self.layer.parameter.loss_weight)
        if given and len(given) != len(self.tops):
            layer.fail(f"loss_weight is given for {len(given)} of {len(self.tops)} tops")
        self.loss_weights = given or [float(layer.LOSS and i == 0) for i in range(len(self.tops))]

    def shape(self):
        """Shape the tops after the bottoms, where those have changed."""
        shapes = [bottom.shape for bottom in self.bottoms]
        if shapes == self.bottom_shapes or (not self.bottoms and self.bottom_shapes is not None):
            return
        found = self.layer.reshape(shapes)
        for top, shape in zip(self.tops, found):
            top.reshape(*shape)
        self.bottom_shapes = shapes
        for top, weight in zip(self.tops, self.loss_weights):
            if weight:
                top.gradient = torch.full(top.shape, weight, device=context.device)
        for name, top in zip(self.top_names, self.tops):
            info(f"Top shape: {' '.join(map(str, top.shape))} ({top.count}) {name}")

    def forward(self, record):
        """Run the layer; with `record` so that it can run backward.

        Returns
        -------
        list of torch.Tensor
            The losses among its tops, weighted.
        """
        self.passed_over = False
        if self.layer.type == "Input":
            return []
        self.shape()
        down, learn = self.wanted(record)
        weights = [param.tensor for param in self.layer.params]
        results = self.layer.forward([bottom.tensor for bottom in self.bottoms], weights, down, learn)
        for top, result in zip(self.tops, results):
            top.tensor = result
        return [(top.tensor.float() * top.gradient).sum() for top, w in zip(self.tops, self.loss_weights) if w]

    def backward(self):
        """Run the layer backward; where it was passed over, it runs forward first."""
        if not self.has_gradients:
            return
        if self.passed_over:
            self.forward(True)
        bottoms, weights = self.layer.backward([top.gradient_or_none for top in self.tops])
        for bottom, gradient, down in zip(self.bottoms, bottoms, self.down):
            if down:
                bottom.gradient = gradient
        self.accumulate(weights)

    def wanted(self, record):
        """For which bottoms and which parameters gradients will be asked for after a forward pass."""
        if record and self.needed:
            return self.down, self.learn
        return [False] * len(self.down), [False] * len(self.learn)

    def accumulate(self, gradients):
        """Add gradients to those of the parameters."""
        for param, gradient, learn in zip(self.layer.params, gradients, self.learn):
            if learn and gradient is not None:
                param.add_gradient(gradient)

    def let_go(self):
        """Free the memory of the tops for a pass that computes all of them anew."""
        for top in self.tops:
            if self.bottoms and not any(top is bottom for bottom in self.bottoms):
                top.let_go()


class FusedStep:
    """An upsampling whose only use is the convolution behind it, computed as one.

    The blob between them, and its gradient, are computed when somebody looks. Where the upsampling's weights are not
    the bilinear ones, and on other devices, the two run one by one.

    Parameters
    ----------
    first, second : Step
    """

    def __init__(self, first, second):
        self.steps = [first, second]
        self._pair = UpsampledConvolution(first.layer, second.layer)

    def forward(self, record):
        """As `Step.forward`."""
        first, second = self.steps
        if not self._pair.holds():
            return first.forward(record) + second.forward(record)
        first.shape()
        second.shape()
        down, learn = second.wanted(record)
        second.tops[0].tensor = self._pair.forward(
            first.bottoms[0].tensor, down[0] and first.wanted(record)[0][0], learn
        )
        first.tops[0].later(self._pair.between())
        first.passed_over = second.passed_over = True
        return []

    def backward(self):
        """As `Step.backward`."""
        first, second = self.steps
        if not (first.passed_over and second.passed_over and second.has_gradients):
            second.backward()
            first.backward()
            return
        gradient = second.tops[0].gradient
        bottom, weights = self._pair.backward(gradient)
        if bottom is not None:
            first.bottoms[0].gradient = bottom
        if second.down[0]:
            first.tops[0].later_gradient(self._pair.between_gradient(gradient))
        second.accumulate(weights)


def fused(steps):
    """The same steps, with those that can be computed as one in one step.

    Parameters
    ----------
    steps : list of Step

    Returns
    -------
    list of (Step or FusedStep)
    """
    result, rest = [], list(steps)
    while rest:
        first, second = rest[0], rest[1] if len(rest) > 1 else None
        if second and _fits(first, second, steps):
            result.append(FusedStep(first, second))
            rest = rest[2:]
        else:
            result.append(rest.pop(0))
    return result


def _fits(first, second, steps):
    alone = len(second.bottoms) == len(first.tops) == len(first.bottoms) == len(second.tops) == 1
    if not alone or second.bottoms[0] is not first.tops[0] or any(first.learn) or any(second.loss_weights):
        return False
    used = sum(any(bottom is first.tops[0] for bottom in step.bottoms) for step in steps)
    return used == 1 and fits(first.layer, second.layer)
