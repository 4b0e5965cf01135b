"""The forks of Fast R-CNN and R-FCN: pooling of regions, and the loss of their corners."""

import numpy as np

from cellseg.engine.later import torch
from cellseg.engine.layers.base import EVERYTHING, Layer, shown
from cellseg.engine.layers.forks.boxes_onnx import pooled_by_position

ABOUT = "Fast R-CNN, Faster R-CNN, R-FCN, SSD"
FIELDS = """
LayerParameter
    ROIPoolingParameter roi_pooling_param
    PSROIPoolingParameter psroi_pooling_param
    SmoothL1LossParameter smooth_l1_loss_param

ROIPoolingParameter
    uint32 pooled_h = 0
    uint32 pooled_w = 0
    float spatial_scale = 1

PSROIPoolingParameter
    float! spatial_scale
    int32! output_dim
    int32! group_size

SmoothL1LossParameter
    float sigma = 1
"""


class _Regions(Layer):
    """A layer that pools parts of the first bottom: the second gives, for each, an image and x1, y1, x2, y2."""

    BOTTOMS = (2, 2)
    REGIONS = True
    NO_GRADIENT = (1,)
    MAY_BE_IN_PLACE = BACKWARD_NEEDS_TOPS = False

    def sees(self, axis, low, high, top=0):
        return [EVERYTHING, EVERYTHING]

    def _check(self, bottom_shapes):
        images, regions = bottom_shapes
        if len(images) != 4 or not regions or np.prod(regions[1:]) != 5:
            self.fail(f"takes images NxCxHxW and regions of 5 numbers, not {shown(images)} and {shown(regions)}")

    def _cells(self, x, regions, starts, sizes, grid):
        """For each region, row and column of the grid: image, rows and columns of the pixels in it."""
        edges = []
        for axis in (0, 1):  # rows, columns
            step = (sizes[:, axis] / np.float32(grid[axis]))[:, None]
            places = np.arange(grid[axis] + 1, dtype=np.float32)[None]
            first, last = self._edges(starts[:, axis, None], step, places)
            side = x.shape[2 + axis]
            edges.append((np.clip(first, 0, side).astype(int), np.clip(last, 0, side).astype(int)))
        images = regions[:, 0].astype(int)
        if images.size and not 0 <= images.min() <= images.max() < x.shape[0]:
            self.fail(f"its regions are in the images {images.min()} to {images.max()}, of {x.shape[0]}")
        (tops, bottoms), (lefts, rights) = edges
        for number, image in enumerate(images):
            for row in range(grid[0]):
                for column in range(grid[1]):
                    rows = slice(tops[number, row], bottoms[number, row])
                    columns = slice(lefts[number, column], rights[number, column])
                    yield image, row, column, rows, columns

    @staticmethod
    def _edges(start, step, places):
        raise NotImplementedError


def _rounded(values):
    """As C rounds: halves away from zero."""
    return np.trunc(values + np.copysign(np.float32(0.5), values))


class ROIPooling(_Regions):
    """The largest value in each cell of a grid of `pooled_h` times `pooled_w` over each region; 0 in an empty one."""

    def setup(self, bottom_shapes):
        p = self.parameter.roi_pooling_param
        self.grid = (p.pooled_h, p.pooled_w)
        if min(self.grid) < 1:
            self.fail("pooled_h and pooled_w must be 1 or more")

    def reshape(self, bottom_shapes):
        self._check(bottom_shapes)
        return [(bottom_shapes[1][0], bottom_shapes[0][1], *self.grid)]

    def onnx(self, graph, bottoms, tops):
        scale = self.parameter.roi_pooling_param.spatial_scale
        regions = graph.reshaped(bottoms[1], [(0, 1), 5])
        graph.node("MaxRoiPool", [bottoms[0], regions], tops[0], pooled_shape=self.grid, spatial_scale=scale)

    @staticmethod
    def _edges(start, step, places):
        return start + np.floor(places[:, :-1] * step), start + np.ceil(places[:, 1:] * step)

    def compute(self, bottoms, weights):
        x, regions = bottoms[0], bottoms[1].detach().cpu().float().numpy().reshape(-1, 5)
        corners = _rounded(regions[:, 1:] * np.float32(self.parameter.roi_pooling_param.spatial_scale))
        starts, ends = corners[:, [1, 0]], corners[:, [3, 2]]
        sizes = np.maximum(ends - starts + 1, 1).astype(np.float32)
        pooled = []
        for image, _, _, rows, columns in self._cells(x, regions, starts, sizes, self.grid):
            cell = x[image, :, rows, columns].flatten(1)
            pooled.append(cell.max(1).values if cell.shape[1] else x.new_zeros(x.shape[1]))
        if not pooled:
            return [x.new_zeros(0, x.shape[1], *self.grid)]
        return [torch.stack(pooled, -1).reshape(x.shape[1], -1, *self.grid).transpose(0, 1)]


