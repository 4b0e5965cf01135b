"""Dropout."""

import numpy as np

from cellseg.engine.later import context, torch
from cellseg.engine.layers.base import Layer

TRAIN = 0


class Dropout(Layer):
    """In training, zero for a random part of the values, the rest scaled up so that the mean stays; else nothing."""

    def setup(self, bottom_shapes):
        self.ratio = self.parameter.dropout_param.dropout_ratio
        if not 0 <= self.ratio < 1:
            self.fail(f"dropout_ratio is {self.ratio:g}; it must be from 0 to below 1")

    def reshape(self, bottom_shapes):
        return list(bottom_shapes)

    def whole(self, axis):
        return False

    def onnx(self, graph, bottoms, tops):
        graph.node("Identity", bottoms, tops[0])

    def forward(self, bottoms, weights, down, learn):
        (x,) = bottoms
        if self.phase != TRAIN:
            self._graph = ()
            return [x]
        # Caffe draws in the order of the axes, whatever the order in memory.
        # It compares in double precision, unlike `MersenneTwister.bernoulli`.
        most = np.uint32((1 - self.ratio) * (2**32 - 1))
        kept = torch.from_numpy(context.random.raw(x.numel()) <= most).reshape(x.shape)
        scale = torch.empty_like(x).copy_(kept).mul_(1 / (1 - self.ratio))
        self._graph = (scale,) if down[0] else None
        return [x * scale]

    def backward(self, top_gradients):
        (gradient,) = top_gradients
        if self._graph is None:
            self.fail("cannot run backward before it has run forward")
        if gradient is None or not self._graph:
            return [gradient], []
        return [gradient * self._graph[0]], []
