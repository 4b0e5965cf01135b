"""Layers: what goes beyond real Caffe (tests/parity compares them with it), memory, precision, and errors."""

import math

import numpy as np
import pytest
import torch

from cellseg.engine import prototxt
from cellseg.engine.caffe_schema import MESSAGES, LayerParameter
from cellseg.engine.layers import make
from cellseg.engine.torch.context import context
from cellseg.errors import CellsegError

IMAGE = (2, 3, 5, 7)
LABELS = (2, 1, 5, 7)


def layer(kind, *shapes, fields="", tops=1, phase=0):
    """A layer, set up and shaped."""
    names = " ".join([f'bottom: "x{i}"' for i in range(len(shapes))] + [f'top: "y{i}"' for i in range(tops)])
    made = make(prototxt.parse(f'name: "it" type: "{kind}" {names} {fields}', LayerParameter, "test"), phase)
    made.setup(list(shapes))
    made.open()
    made.reshape(list(shapes))
    return made


def run(made, *bottoms, learn=True, gradients=None):
    """Tops, and the gradients of bottoms and weights for top gradients of ones."""
    weights = [blob.tensor for blob in made.params]
    down = [i not in made.NO_GRADIENT for i in range(len(bottoms))]
    tops = made.forward(list(bottoms), weights, down, [learn] * len(weights))
    return tops, *made.backward(gradients or [torch.ones_like(top) for top in tops])


def numbers(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def channels_last(tensor):
    return tensor.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("kind", "shapes", "fields", "words"),
    [
        ("Pooling", [IMAGE], "pooling_param { kernel_size: 9 }", ["9x9", "2x3x5x7"]),
        ("Pooling", [IMAGE], "pooling_param { pool: STOCHASTIC kernel_size: 2 }", ["STOCHASTIC", "MAX and AVE"]),
        ("Pooling", [(2, 3)], "pooling_param { kernel_size: 2 }", ["NxCxHxW", "2x3"]),
        ("Eltwise", [(2, 3), (3, 2)], "", ["2x3", "3x2"]),
        ("Eltwise", [(2, 3), (2, 3)], "eltwise_param { coeff: 1 }", ["1 of 2"]),
        ("Concat", [(2, 3, 4), (2, 3, 5)], "", ["2x3x4", "2x3x5", "axis 1"]),
        ("Crop", [IMAGE, (2, 2, 4, 5)], "crop_param { offset: 3 }", ["2x2x4x5", "2x3x5x7", "3, 3"]),
        ("Reshape", [IMAGE], "reshape_param { shape { dim: 4 dim: -1 } }", ["2x3x5x7", "4x-1"]),
        ("Slice", [IMAGE], "slice_param { axis: 4 }", ["axis 4", "2x3x5x7"]),
        ("Scale", [IMAGE, (4,)], "", ["4", "2x3x5x7", "axis 1"]),
        ("BatchNorm", [IMAGE], "param { lr_mult: 1 }", ["lr_mult: 0"]),
        ("SoftmaxWithLoss", [IMAGE, (2, 1, 5, 6)], "", ["2x3x5x7", "2x1x5x6", "70"]),
        ("SoftmaxWithLoss", [IMAGE, (3, 1, 5, 7)], "", ["2x3x5x7", "3x1x5x7"]),
        ("InfogainLoss", [IMAGE, LABELS, (2, 2)], "", ["3x3", "4 numbers"]),
        ("InfogainLoss", [IMAGE, LABELS], "", ["source"]),
        ("InfogainLoss", [IMAGE, LABELS], 'infogain_loss_param { source: "gone" }', ["gone", "No such file"]),
        ("EuclideanLoss", [(3, 4), (3, 5)], "", ["3x4", "3x5"]),
        ("HingeLoss", [(4, 3), (4, 2)], "", ["4x3", "4x2"]),
        ("Accuracy", [IMAGE, LABELS], "accuracy_param { top_k: 4 }", ["top_k 4", "3 classes"]),
        ("ArgMax", [()], "", ["scalar"]),
        ("Dropout", [IMAGE], "dropout_param { dropout_ratio: 1 }", ["dropout_ratio is 1"]),
        ("Exp", [IMAGE], "exp_param { base: -2 }", ["base is -2"]),
        ("LRN", [IMAGE], "lrn_param { local_size: 4 }", ["local_size is 4", "odd"]),
    ],
)
def test_what_does_not_fit_is_one_line(kind, shapes, fields, words):
    with pytest.raises(CellsegError) as error:
        layer(kind, *shapes, fields=fields)
    text = str(error.value)
    assert text.startswith(f"layer 'it' ({kind}): ") and "\n" not in text
    for word in words:
        assert word in text