class PSROIPooling(_Regions):
    """The mean in each cell of a grid over each region, each cell from channels of its own; 0 in an empty one."""

    def setup(self, bottom_shapes):
        p = self.parameter.psroi_pooling_param
        self.many, self.grid = p.output_dim, (p.group_size, p.group_size)
        if min(self.many, p.group_size) < 1:
            self.fail("output_dim and group_size must be 1 or more")

    def reshape(self, bottom_shapes):
        self._check(bottom_shapes)
        channels = self.many * self.grid[0] ** 2
        if bottom_shapes[0][1] != channels:
            self.fail(f"output_dim and group_size ask for {channels} channels, but there are {bottom_shapes[0][1]}")
        return [(bottom_shapes[1][0], self.many, *self.grid)]

    def onnx(self, graph, bottoms, tops):
        pooled_by_position(self, graph, bottoms, tops[0])

    @staticmethod
    def _edges(start, step, places):
        return np.floor(places[:, :-1] * step + start), np.ceil(places[:, 1:] * step + start)

    def compute(self, bottoms, weights):
        x, regions = bottoms[0], bottoms[1].detach().cpu().float().numpy().reshape(-1, 5)
        scale, corners = np.float32(self.parameter.psroi_pooling_param.spatial_scale), _rounded(regions[:, 1:])
        starts, ends = corners[:, [1, 0]] * scale, (corners[:, [3, 2]] + 1) * scale
        sizes = np.maximum(ends - starts, np.float32(0.1))
        grouped, pooled = x.reshape(x.shape[0], self.many, *self.grid, *x.shape[2:]), []
        for image, row, column, rows, columns in self._cells(x, regions, starts, sizes, self.grid):
            cell = grouped[image, :, row, column, rows, columns].flatten(1)
            pooled.append(cell.mean(1) if cell.shape[1] else x.new_zeros(self.many))
        if not pooled:
            return [x.new_zeros(0, self.many, *self.grid)]
        return [torch.stack(pooled, -1).reshape(self.many, -1, *self.grid).transpose(0, 1)]


class SmoothL1Loss(Layer):
    """The sum of ``w * s(v * (a - b))``, divided by the batch size.

    ``s(x)`` is ``(sigma x)^2 / 2`` where ``|x|`` is below ``1 / sigma^2``, and ``|x| - 1 / (2 sigma^2)`` beyond. The
    weights v and w are the third and fourth bottom, 1 without them.
    """

    BOTTOMS = (2, 4)
    LOSS = SCORES = True
    NO_GRADIENT = (2, 3)

    def reshape(self, bottom_shapes):
        if any(np.prod(shape) != np.prod(bottom_shapes[0]) for shape in bottom_shapes) or not bottom_shapes[0]:
            self.fail(f"its bottoms {', '.join(map(shown, bottom_shapes))} differ in number")
        return [()]

    def compute(self, bottoms, weights):
        first, second, *factors = (bottom.float().reshape(bottoms[0].shape) for bottom in bottoms)
        bound = 1 / self.parameter.smooth_l1_loss_param.sigma**2
        missed = (first - second) * factors[0] if factors else first - second
        size = missed.abs()
        losses = torch.where(size < bound, missed.square() / (2 * bound), size - bound / 2)
        return [(losses * factors[1] if len(factors) > 1 else losses).sum() / first.shape[0]]
