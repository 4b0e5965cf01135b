"""What the batch normalisations of all forks share: mean, variance, factor and bias of each channel."""

from cellseg.engine.later import torch
from cellseg.engine.layers.base import Layer, shown


class _PerChannel(Layer):
    """A layer with parameters of one number a channel, in the shape `SHAPE` with -1 for the channels."""

    SHAPE = (1, -1, 1, 1)
    BACKWARD_NEEDS_TOPS = False

    def add_channels(self, shape, *fillers):
        """Add a parameter of one number a channel for each filler."""
        if len(shape) < 2:
            self.fail(f"takes a bottom of two axes or more, not {shown(shape)}")
        for filler in fillers:
            self.add_param([shape[1] if side < 0 else side for side in self.SHAPE], filler)
        self.channels = shape[1]

    def constant(self, value):
        """A filler of one number."""
        return type(self.parameter.scale_param.filler)(type="constant", value=value)

    def keep_fixed(self, *places):
        """Say that the solver does not change some parameters, whatever the prototxt says."""
        specs = self.parameter.param
        while len(specs) <= max(places):
            specs.add()
        for place in places:
            specs[place].lr_mult = specs[place].decay_mult = 0

    def reshape(self, bottom_shapes):
        (shape,) = bottom_shapes
        if len(shape) < 2 or shape[1] != self.channels:
            self.fail(f"its parameters are of {self.channels} channels, but the bottom is {shown(shape)}")
        return [shape]


def normalised(x, mean, variance, eps, factor, bias):
    """``(x - mean) / sqrt(variance + eps) * factor + bias``, channel by channel.

    Parameters
    ----------
    x : torch.Tensor of shape (N, C, ...)
    mean, variance : torch.Tensor of C numbers, or None
        None: those of the batch, the variance divided by the number of values.
    eps : float
    factor, bias : torch.Tensor of C numbers, or None

    Returns
    -------
    top : torch.Tensor
    mean, variance : torch.Tensor of shape (C,)
        Those that were used, without history.
    """
    batch = mean is None
    if batch:
        mean, variance = (torch.zeros(x.shape[1], device=x.device) for _ in range(2))
    mean, variance, factor, bias = (one if one is None else one.flatten() for one in (mean, variance, factor, bias))
    # With a momentum of 1 PyTorch puts the batch's own mean and (unbiased) variance there.
    top = torch.batch_norm(x, factor, bias, mean, variance, batch, 1.0, eps, torch.backends.cudnn.enabled)
    if batch:
        many = x.numel() // x.shape[1]
        variance = variance * ((many - 1) / many) if many > 1 else torch.zeros_like(variance)
    return top, mean, variance
