"""Layers that forks of Caffe added: values and gradients beside references in double precision, written from their
descriptions, one number at a time."""

import itertools
import math

import numpy as np
import pytest
import torch
from PIL import Image

from cellseg.engine import prototxt
from cellseg.engine.fork_schema import FORKS, messages
from cellseg.engine.layers import make
from cellseg.errors import CellsegError

TRAIN, TEST = 0, 1
IMAGE = (2, 3, 4, 5)
FILLED = '{ type: "gaussian" mean: 1 std: 0.3 }'


def layer(fork, kind, shapes, fields="", tops=1, phase=TRAIN):
    """A layer of a fork, set up and shaped."""
    names = " ".join([f'bottom: "x{i}"' for i in range(len(shapes))] + [f'top: "y{i}"' for i in range(tops)])
    text = f'name: "it" type: "{kind}" {names} {fields} fork: "{fork}"'
    made = make(prototxt.parse(text, messages()["LayerParameter"], "test"), phase)
    made.check_numbers()
    made.setup(list(shapes))
    made.open()
    made.shaped = made.reshape(list(shapes))
    return made


def by_channel(values, x):
    return np.asarray(values).reshape(-1, *[1] * (x.ndim - 2))


def standard(x, factor, bias, eps, mean=None, variance=None):
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axes) if mean is None else mean
    variance = x.var(axes) if variance is None else variance
    unit = (x - by_channel(mean, x)) / np.sqrt(by_channel(variance, x) + eps)
    return unit * by_channel(factor, x) + by_channel(bias, x)


def upsampled(size):
    def reference(x, mask):
        top = np.zeros((*x.shape[:2], *size))
        for n, c, h, w in np.ndindex(*x.shape):
            top[n, c].flat[int(mask[n, c, h, w])] = x[n, c, h, w]
        return top

    return reference


def resized(size, cut=(0, 0)):
    def reference(x, *_):
        x = x[:, :, cut[0] : x.shape[2] - cut[1], cut[0] : x.shape[3] - cut[1]]
        top = np.zeros((*x.shape[:2], *size))
        for h, w in np.ndindex(*size):
            rows, columns = (
                (many - 1) * place / (big - 1) if big > 1 else 0.0
                for place, many, big in zip((h, w), x.shape[2:], size)
            )
            r, c = int(rows), int(columns)
            below, beside = min(r + 1, x.shape[2] - 1), min(c + 1, x.shape[3] - 1)
            dr, dc = rows - r, columns - c
            above = (1 - dc) * x[:, :, r, c] + dc * x[:, :, r, beside]
            top[:, :, h, w] = (1 - dr) * above + dr * ((1 - dc) * x[:, :, below, c] + dc * x[:, :, below, beside])
        return top

    return reference


