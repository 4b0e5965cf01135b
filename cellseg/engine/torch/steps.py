"""The steps of a net: a layer in its place, which runs forward and backward."""

from dataclasses import dataclass, field

import torch

from cellseg.engine.layers.base import Layer
from cellseg.engine.torch.context import context
from cellseg.engine.torch.log import info


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
    fused : cellseg.engine.torch.fusing.FusedStep or None
        What ran in its place in the last forward pass.
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
    fused: object = None

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
        """Shape the tops after the bottoms, where those have changed or the layer asks for it."""
        shapes = [bottom.shape for bottom in self.bottoms]
        known = shapes == self.bottom_shapes
        if known and not self.layer.WORKS_ON_BLOBS:
            return
        found = self.layer.reshape(shapes)
        for top, shape in zip(self.tops, found):
            top.reshape(*shape)
        self.bottom_shapes = shapes
        for top, weight in zip(self.tops, self.loss_weights):
            if weight:
                top.gradient = torch.full(top.shape, weight, device=context.device)
        for name, top in zip(self.top_names, self.tops) if not known else ():
            info(f"Top shape: {' '.join(map(str, top.shape))} ({top.count}) {name}")

    def forward(self, record):
        """Run the layer; with `record` so that it can run backward.

        Returns
        -------
        list of torch.Tensor
            The losses among its tops, weighted.
        """
        self.fused = None
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
        """Run the layer backward; where it was computed as one with others, it runs forward first."""
        if not self.has_gradients:
            return
        if self.fused:
            self.fused.run_apart()
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

    def forget(self):
        """Drop what a forward pass keeps besides the blobs."""

    @property
    def passing(self):
        """list of Blob: the tops that each pass computes anew."""
        if not self.bottoms or self.layer.WORKS_ON_BLOBS:
            return []
        return [top for top in self.tops if not any(top is bottom for bottom in self.bottoms)]

    def let_go(self):
        """Free the memory of the tops for a pass that computes all of them anew."""
        for top in self.passing:
            top.let_go()