@pytest.mark.parametrize("kind", ["SoftmaxWithLoss", "InfogainLoss", "Accuracy"])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("label", [-1, "most", math.nan])
def test_labels_that_are_no_classes_are_refused(kind, classes, label):
    scores = (2, classes, 4, 4)
    more = [(classes, classes)] if kind == "InfogainLoss" else []
    made = layer(kind, scores, (2, 1, 4, 4), *more)
    values = torch.zeros(2, 1, 4, 4)
    values[1, 0, 2, 3] = classes if label == "most" else label
    with pytest.raises(CellsegError, match=rf"none of the classes 0 to {classes - 1}"):
        run(made, numbers(*scores), values, *[torch.eye(classes) for _ in more])
    assert run(made, numbers(*scores), values.nan_to_num().clamp(0, 1), *[torch.eye(classes) for _ in more])


def test_an_ignored_label_need_not_be_a_class():
    made = layer("SoftmaxWithLoss", (1, 3, 1, 2), (1, 1, 1, 2), fields="loss_param { ignore_label: 255 }")
    (loss,), (gradient, _), _ = run(made, torch.zeros(1, 3, 1, 2), torch.tensor([[[[255.0, 0.0]]]]))
    assert loss.item() == pytest.approx(math.log(3))
    assert not gradient[..., 0].any() and gradient[..., 1].abs().sum() > 1


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", ["SoftmaxWithLoss", "InfogainLoss"])
def test_a_batch_of_ignored_labels_has_no_loss(kind, classes):
    shapes = (2, classes, 3), (2, 3), *([(classes, classes)] if kind == "InfogainLoss" else [])
    made = layer(kind, *shapes, fields="loss_param { ignore_label: 1 }")
    bottoms = numbers(*shapes[0]), torch.ones(2, 3), torch.eye(classes)
    (loss,), (gradient, *_), _ = run(made, *bottoms[: len(shapes)])
    assert loss.item() == 0 and not gradient.any()


@pytest.mark.parametrize("classes", [2, 3])
def test_a_sure_mistake_costs_a_bounded_loss_but_keeps_its_gradient(classes):
    made = layer("SoftmaxWithLoss", (1, classes), (1,), tops=2)
    scores = torch.full((1, classes), -1000.0)
    scores[0, 1] = 1000
    (loss, probabilities), (gradient, _), _ = run(made, scores, torch.zeros(1))
    assert loss.item() == pytest.approx(87.33655)
    expected = [0, 1, 0][:classes]
    assert probabilities.tolist() == [expected]
    assert gradient.tolist() == [[-1, *expected[1:]]]


@pytest.mark.parametrize("classes", [2, 5])
def test_softmax_with_loss_is_that_of_pytorch(classes):
    made = layer("SoftmaxWithLoss", (3, classes, 9, 8), (3, 1, 9, 8))
    scores, labels = channels_last(numbers(3, classes, 9, 8)), (numbers(3, 1, 9, 8).abs() * 2).clamp(max=classes - 1)
    (loss,), (gradient, nothing), _ = run(made, scores, labels, gradients=[torch.tensor(0.3)])
    leaf = scores.clone().requires_grad_()
    expected = torch.nn.functional.cross_entropy(leaf, labels[:, 0].long())
    (0.3 * expected).backward()
    torch.testing.assert_close(loss, expected.detach())
    torch.testing.assert_close(gradient, leaf.grad)
    assert nothing is None


def test_infogain_reads_its_matrix_from_a_file(tmp_path):
    blob = MESSAGES["BlobProto"](num=1, channels=1, height=3, width=3, data=[2, 0, 0, 0, 3, 0, 0, 0, 4])
    (tmp_path / "H.binaryproto").write_bytes(blob.SerializeToString())
    fields = f'infogain_loss_param {{ source: "{tmp_path}/H.binaryproto" }}'
    bottoms = numbers(*IMAGE), torch.ones(LABELS)
    from_file = run(layer("InfogainLoss", IMAGE, LABELS, fields=fields), *bottoms)
    matrix = torch.tensor([2.0, 3.0, 4.0]).diag()
    from_bottom = run(layer("InfogainLoss", IMAGE, LABELS, (3, 3)), *bottoms, matrix)
    plain = run(layer("SoftmaxWithLoss", IMAGE, LABELS), *bottoms)
    for other in (from_bottom, from_file):
        torch.testing.assert_close(other[0][0], 3 * plain[0][0])
        torch.testing.assert_close(other[1][0], 3 * plain[1][0])
    (tmp_path / "H.binaryproto").write_bytes(b"nonsense" * 20)
    with pytest.raises(CellsegError, match="no binary BlobProto"):
        layer("InfogainLoss", IMAGE, LABELS, fields=fields)
    with pytest.raises(CellsegError, match="cannot be read"):
        layer("InfogainLoss", IMAGE, LABELS, fields=fields.replace("H.binaryproto", ""))