def depthwise(pad, stride):
    def reference(x, weight, bias):
        each = weight.shape[0] // x.shape[1]
        x = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
        side = weight.shape[2]
        size = [(many - side) // stride + 1 for many in x.shape[2:]]
        top = np.zeros((x.shape[0], weight.shape[0], *size))
        for c, h, w in np.ndindex(*top.shape[1:]):
            seen = x[:, c // each, h * stride : h * stride + side, w * stride : w * stride + side]
            top[:, c, h, w] = (seen * weight[c, 0]).sum((1, 2)) + bias[c]
        return top

    return reference


def merged(adds):
    def reference(a, b):
        rows, columns = ((big - small) // 2 for small, big in zip(a.shape[2:], b.shape[2:]))
        b = b[:, :, rows : rows + a.shape[2], columns : columns + a.shape[3]]
        return a + b if adds else np.concatenate([a, b], 1)

    return reference


def unit(whole, eps):
    def reference(x, scale):
        length = np.sqrt((x * x).sum(tuple(range(1, x.ndim if whole else 2)), keepdims=True) + eps)
        return x / length * by_channel(scale, x)

    return reference


def smooth(sigma):
    def reference(a, b, inner=1.0, outer=1.0):
        total = 0
        for d, w in zip((inner * (a - b)).flat, np.broadcast_to(outer, a.shape).flat):
            total += w * (0.5 * (sigma * d) ** 2 if abs(d) < 1 / sigma**2 else abs(d) - 0.5 / sigma**2)
        return np.array(total / a.shape[0])

    return reference


def half_up(value):
    return math.floor(value + 0.5) if value >= 0 else math.ceil(value - 0.5)


def regions_largest(grid, scale):
    def reference(x, regions):
        top = np.zeros((len(regions), x.shape[1], *grid))
        for n, (image, *corners) in enumerate(regions.reshape(-1, 5)):
            left, up, right, down = (half_up(value * scale) for value in corners)
            tall, wide = max(down - up + 1, 1), max(right - left + 1, 1)
            for i, j in np.ndindex(*grid):
                rows = range(max(up + math.floor(i * tall / grid[0]), 0), up + math.ceil((i + 1) * tall / grid[0]))
                columns = range(
                    max(left + math.floor(j * wide / grid[1]), 0), left + math.ceil((j + 1) * wide / grid[1])
                )
                seen = [x[int(image), :, r, c] for r in rows for c in columns if r < x.shape[2] and c < x.shape[3]]
                top[n, :, i, j] = np.max(seen, 0) if seen else 0
        return top

    return reference


def regions_mean(many, grid, scale):
    def reference(x, regions):
        top = np.zeros((len(regions), many, grid, grid))
        for n, (image, *corners) in enumerate(regions.reshape(-1, 5)):
            left, up = (half_up(value) * scale for value in corners[:2])
            right, down = ((half_up(value) + 1) * scale for value in corners[2:])
            tall, wide = max(down - up, 0.1), max(right - left, 0.1)
            for c, i, j in np.ndindex(many, grid, grid):
                rows = range(max(math.floor(up + i * tall / grid), 0), math.ceil(up + (i + 1) * tall / grid))
                columns = range(max(math.floor(left + j * wide / grid), 0), math.ceil(left + (j + 1) * wide / grid))
                channel = (c * grid + i) * grid + j
                seen = [
                    x[int(image), channel, r, s] for r in rows for s in columns if r < x.shape[2] and s < x.shape[3]
                ]
                top[n, c, i, j] = np.mean(seen) if seen else 0
        return top

    return reference


RNG = np.random.default_rng(0)
MASK = np.argsort(RNG.random((2, 3, 56)), axis=2)[:, :, :20].reshape(IMAGE)  # each place once
REGIONS = np.array([[0, 0, 0, 9, 7], [1, 3, 2, 3, 2], [1, -4, -4, 1, 30], [0, 5, 6, 8, 7], [0, 40, 40, 44, 44]])
BN = f"bn_param {{ scale_filler {FILLED} shift_filler {FILLED} %s }}"
SLOPE = f"bn_param {{ slope_filler {FILLED} bias_filler {FILLED} %s }}"
NVIDIA = f"batch_norm_param {{ scale_filler {FILLED} bias_filler {FILLED} %s }}"
DEPTHWISE = f"convolution_param {{ num_output: 6 kernel_size: 3 pad: 1 stride: 2 weight_filler {FILLED} }}"
KEPT = {"mean": [0.5, -1, 2], "variance": [0.25, 1, 4]}
LOSS = "smooth_l1_loss_param { sigma: 1.5 }"

#: Fork, type, shapes of bottoms, fields, phase, reference; values of bottoms that are not just any numbers.
CASES = [
    ("segnet", "BN", [IMAGE], BN % "", TEST, lambda x, s, b: standard(x, s, b, 1e-9), {}),
    (
        "segnet",
        "BN",
        [IMAGE],
        BN % "bn_mode: INFERENCE",
        TRAIN,
        lambda x, s, b: x * by_channel(s, x) + by_channel(b, x),
        {},
    ),
    (
        "segnet",
        "Upsample",
        [IMAGE] * 2,
        "upsample_param { upsample_h: 7 upsample_w: 8 }",
        TRAIN,
        upsampled((7, 8)),
        {1: MASK},
    ),
    (
        "segnet",
        "Upsample",
        [IMAGE] * 2,
        "upsample_param { scale: 2 pad_out_h: true }",
        TEST,
        upsampled((7, 10)),
        {1: MASK},
    ),
    (
        "segnet",
        "Upsample",
        [IMAGE] * 2,
        "upsample_param { scale_h: 3 scale_w: 2 }",
        TEST,
        upsampled((12, 10)),
        {1: MASK},
    ),
    ("pspnet", "BN", [IMAGE], SLOPE % "eps: 0.01", TRAIN, lambda x, s, b, *_: standard(x, s, b, 0.01), {}),
    ("pspnet", "BN", [IMAGE], SLOPE % "", TEST, lambda x, s, b, m, v: standard(x, s, b, 1e-5, m, v), {}),
    ("pspnet", "BN", [IMAGE], SLOPE % "frozen: true", TRAIN, lambda x, s, b, m, v: standard(x, s, b, 1e-5, m, v), {}),
    ("pspnet", "Interp", [IMAGE], "interp_param { zoom_factor: 3 }", TRAIN, resized((10, 13)), {}),
    (
        "pspnet",
        "Interp",
        [(1, 2, 9, 8)],
        "interp_param { shrink_factor: 2 pad_beg: -1 }",
        TRAIN,
        resized((4, 4), (1, 0)),
        {},
    ),
    (
        "pspnet",
        "Interp",
        [(1, 2, 9, 8)],
        "interp_param { shrink_factor: 2 zoom_factor: 3 pad_end: -2 }",
        TEST,
        resized((10, 7), (0, 2)),
        {},
    ),
    ("pspnet", "Interp", [IMAGE], "interp_param { height: 1 width: 7 }", TRAIN, resized((1, 7)), {}),
    ("pspnet", "Interp", [IMAGE, (2, 1, 6, 3)], "", TRAIN, resized((6, 3)), {}),
    ("nvidia", "BatchNorm", [IMAGE], NVIDIA % "", TRAIN, lambda x, m, v, n, s, b: standard(x, s, b, 1e-5), {}),
    (
        "nvidia",
        "BatchNorm",
        [IMAGE],
        NVIDIA % "eps: 0.1",
        TEST,
        lambda x, m, v, n, s, b: standard(x, s, b, 0.1, m, v),
        {},
    ),
    (
        "nvidia",
        "BatchNorm",
        [IMAGE],
        "batch_norm_param { scale_bias: false }",
        TEST,
        lambda x, m, v, n: standard(x, 1, 0, 1e-5, m, v),
        {},
    ),
    ("mobilenet", "DepthwiseConvolution", [IMAGE], DEPTHWISE, TRAIN, depthwise(1, 2), {}),
    ("mobilenet", "ConvolutionDepthwise", [IMAGE], DEPTHWISE, TRAIN, depthwise(1, 2), {}),
    ("senet", "Axpy", [(2, 3, 1, 1), IMAGE, IMAGE], "", TRAIN, lambda a, x, y: a * x + y, {}),
    ("senet", "Axpy", [(2, 3), IMAGE, IMAGE], "", TRAIN, lambda a, x, y: a[..., None, None] * x + y, {}),
    (
        "greentea",
        "MergeCrop",
        [IMAGE, (2, 2, 7, 9)],
        "mergecrop_param { backward: 1 backward: 1 }",
        TRAIN,
        merged(False),
        {},
    ),
    (
        "greentea",
        "MergeCrop",
        [IMAGE, (2, 3, 7, 5)],
        "mergecrop_param { backward: [1, 1] operation: ADD }",
        TRAIN,
        merged(True),
        {},
    ),
    ("ssd", "Permute", [IMAGE], "permute_param { order: [0, 2, 3] }", TRAIN, lambda x: x.transpose(0, 2, 3, 1), {}),
    ("ssd", "Normalize", [IMAGE], "", TRAIN, unit(True, 1e-10), {}),
    (
        "ssd",
        "Normalize",
        [IMAGE],
        f"norm_param {{ across_spatial: false channel_shared: false eps: 0.1 scale_filler {FILLED} }}",
        TRAIN,
        unit(False, 0.1),
        {},
    ),
    (
        "rcnn",
        "ROIPooling",
        [(2, 3, 8, 10), (5, 5)],
        "roi_pooling_param { pooled_h: 2 pooled_w: 3 spatial_scale: 0.7 }",
        TRAIN,
        regions_largest((2, 3), 0.7),
        {1: REGIONS},
    ),
    (
        "rcnn",
        "PSROIPooling",
        [(2, 8, 8, 10), (5, 5, 1, 1)],
        "psroi_pooling_param { output_dim: 2 group_size: 2 spatial_scale: 0.75 }",
        TRAIN,
        regions_mean(2, 2, 0.75),
        {1: REGIONS.reshape(5, 5, 1, 1)},
    ),
    ("rcnn", "SmoothL1Loss", [IMAGE] * 2, LOSS, TRAIN, smooth(1.5), {}),
    ("rcnn", "SmoothL1Loss", [IMAGE] * 3, LOSS, TRAIN, smooth(1.5), {}),
    ("rcnn", "SmoothL1Loss", [IMAGE] * 4, LOSS, TRAIN, smooth(1.5), {}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def test_values_and_gradients_are_those_of_the_reference(case):
    fork, kind, shapes, fields, phase, reference, given = case
    made = layer(fork, kind, shapes, fields, phase=phase)
    bottoms = [np.asarray(given.get(i, RNG.normal(0.2, 1, shape)), np.float32) for i, shape in enumerate(shapes)]
    weights = [blob.tensor for blob in made.params]
    kept = {"pspnet": (2, 3), "nvidia": (0, 1)}.get(fork, ()) if len(weights) > 2 else ()
    for place, values in zip(kept, KEPT.values()):
        weights[place].copy_(torch.tensor(values).reshape(weights[place].shape))
    fixed = [place for place, spec in enumerate(made.parameter.param) if spec.lr_mult == 0]
    doubles = [np.asarray(array, np.float64) for array in [*bottoms, *(w.numpy() for w in weights)]]
    if fork in ("pspnet", "nvidia"):
        doubles[len(bottoms) :] = [array.ravel() for array in doubles[len(bottoms) :]]
    expected = reference(*doubles)
    down = [i not in made.NO_GRADIENT for i in range(len(bottoms))]
    learn = [place not in fixed for place in range(len(weights))]
    (top,) = made.forward([torch.from_numpy(bottom) for bottom in bottoms], weights, down, learn)
    assert top.shape == expected.shape == made.shaped[0]
    np.testing.assert_allclose(top.numpy(), expected, rtol=1e-5, atol=2e-6 * max(1, np.abs(expected).max()))
    gradient = RNG.normal(size=expected.shape)
    found = list(itertools.chain(*made.backward([torch.tensor(gradient, dtype=torch.float32)])))
    for place, (array, wanted) in enumerate(zip(doubles, [*down, *learn])):
        if not wanted:
            assert found[place] is None
            continue
        for _ in range(2):
            step = RNG.normal(size=array.shape)
            step *= 1e-5 / np.linalg.norm(step)
            sides = []
            for sign in (1, -1):
                moved = [*doubles[:place], array + sign * step, *doubles[place + 1 :]]
                sides.append((reference(*moved) * gradient).sum())
            slope = (sides[0] - sides[1]) / 2e-5
            mine = float((found[place].numpy().reshape(step.shape) * step).sum() / 1e-5)
            assert mine == pytest.approx(slope, rel=1e-3, abs=1e-4), place


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def test_a_layer_sees_what_it_says(case):
    fork, kind, shapes, fields, phase, _, given = case
    made = layer(fork, kind, shapes, fields, phase=phase)
    bottoms = [torch.tensor(np.asarray(given.get(i, RNG.normal(size=shape)))).float() for i, shape in enumerate(shapes)]
    weights = [blob.tensor for blob in made.params]
    before = made.compute(bottoms, weights)[0]
    images = [i for i, bottom in enumerate(bottoms) if bottom.dim() == 4 and i not in made.NO_GRADIENT]
    for place, axis in itertools.product(images if before.dim() == 4 and kind != "Permute" else [], (2, 3)):
        said = [made.sees(axis, unit, unit)[place] for unit in range(before.shape[axis])]
        for row in range(bottoms[place].shape[axis]):
            moved = [bottom.clone() for bottom in bottoms]
            moved[place].select(axis, row).add_(torch.randn(()) * 50)
            after = made.compute(moved, weights)[0]
            others = [one for one in range(4) if one != axis]
            for unit in torch.nonzero((after != before).amax(others)).flatten().tolist():
                assert said[unit][0] <= row <= said[unit][1], (axis, row, unit, said[unit])


def test_statistics_are_kept_as_each_fork_keeps_them():
    x = RNG.normal(3, 2, IMAGE).astype(np.float32)
    mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
    psp = layer("pspnet", "BN", [IMAGE], SLOPE % "momentum: 0.75")
    nvidia = layer("nvidia", "BatchNorm", [IMAGE], NVIDIA % "moving_average_fraction: 0.75")
    segnet = layer("segnet", "BN", [IMAGE], BN % "", tops=3, phase=TEST)
    for made, places in ((psp, (2, 3)), (nvidia, (0, 1))):
        for _ in range(2):
            made.compute([torch.from_numpy(x)], [blob.tensor for blob in made.params])
        made.kept = [made.params[place].tensor.numpy().ravel() for place in places]
    np.testing.assert_allclose(psp.kept, [mean * 0.4375, variance * 0.4375], rtol=1e-5)
    np.testing.assert_allclose(nvidia.kept, [mean, variance * (40 / 39)], rtol=1e-5)
    _, first, second = segnet.compute([torch.from_numpy(x)], [blob.tensor for blob in segnet.params])
    np.testing.assert_allclose([first.ravel(), second.ravel()], [mean, variance], rtol=1e-5)
    assert first.shape == segnet.shaped[1] == (1, 3, 1, 1)
    frozen = layer("pspnet", "BN", [IMAGE], SLOPE % "frozen: true")
    assert [spec.lr_mult for spec in frozen.parameter.param] == [0] * 4
    assert [blob.tensor.unique().item() for blob in frozen.params[2:]] == [0, 1]


def test_a_gradient_that_a_fork_holds_back_is_held_back():
    shapes = [IMAGE, (2, 2, 7, 9)]
    made = layer("greentea", "MergeCrop", shapes)
    (top,) = made.forward([torch.zeros(shape) for shape in shapes], [], [True, True], [])
    (first, second), _ = made.backward([torch.ones_like(top)])
    assert first.sum() == first.numel() and second is None


@pytest.mark.parametrize("sides", [(4, 4), (5, 7), (6, 9)])
def test_pooling_that_rounds_down(sides):
    window = "kernel_size: 3 stride: 2 pad: 1"
    ours = layer("mobilenet", "Pooling", [(1, 2, *sides)], f"pooling_param {{ {window} ceil_mode: false }}")
    stock = layer("", "Pooling", [(1, 2, *sides)], f"pooling_param {{ {window} round_mode: FLOOR }}")
    up = layer("mobilenet", "Pooling", [(1, 2, *sides)], f"pooling_param {{ {window} ceil_mode: true }}")
    assert ours.shaped == stock.shaped == [(1, 2, *((side - 1) // 2 + 1 for side in sides))]
    assert up.shaped == [(1, 2, *(side // 2 + 1 for side in sides))]


def test_boxes_to_start_from():
    fields = "min_size: 30 max_size: 60 aspect_ratio: 2 clip: true variance: [0.1, 0.1, 0.2, 0.2] step: 8"
    made = layer("ssd", "PriorBox", [(1, 3, 2, 3), (1, 3, 100, 120)], f"prior_box_param {{ {fields} }}")
    (top,) = made.forward([torch.zeros(1, 3, 2, 3), torch.zeros(1, 3, 100, 120)], [], [False] * 2, [])
    assert top.shape == made.shaped[0] == (1, 2, 2 * 3 * 4 * 4)
    root = math.sqrt(2)
    sizes = [(30, 30), (math.sqrt(1800),) * 2, (30 * root, 30 / root), (30 / root, 30 * root)]  # width, height
    expected = [
        [
            ((w + 0.5) * 8 - wide / 2) / 120,
            ((h + 0.5) * 8 - tall / 2) / 100,
            ((w + 0.5) * 8 + wide / 2) / 120,
            ((h + 0.5) * 8 + tall / 2) / 100,
        ]
        for h in range(2)
        for w in range(3)
        for wide, tall in sizes
    ]
    np.testing.assert_allclose(top[0, 0].reshape(-1, 4), np.clip(expected, 0, 1), atol=1e-6)
    np.testing.assert_allclose(top[0, 1].reshape(-1, 4), [[0.1, 0.1, 0.2, 0.2]] * 24)


def test_boxes_that_are_found():
    """Of two boxes that overlap the better one stays, in each class; the background is no class."""
    boxes = np.array([[0.1, 0.1, 0.3, 0.3], [0.12, 0.1, 0.32, 0.3], [0.6, 0.6, 0.8, 0.9]])
    variances = np.tile([0.1, 0.1, 0.2, 0.2], (3, 1))
    moves = np.zeros((1, 3, 4))
    moves[0, 2] = [1, 0, math.log(2) / 0.2, 0]
    scores = np.array([[[0.9, 0.6, 0.1], [0, 0.8, 0.3], [0, 0.7, 0.9]]])
    bottoms = [moves.reshape(1, -1), scores.reshape(1, -1), np.stack([boxes.ravel(), variances.ravel()])[None]]
    bottoms = [torch.tensor(bottom, dtype=torch.float32) for bottom in bottoms]
    fields = "num_classes: 3 nms_param { nms_threshold: 0.5 top_k: 9 } confidence_threshold: 0.2 "

    def found(more):
        given = f"detection_output_param {{ {fields} {more} }}"
        made = layer("ssd", "DetectionOutput", [tuple(b.shape) for b in bottoms], given, phase=TEST)
        return made.forward(bottoms, [], [False] * 3, [])[0].numpy()[0, 0]

    moved = [0.6 + 0.1 * 0.2 - 0.1, 0.6, 0.6 + 0.1 * 0.2 + 0.3, 0.9]  # its middle 0.02 to the right, twice as wide
    rows = [
        [0, 1, 0.8, 0.12, 0.1, 0.32, 0.3],
        [0, 1, 0.7, *moved],
        [0, 2, 0.9, *moved],
        [0, 2, 0.3, 0.12, 0.1, 0.32, 0.3],
    ]
    np.testing.assert_allclose(found("code_type: CENTER_SIZE"), rows, atol=1e-6)
    np.testing.assert_allclose(found("code_type: CENTER_SIZE keep_top_k: 2"), [rows[0], rows[2]], atol=1e-6)
    np.testing.assert_allclose(found("")[1, 3:], [0.7, 0.6, 0.8 + math.log(2), 0.9], atol=1e-6)
    nothing = found("").shape[1], found("").tolist()
    assert nothing[0] == 7
    fields = "num_classes: 3 confidence_threshold: 0.95"
    assert found("").tolist() == [[0, *[-1] * 6]]


def test_boxes_that_are_moved_twice_and_may_be_empty():
    """RefineDet's: the first moves go to where the second start; where nothing is, the score is the background's."""
    boxes, variances = np.array([[0.1, 0.1, 0.3, 0.3], [0.6, 0.6, 0.8, 0.9]]), [0.1, 0.1, 0.2, 0.2]
    there, start = [[0.2, 0.8], [0.95, 0.05]], [[1, 0, 0, 0], [0, 0, 0, 0]]
    scores, moves = [[0.1, 0.9], [0.3, 0.7]], [[1, 0, math.log(2) / 0.2, 0], [0, 0, 0, 0]]
    priors = np.stack([boxes.ravel(), np.tile(variances, 2)])[None]
    bottoms = [torch.tensor(np.reshape(one, (1, -1)), dtype=torch.float32) for one in (moves, scores)]
    bottoms += [torch.tensor(priors, dtype=torch.float32)]
    bottoms += [torch.tensor(np.reshape(one, (1, -1)), dtype=torch.float32) for one in (there, start)]
    fields = "num_classes: 2 code_type: CENTER_SIZE objectness_score: 0.1 confidence_threshold: 0.01 clip: true"
    shapes = [tuple(one.shape) for one in bottoms]
    made = layer("ssd", "DetectionOutput", shapes, f"detection_output_param {{ {fields} }}", phase=TEST)
    middle = 0.2 + 0.1 * 0.2 + 0.1 * 0.2  # each move is a tenth of the width
    expected = [[0, 1, 0.9, middle - 0.2, 0.1, middle + 0.2, 0.3]]
    np.testing.assert_allclose(made.forward(bottoms, [], [False] * 5, [])[0][0, 0], expected, atol=1e-6)
    boxes += 0.7
    priors = np.stack([boxes.ravel(), np.tile(variances, 2)])[None]
    bottoms[2] = torch.tensor(priors, dtype=torch.float32)
    assert made.forward(bottoms, [], [False] * 5, [])[0][0, 0, 0, 5] == 1
    with pytest.raises(CellsegError, match="needs objectness_score"):
        layer("ssd", "DetectionOutput", shapes[:4], "detection_output_param { num_classes: 2 }")


@pytest.mark.parametrize(
    ("fork", "kind", "shapes", "fields", "words"),
    [
        ("segnet", "Upsample", [IMAGE, (2, 3, 4, 4)], "", "of their shape, not 2x3x4x5 and 2x3x4x4"),
        ("segnet", "Upsample", [IMAGE] * 2, "upsample_param { upsample_h: 7 }", "give upsample_h and upsample_w"),
        ("pspnet", "Interp", [IMAGE], "", "zoom_factor or shrink_factor"),
        ("pspnet", "Interp", [IMAGE], "interp_param { zoom_factor: 2 pad_beg: 1 }", "0 or less"),
        ("nvidia", "BatchNorm", [(4,)], "", "two axes"),
        ("senet", "Axpy", [(2, 4), IMAGE, IMAGE], "", "2x4, 2x3x4x5"),
        ("greentea", "MergeCrop", [IMAGE, (2, 3, 3, 5)], "", "as large as the first"),
        ("ssd", "Permute", [IMAGE], "permute_param { order: [1, 1] }", "each once"),
        ("rcnn", "ROIPooling", [IMAGE, (2, 4)], "roi_pooling_param { pooled_h: 2 pooled_w: 2 }", "5 numbers"),
        (
            "rcnn",
            "PSROIPooling",
            [IMAGE, (2, 5)],
            "psroi_pooling_param { output_dim: 2 group_size: 2 spatial_scale: 1 }",
            "8 channels",
        ),
        ("ssd", "PriorBox", [IMAGE] * 2, "", "min_size"),
        (
            "ssd",
            "DetectionOutput",
            [(1, 4), (1, 2), (1, 2, 8)],
            "detection_output_param { num_classes: 2 }",
            "2 boxes need 8",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(fork, kind, shapes, fields, words):
    with pytest.raises(CellsegError) as error:
        layer(fork, kind, shapes, fields)
    assert words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("listed", "fields", "words"),
    [
        ("a.png l.png b.png", "", "lists 3 files"),
        ("a.png l.png", "new_height: 3", "new_height and new_width must be given both"),
        ("a.png l.png", "} transform_param { crop_size: 5", "a.png is 4x6, smaller than crop_size 5"),
        ("a.png b.png", "", "labels must be grey values"),
        ("a.png small.png", "", "a.png is 4x6, but its labels small.png are 2x2"),
        ("gone.png l.png", "", "gone.png cannot be read .No such file"),
        ("list l.png", "", "list cannot be read .no picture"),
    ],
)
def test_lists_of_images_that_cannot_be_used(tmp_path, listed, fields, words):
    for name, shape in {"a": (4, 6, 3), "b": (4, 6, 3), "l": (4, 6), "small": (2, 2)}.items():
        Image.fromarray(np.zeros(shape, np.uint8)).save(tmp_path / f"{name}.png")
    (tmp_path / "list").write_text(listed)
    source = f'dense_image_data_param {{ source: "{tmp_path}/list" root_folder: "{tmp_path}/" {fields} }}'
    with pytest.raises(CellsegError, match=words):
        layer("segnet", "DenseImageData", [], source, tops=2)


def test_images_and_their_labels_change_alike(tmp_path):
    """Cut, mirrored and in another size: image and labels are of the same pixels."""
    values = np.arange(180, dtype=np.uint8).reshape(10, 18).repeat(2, 0).repeat(2, 1)
    for name in ("a.png", "b.png"):
        Image.fromarray(values).save(tmp_path / name)
    (tmp_path / "list").write_text("a.png b.png")
    source = f'source: "{tmp_path}/list" root_folder: "{tmp_path}/" batch_size: 9 is_color: false'
    source = f"dense_image_data_param {{ {source} new_height: 10 new_width: 18 }}"
    change = " transform_param { crop_size: 8 mirror: true scale: 2 mean_value: 3 }"
    made = layer("segnet", "DenseImageData", [], source + change, tops=2)
    assert made.shaped == [(9, 1, 8, 8)] * 2
    images, labels = (part.numpy() for part in made.forward([], [], [], []))
    np.testing.assert_array_equal(images, (labels - 3) * 2)
    steps = {int(one[0, 0, 1] - one[0, 0, 0]) for one in labels}
    assert steps == {-1, 1} and len(np.unique(labels[:, 0, 0, 0])) > 4
    whole = layer("segnet", "DenseImageData", [], source, tops=2).forward([], [], [], [])
    np.testing.assert_array_equal(whole[1][0, 0], values[::2, ::2])


def test_a_mask_of_another_size_is_refused():
    made = layer("segnet", "Upsample", [IMAGE] * 2)
    with pytest.raises(CellsegError, match="places 0 to 80, but its top is 8x10"):
        made.compute([torch.zeros(IMAGE), torch.tensor(np.linspace(0, 80, 120).reshape(IMAGE))], [])


def test_every_type_of_every_fork_is_tried():
    tried = {(case[0], case[1]) for case in CASES} | {("mobilenet", "Pooling")}
    tried |= {("ssd", "PriorBox"), ("ssd", "DetectionOutput"), ("segnet", "DenseImageData")}
    assert tried == {(name, kind) for name, fork in FORKS.items() for kind in fork.types}
