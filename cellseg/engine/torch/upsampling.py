"""A fixed bilinear upsampling followed by a convolution, computed as one with a quarter of the multiplications.

Upsampling by two puts zeros between the pixels and smooths with (1, 3, 3, 1)/4 along rows and columns. Smoothing and
the following convolution commute, so the convolution may come first, where three of four pixels are zeros: that is
a transposed convolution of the small map. The smoothing, a filter for each channel, then comes last, on the
convolution's few outputs instead of its many inputs.

The two orders differ at the border alone. The smoothing reaches one pixel beyond the upsampled map, where the
convolution of Caffe's two layers sees zeros. What the convolution would add from that ring is subtracted again.

A Concat may stand between them, as in a U-Net. A convolution of maps one behind the other is the sum of the
convolutions of each; that of the upsampled maps is computed as above, and that of the maps beside them as usual.

Both orders are the same function; results differ by rounding. The maps in between are computed when somebody looks.
"""

import torch
import torch.nn.functional as F
from torch.nn.grad import conv2d_weight

from cellseg.engine.layers.convolution import Convolution, Deconvolution, channels_last, lowered
from cellseg.engine.layers.shape import Concat
from cellseg.engine.torch.context import context

_SMOOTHING = torch.tensor([0.25, 0.75, 0.75, 0.25])


def fits(first, second, concat=None):
    """Say whether an upsampling and a convolution, with at most a Concat between, can be computed as one.

    Parameters
    ----------
    first, second : Layer
    concat : Layer, optional
        Whose first bottom the upsampled maps are.
    """
    if type(first) is not Deconvolution or type(second) is not Convolution:
        return False
    if concat is not None and (type(concat) is not Concat or concat.along != 1):
        return False
    fixed = first.window == ((4, 4), (2, 2), (1, 1), (1, 1))
    depthwise = first.group == first.channels == first.outputs and len(first.params) == 1
    fitting = [((size, size), (1, 1), (size // 2, size // 2), (1, 1)) for size in (3, 5)]
    return fixed and depthwise and second.window in fitting and second.group == 1


class UpsampledConvolution:
    """Layers for which `fits` holds, with the passes of one `Layer`.

    Its bottoms are the upsampling's and, where a Concat stands between, those beside the upsampled maps.

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

    def forward(self, bottoms, weights, down, learn):
        """The second layer's top.

        Parameters
        ----------
        bottoms : list of torch.Tensor
            (N, C, H, W), and those beside the upsampled maps, (N, ..., 2 H, 2 W).
        weights : list of torch.Tensor
            Of the second layer: weights and, if it has one, bias.
        down : list of bool
            For which bottoms `backward` will be asked for gradients.
        learn : list of bool
            The same for the weights.

        Returns
        -------
        torch.Tensor of shape (N, outputs, 2 H, 2 W)
        """
        x, *beside = (channels_last(lowered(bottom)) for bottom in bottoms)
        weight, *bias = (lowered(w) for w in weights)
        self._x, self._down, self._learn = x, down, learn
        self._weight, many = weight, x.shape[1]
        self._flipped = weight[:, :many].flip(2, 3).transpose(0, 1).contiguous()
        small = F.conv_transpose2d(x, self._flipped, stride=2)
        smoothing = self._filter(self.second.outputs, x.dtype)
        y = F.conv2d(small, smoothing, *bias, padding=2 - self.reach, groups=self.second.outputs)
        del small  # as large as the top
        self._beside = torch.cat(beside, 1) if len(beside) > 1 else beside[0] if beside else None
        self._lengths = [maps.shape[1] for maps in beside]
        if beside:
            y += F.conv2d(self._beside, self._weight[:, many:], padding=self.reach)
        with torch.set_grad_enabled(down[0] or learn[0]):
            edges = [edge.detach().requires_grad_(down[0]) for edge in _edges(x)]
            sides = [side.detach().requires_grad_(learn[0]) for side in self._sides(weight[:, :many])]
            self._ring = edges, sides, self._from_ring(*edges, *sides)
        for part, ring in zip(self._borders(y), self._ring[2]):
            part -= ring.detach()
        return y

    def backward(self, gradient):
        """Gradients of the bottoms and of the second layer's parameters, None where not asked for.

        Parameters
        ----------
        gradient : torch.Tensor
            Of the second layer's top.

        Returns
        -------
        bottoms, weights : list of (torch.Tensor or None)
        """
        gradient = channels_last(gradient.to(self._x.dtype))
        outputs, many = self.second.outputs, self._x.shape[1]
        small = F.conv2d(gradient, self._filter(outputs, gradient.dtype), padding=1 + self.reach, groups=outputs)
        edges, sides, rings = self._ring
        leaves = (edges if self._down[0] else []) + (sides if self._learn[0] else [])
        found = iter(torch.autograd.grad(rings, leaves, self._borders(gradient), retain_graph=True) if leaves else ())
        bottoms, weights = [None] * len(self._down), [None] * len(self._learn)
        if self._down[0]:
            bottoms[0] = F.conv2d(small, self._flipped, stride=2)
            rows, columns = next(found), next(found)
            for number, place in enumerate((0, -1)):
                bottoms[0][:, :, place] -= rows[:, :, number]
                bottoms[0][..., place] -= columns[:, :, number]
        if self._learn[0]:
            flipped = conv2d_weight(small, self._flipped.shape, self._x, stride=2)
            weights[0] = flipped.transpose(0, 1).flip(2, 3).float()
            for side in self._sides(weights[0]):
                side -= next(found)
        if len(weights) > 1 and self._learn[1]:
            weights[1] = gradient.sum((0, 2, 3), dtype=torch.float32)
        if self._beside is not None:
            wanted = [any(self._down[1:]), self._learn[0], False]
            beside, more, _ = torch.ops.aten.convolution_backward(
                gradient,
                self._beside,
                self._weight[:, many:],
                None,
                (1, 1),
                (self.reach,) * 2,
                (1, 1),
                False,
                (0, 0),
                1,
                wanted,
            )
            if wanted[0]:
                bottoms[1:] = beside.split(self._lengths, 1)
            if self._learn[0]:
                weights[0] = torch.cat([weights[0], more.float()], 1)
        return bottoms, weights

    def forget(self):
        """Drop what `forward` keeps for the other methods."""
        self._x = self._beside = self._ring = None

    def upsampled(self):
        """The first layer's top for the last `forward`, as a function."""
        x, weight = self._x, self.first.params[0].tensor
        return lambda: F.conv_transpose2d(x.float(), weight, stride=2, padding=1, groups=weight.shape[0])

    def joined_gradient(self, gradient):
        """The gradient of the second layer's bottom for the last `backward`, as a function."""
        weight = self._weight
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