@pytest.mark.parametrize("slope", [0, 0.5, -0.5])
def test_relu_overwrites_its_bottom_only_where_it_may(slope):
    fields = f"relu_param {{ negative_slope: {slope} }}"
    for in_place in (False, True):
        made = layer("ReLU", IMAGE, fields=fields)
        made.in_place = in_place
        x = numbers(*IMAGE)
        before = x.clone()
        (top,), (gradient,), _ = run(made, x)
        torch.testing.assert_close(top, torch.where(before > 0, before, slope * before))
        assert gradient.equal(torch.where(before > 0, 1.0, slope))
        assert (top.data_ptr() == x.data_ptr()) == (in_place and not slope)
        assert in_place or x.equal(before)


def test_a_window_beyond_the_image_holds_nothing():
    # k < s: Caffe's rounding up makes a third window, from row 6 of 5. Its gradient would go to wild memory there.
    made = layer("Pooling", (1, 1, 5, 5), fields="pooling_param { kernel_size: 1 stride: 3 }")
    (top,), (gradient,), _ = run(made, torch.arange(25.0).reshape(1, 1, 5, 5))
    lowest = torch.finfo(torch.float32).min
    assert top[0, 0].tolist() == [[0, 3, lowest], [15, 18, lowest], [lowest] * 3]
    assert gradient.flatten().nonzero().flatten().tolist() == [0, 3, 15, 18]


def test_maxima_say_where_they_stood():
    # Wider padding than PyTorch takes, and an image that is not square.
    made = layer("Pooling", (1, 1, 2, 3), fields="pooling_param { kernel_size: 3 stride: 3 pad: 2 }", tops=2)
    (top, where), _, _ = run(made, torch.tensor([[[[5.0, 1, 2], [0, 3, 4]]]]), gradients=[None, None])
    assert top.tolist() == [[[[5, 2], [0, 4]]]]
    assert where.tolist() == [[[[0, 2], [3, 5]]]]


def test_the_first_of_equal_maxima_has_the_gradient():
    for memory in (torch.contiguous_format, torch.channels_last):
        made = layer("Pooling", (1, 2, 4, 4), fields="pooling_param { kernel_size: 2 stride: 2 }")
        _, (gradient,), _ = run(made, torch.zeros(1, 2, 4, 4).contiguous(memory_format=memory))
        assert gradient.equal(torch.tensor([[1.0, 0], [0, 0]]).tile(1, 2, 2, 2))


def test_dropout_draws_as_caffe_does():
    """In the order of the axes whatever the order in memory, and compared in double precision."""
    made = layer("Dropout", (2, 3, 500, 500), fields="dropout_param { dropout_ratio: 0.3 }")
    context.random.seed(11)
    kept = np.less_equal(context.random.raw(1500000), (1 - float(np.float32(0.3))) * (2**32 - 1))
    assert not kept[523336]  # in single precision it would be kept
    for memory in (torch.contiguous_format, torch.channels_last):
        context.random.seed(11)
        (top,), (gradient,), _ = run(made, torch.ones(2, 3, 500, 500).contiguous(memory_format=memory))
        assert top.is_contiguous(memory_format=memory)
        assert ((top.numpy() != 0).ravel() == kept).all()
        assert gradient.equal(top) and top.max().item() == np.float32(1 / (1 - float(np.float32(0.3))))


def test_dropout_leaves_everything_when_testing():
    made = layer("Dropout", IMAGE, phase=1)
    x, state = numbers(*IMAGE), context.random.state()
    (top,), (gradient,), _ = run(made, x)
    assert top.equal(x) and gradient.eq(1).all() and context.random.state() == state


