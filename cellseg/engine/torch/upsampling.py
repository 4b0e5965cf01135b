"""A fixed bilinear upsampling followed by a convolution, computed as one with a quarter of the multiplications.

Upsampling by two puts zeros between the pixels and smooths with (1, 3, 3, 1)/4 along rows and columns. Smoothing and
the following convolution commute, so the convolution may come first, where three of four pixels are zeros: that is
a transposed convolution of the small map. The smoothing, a filter for each channel, then comes last, on the
convolution's few outputs instead of its many inputs.

The two orders differ at the border alone. The smoothing reaches one pixel beyond the upsampled map, where the
convolution of Caffe's two layers sees zeros. What the convolution would add from that ring is subtracted again.

Both orders are the same function; results differ by rounding. The map in between is computed when somebody looks.
"""

import torch
import torch.nn.functional as F
from torch.nn.grad import conv2d_weight

from cellseg.engine.layers.convolution import Convolution, Deconvolution, channels_last, lowered
from cellseg.engine.torch.context import context

_SMOOTHING = torch.tensor([0.25, 0.75, 0.75, 0.25])


def fits(first, second):
    """Say whether two layers that follow each other, with nothing else between, can be computed as one.

    Parameters
    ----------
    first, second : Layer
    """
    if type(first) is not Deconvolution or type(second) is not Convolution:
        return False
    fixed = first.window == ((4, 4), (2, 2), (1, 1), (1, 1))
    depthwise = first.group == first.channels == first.outputs and len(first.params) == 1
    fitting = [((size, size), (1, 1), (size // 2, size // 2), (1, 1)) for size in (3, 5)]
    return fixed and depthwise and second.window in fitting and second.group == 1


class UpsampledConvolution:
    """Two layers for which `fits` holds, with the passes of one `Layer`.

    Parameters
    ----------
    first : Deconvolution
    second : Convolution
    """

    def __init__(self, first, second):
        self.first, self.second = first, second
        self.reach = second.kernel[0] // 2
        self._smoothing = {}

    def holds(self):
        """Say whether the upsampling's weights are the bilinear ones now, and this is the device to gain on."""
        weight = self.first.params[0].tensor
        return weight.device.type == "cpu" and torch.equal(weight, self._filter(weight.shape[0], weight.dtype))

    def forward(self, x, down, learn):
        """The second layer's top.

        Parameters
        ----------
        x : torch.Tensor of shape (N, C, H, W)
            The first layer's bottom.
        down : bool
            Whether `backward` will be asked for the gradient of `x`.
        learn : list of bool
            The same for the second layer's parameters.

        Returns
        -------
        torch.Tensor of shape (N, outputs, 2 H, 2 W)
        """
        x = channels_last(lowered(x))
        weight, *bias = (lowered(param.tensor) for param in self.second.params)
        flipped = weight.flip(2, 3).transpose(0, 1).contiguous()
        self._x, self._flipped, self._down, self._learn = x, flipped, down, learn
        small = F.conv_transpose2d(x, flipped, stride=2)
        smoothing = self._filter(self.second.outputs, x.dtype)
        y = F.conv2d(small, smoothing, *bias, padding=2 - self.reach, groups=self.second.outputs)
        with torch.set_grad_enabled(down or learn[0]):
            edges = [edge.detach().requires_grad_(down) for edge in _edges(x)]
            sides = [side.detach().requires_grad_(learn[0]) for side in self._sides(weight)]
            self._ring = edges, sides, self._from_ring(*edges, *sides)
        for part, ring in zip(self._borders(y), self._ring[2]):
            part -= ring.detach()
        return y

    def backward(self, gradient):
        """Gradients of the bottom and of the second layer's parameters, None where not asked for.

        Parameters
        ----------
        gradient : torch.Tensor
            Of the second layer's top.

        Returns
        -------
        bottom : torch.Tensor or None
        weights : list of (torch.Tensor or None)
        """
        gradient = channels_last(gradient.to(self._x.dtype))
        outputs = self.second.outputs
        small = F.conv2d(gradient, self._filter(outputs, gradient.dtype), padding=1 + self.reach, groups=outputs)
        edges, sides, rings = self._ring
        leaves = (edges if self._down else []) + (sides if self._learn[0] else [])
        found = iter(torch.autograd.grad(rings, leaves, self._borders(gradient), retain_graph=True) if leaves else ())
        bottom, weights = None, [None] * len(self._learn)
        if self._down:
            bottom = F.conv2d(small, self._flipped, stride=2)
            rows, columns = next(found), next(found)
            for number, place in enumerate((0, -1)):
                bottom[:, :, place] -= rows[:, :, number]
                bottom[..., place] -= columns[:, :, number]
        if self._learn[0]:
            flipped = conv2d_weight(small, self._flipped.shape, self._x, stride=2)
            weights[0] = flipped.transpose(0, 1).flip(2, 3).float()
            for side in self._sides(weights[0]):
                side -= next(found)
        if len(weights) > 1 and self._learn[1]:
            weights[1] = gradient.sum((0, 2, 3), dtype=torch.float32)
        return bottom, weights

    def between(self):
        """The first layer's top for the last `forward`."""
        x, weight = self._x, self.first.params[0].tensor
        return lambda: F.conv_transpose2d(x.float(), weight, stride=2, padding=1, groups=weight.shape[0])

    def between_gradient(self, gradient):
        """Its gradient for the last `backward`."""
        weight = self._flipped.transpose(0, 1).flip(2, 3)
        return lambda: F.conv_transpose2d(gradient.to(weight.dtype), weight, padding=self.reach).float()

    def _filter(self, channels, dtype):
        key = channels, dtype
        if key not in self._smoothing:
            square = _SMOOTHING[:, None] * _SMOOTHING
            self._smoothing[key] = square.to(context.device, dtype).expand(channels, 1, 4, 4).contiguous()
        return self._smoothing[key]

    def _borders(self, y):
        reach = self.reach
        return y[:, :, :reach], y[:, :, -reach:], y[..., :reach], y[..., -reach:]

    def _sides(self, weight):
        """The parts of the weights that reach into the ring above, below, left and right."""
        before, after = self.reach, self.reach + 1
        return weight[:, :, :before], weight[:, :, after:], weight[..., :before], weight[..., after:]

    def _from_ring(self, rows, columns, above, below, left, right):
        """What the smoothed pixels beyond the four sides add to `_borders`; the corners go with top and bottom.

        Parameters
        ----------
        rows, columns : torch.Tensor
            See `_edges`.
        above, below, left, right : torch.Tensor
            See `_sides`.
        """
        reach = self.reach
        pad = reach - 1, reach - 1
        rows, columns = _smoothed(rows), _smoothed(columns)[..., 1:-1]
        top, bottom = F.conv2d(_one_behind_other(rows), torch.cat([above, below]), padding=pad, groups=2).chunk(2, 1)
        across = torch.cat([left, right]).transpose(2, 3)
        pair = F.conv2d(_one_behind_other(columns), across, padding=(reach - 1, reach), groups=2)
        return top, bottom, *pair.transpose(2, 3).chunk(2, 1)


def _edges(x):
    """The first and last row (N, C, 2, W), the first and last column (N, C, 2, H)."""
    return torch.stack([x[:, :, 0], x[:, :, -1]], 2), torch.stack([x[..., 0], x[..., -1]], 2)


def _smoothed(lines):
    """Lines between zeros, upsampled with one pixel more at both ends; a quarter of them, as they stand in the ring."""
    lines = F.pad(0.25 * lines, (1, 1))
    left, right = lines[..., :-1], lines[..., 1:]
    return torch.stack([torch.lerp(right, left, 0.75), torch.lerp(left, right, 0.75)], -1).flatten(-2)


def _one_behind_other(lines):
    """(N, C, 2, L) as the channels of one line each: (N, 2 C, 1, L)."""
    return lines.transpose(1, 2).flatten(1, 2).unsqueeze(2)