def test_batch_norm_keeps_running_sums_that_are_not_learnt():
    fields = "batch_norm_param { moving_average_fraction: 0.5 }"
    made = layer("BatchNorm", IMAGE, fields=fields)
    assert [spec.lr_mult for spec in made.parameter.param] == [0, 0, 0]
    x = numbers(*IMAGE) + 3
    for _ in range(2):
        _, _, weights = run(made, x)
        assert weights == [None, None, None]
    mean, variance, count = (blob.tensor for blob in made.params)
    assert count.item() == 1.5
    torch.testing.assert_close(mean / count, x.mean((0, 2, 3)))
    torch.testing.assert_close(variance / count, x.var((0, 2, 3)))
    testing = layer("BatchNorm", IMAGE, fields=fields, phase=1)
    for blob, other in zip(testing.params, made.params):
        blob.share_data(other)
    (top,), _, _ = run(testing, x)
    assert count.item() == 1.5 and top.mean((0, 2, 3)).abs().max() < 1e-5


FIELDS = {
    "Pooling": "pooling_param { kernel_size: 3 stride: 2 }",
    "Clip": "clip_param { min: -1 max: 1 }",
    "Reshape": "reshape_param { shape { dim: 0 dim: -1 } }",
    "Tile": "tile_param { tiles: 2 }",
    "Scale": "scale_param { bias_term: true }",
    "Power": "power_param { power: 2 scale: 0.5 }",
}
TWO = ("Eltwise", "Concat", "EuclideanLoss")
LOSSES = ("SoftmaxWithLoss", "SigmoidCrossEntropyLoss")
ONE = (
    *("Pooling", "ReLU", "PReLU", "ELU", "Sigmoid", "TanH", "AbsVal", "BNLL", "Swish", "Clip", "Power", "Exp"),
    *("Dropout", "LRN", "BatchNorm", "MVN", "Scale", "Bias", "Slice", "Split", "Flatten", "Reshape", "Tile"),
    *("Reduction", "Softmax"),
)


@pytest.mark.parametrize("kind", [*ONE, *TWO, *LOSSES])
def test_bottoms_in_bfloat16(kind):
    shapes = [(2, 4, 6, 6)] * (2 if kind in TWO else 1)
    bottoms = [channels_last(numbers(*shape)).bfloat16() for shape in shapes]
    if kind in LOSSES:
        labels = (2, 1, 6, 6) if kind == "SoftmaxWithLoss" else shapes[0]
        shapes, bottoms = [*shapes, labels], [*bottoms, torch.ones(labels)]
    if kind == "Concat":
        bottoms[1] = bottoms[1].float()
    context.random.seed(0)
    tops, gradients, _ = run(layer(kind, *shapes, fields=FIELDS.get(kind, "")), *bottoms)
    context.random.seed(0)
    exact, exact_gradients, _ = run(layer(kind, *shapes, fields=FIELDS.get(kind, "")), *(b.float() for b in bottoms))
    if "Loss" in kind or kind in ("Softmax", "LRN", "MVN"):
        assert tops[0].dtype == torch.float32
    for found, expected in zip([*tops, *gradients], [*exact, *exact_gradients]):
        assert (found is None) == (expected is None)
        if found is not None:
            torch.testing.assert_close(found.float(), expected, rtol=0.03, atol=0.03)


@pytest.mark.parametrize(
    "kind", [kind for kind in ONE if kind not in ("Softmax", "Flatten", "Reshape", "Reduction", "Slice")]
)
def test_channels_last_stays(kind):
    made = layer(kind, (2, 4, 6, 6), fields=FIELDS.get(kind, ""))
    x = channels_last(numbers(2, 4, 6, 6))
    tops = made.forward([x], [blob.tensor for blob in made.params], [True], [True] * len(made.params))
    (gradient,), _ = made.backward([channels_last(torch.ones_like(top)) for top in tops])
    for tensor in (*tops, gradient):
        assert tensor.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kind", ["ReLU", "Dropout", "SoftmaxWithLoss", "Sigmoid"])
def test_backward_needs_forward(kind):
    shapes = [(2, 3), (2,)] if "Loss" in kind else [(2, 3)]
    with pytest.raises(CellsegError, match="backward before"):
        layer(kind, *shapes).backward([torch.ones(())])


def test_nothing_comes_back_through_accuracy_and_argmax(make_net):
    net = make_net(
        'force_backward: true layer { name: "in" type: "Input" top: "x" top: "t" '
        "input_param { shape { dim: [2, 3] } shape { dim: 2 } } }"
        'layer { name: "a" type: "Accuracy" bottom: "x" bottom: "t" top: "a" }'
        'layer { name: "b" type: "ArgMax" bottom: "x" top: "b" }'
        'layer { name: "c" type: "Threshold" bottom: "x" top: "c" }'
    )
    net.forward()
    net.backward()
    assert not net.blobs["x"].diff.any()
