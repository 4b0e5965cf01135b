"""Fields and shapes that real Caffe refuses, each at its layer: so do we, in one line."""

import pytest
from caffe_server import CaffeServer, Refused

from cellseg.engine.torch import Net
from cellseg.errors import CellsegError

IMAGE = [(2, 3, 5, 7)]
THREE = [(2, 3, 4)] * 3
SCORES = (2, 3, 4, 5)

#: Type, number of tops, shapes of bottoms, fields.
REFUSED = [
    ("Pooling", 1, IMAGE, "pooling_param { kernel_size: 9 }"),
    ("Pooling", 1, IMAGE, "pooling_param { kernel_size: 6 }"),
    ("Pooling", 1, IMAGE, "pooling_param { kernel_size: 2 pad: 2 }"),
    ("Pooling", 1, IMAGE, "pooling_param { kernel_size: 2 pad_h: 1 }"),
    ("Pooling", 1, IMAGE, "pooling_param { kernel_size: 2 pad: 1 pad_h: 1 pad_w: 1 }"),
    ("Pooling", 1, IMAGE, "pooling_param { kernel_size: 2 stride: 1 stride_h: 1 stride_w: 1 }"),
    ("Pooling", 1, IMAGE, "pooling_param { kernel_size: 2 stride: 0 }"),
    ("Pooling", 1, IMAGE, "pooling_param { kernel_h: 2 }"),
    ("Pooling", 1, IMAGE, "pooling_param { kernel_size: 0 }"),
    ("Pooling", 1, IMAGE, "pooling_param { kernel_size: 2 kernel_h: 2 kernel_w: 2 }"),
    ("Pooling", 1, IMAGE, "pooling_param { global_pooling: true kernel_size: 2 }"),
    ("Pooling", 1, IMAGE, "pooling_param { global_pooling: true pad: 1 }"),
    ("Pooling", 1, IMAGE, "pooling_param { global_pooling: true stride: 2 }"),
    ("Pooling", 2, IMAGE, "pooling_param { pool: AVE kernel_size: 2 }"),
    ("Pooling", 1, IMAGE, "pooling_param { pool: STOCHASTIC kernel_size: 2 }"),
    ("Pooling", 1, [(2, 3)], "pooling_param { kernel_size: 2 }"),
    ("PReLU", 1, [(4,)], ""),
    ("Exp", 1, IMAGE, "exp_param { base: 0 }"),
    ("Log", 1, IMAGE, "log_param { base: 0 }"),
    ("Log", 1, IMAGE, "log_param { base: 1 }"),
    ("Log", 1, IMAGE, "log_param { base: -2 }"),
    ("LRN", 1, IMAGE, "lrn_param { local_size: 4 }"),
    ("LRN", 1, IMAGE, "lrn_param { local_size: 4 norm_region: WITHIN_CHANNEL }"),
    ("LRN", 1, [(2, 3)], ""),
    ("BatchNorm", 1, [(4,)], ""),
    ("BatchNorm", 1, IMAGE, "param { lr_mult: 1 }"),
    ("MVN", 1, [(2, 2, 2, 2, 2)], ""),
    ("Scale", 1, IMAGE, "scale_param { axis: 4 }"),
    ("Scale", 1, IMAGE, "scale_param { num_axes: -2 }"),
    ("Scale", 1, IMAGE, "scale_param { axis: 2 num_axes: 3 }"),
    ("Scale", 1, IMAGE + [(4,)], ""),
    ("Bias", 1, IMAGE, "bias_param { axis: 2 num_axes: 3 }"),
    ("Bias", 1, IMAGE + [(4,)], ""),
    ("Eltwise", 1, THREE, "eltwise_param { coeff: 1 }"),
    ("Eltwise", 1, THREE, "eltwise_param { operation: PROD coeff: [1, 1, 1] }"),
    ("Eltwise", 1, [(2, 3), (3, 2)], ""),
    ("Eltwise", 1, IMAGE, ""),
    ("Reduction", 1, IMAGE, "reduction_param { axis: 4 }"),
    ("Concat", 1, THREE, "concat_param { axis: 1 concat_dim: 1 }"),
    ("Concat", 1, THREE, "concat_param { axis: 3 }"),
    ("Concat", 1, THREE, "concat_param { concat_dim: 3 }"),
    ("Concat", 1, [(2, 3, 4), (2, 3, 5)], ""),
    ("Concat", 1, [(2, 3, 4), (2, 3, 4, 1)], ""),
    ("Slice", 2, IMAGE, ""),
    ("Slice", 3, IMAGE, "slice_param { slice_point: [2, 1] }"),
    ("Slice", 3, IMAGE, "slice_param { slice_point: [1, 1] }"),
    ("Slice", 2, IMAGE, "slice_param { slice_point: 0 }"),
    ("Slice", 2, IMAGE, "slice_param { slice_point: 3 }"),
    ("Slice", 2, IMAGE, "slice_param { slice_point: 4 }"),
    ("Slice", 3, IMAGE, "slice_param { slice_point: 1 }"),
    ("Slice", 3, IMAGE, "slice_param { axis: 1 slice_dim: 1 }"),
    ("Crop", 1, IMAGE + [(2, 2, 4, 5)], "crop_param { axis: 2 offset: 3 }"),
    ("Crop", 1, IMAGE + [(2, 2, 4, 5)], "crop_param { axis: 1 offset: [0, 1] }"),
    ("Crop", 1, IMAGE + [(2, 2, 4, 5)], "crop_param { axis: 4 }"),
    ("Crop", 1, IMAGE + [(2, 2)], ""),
    ("Flatten", 1, IMAGE, "flatten_param { axis: 4 }"),
    ("Flatten", 1, IMAGE, "flatten_param { end_axis: 5 }"),
    ("Flatten", 1, IMAGE, "flatten_param { axis: 3 end_axis: 1 }"),
    ("Reshape", 1, IMAGE, ""),
    ("Reshape", 1, IMAGE, "reshape_param { shape { dim: [-1, -1] } }"),
    ("Reshape", 1, IMAGE, "reshape_param { shape { dim: -2 } }"),
    ("Reshape", 1, IMAGE, "reshape_param { shape { dim: [4, -1] } }"),
    ("Reshape", 1, IMAGE, "reshape_param { shape { dim: 5 } axis: 1 }"),
    ("Reshape", 1, IMAGE, "reshape_param { shape { dim: [0, 0, 0, 0, 0] } }"),
    ("Reshape", 1, IMAGE, "reshape_param { shape { dim: 1 } axis: 9 }"),
    ("Reshape", 1, IMAGE, "reshape_param { shape { dim: -1 } axis: -6 }"),
    ("Reshape", 1, IMAGE, "reshape_param { shape { dim: 1 } axis: 1 num_axes: 5 }"),
    ("Reshape", 1, IMAGE, "reshape_param { shape { dim: -1 } num_axes: -2 }"),
    ("Tile", 1, IMAGE, "tile_param { tiles: 0 }"),
    ("Tile", 1, IMAGE, "tile_param { tiles: 1 axis: 4 }"),
    ("Softmax", 1, IMAGE, "softmax_param { axis: 4 }"),
    ("SoftmaxWithLoss", 1, [SCORES, (2, 1, 4, 4)], ""),
    ("SoftmaxWithLoss", 1, [SCORES, (4, 1, 2, 5)], ""),
    ("SoftmaxWithLoss", 1, [SCORES, (2, 1, 4, 5)], "softmax_param { axis: 4 }"),
    ("InfogainLoss", 1, [SCORES, (2, 1, 4, 5)], ""),
    ("InfogainLoss", 1, [SCORES, (2, 1, 4, 5)], 'infogain_loss_param { source: "missing" }'),
    ("InfogainLoss", 1, [SCORES, (2, 1, 4, 5), (2, 2)], ""),
    ("InfogainLoss", 1, [SCORES, (2, 1, 4, 5), (3, 3)], "loss_param { normalize: true }"),
    ("SigmoidCrossEntropyLoss", 1, [(2, 3, 4), (2, 11)], ""),
    ("SigmoidCrossEntropyLoss", 1, [(2, 3, 4), (4, 6)], ""),
    ("EuclideanLoss", 1, [(3, 4), (3, 5)], ""),
    ("EuclideanLoss", 1, [(3, 4), (4, 3)], ""),
    ("MultinomialLogisticLoss", 1, [(4, 3), (4, 2)], ""),
    ("ContrastiveLoss", 1, [(5, 4, 2, 1), (5, 4, 2, 1), (5,)], ""),
    ("ContrastiveLoss", 1, [(5, 4), (5, 3), (5,)], ""),
    ("Accuracy", 1, [SCORES, (2, 1, 4, 5)], "accuracy_param { top_k: 4 }"),
    ("Accuracy", 1, [SCORES, (2, 3, 4, 5)], ""),
    ("Accuracy", 1, [SCORES, (2, 1, 4, 5)], "accuracy_param { axis: 4 }"),
    ("ArgMax", 1, IMAGE, "argmax_param { axis: 4 }"),
    ("ArgMax", 1, IMAGE, "argmax_param { top_k: 0 }"),
    ("ArgMax", 1, IMAGE, "argmax_param { axis: 1 top_k: 4 }"),
    ("ArgMax", 1, IMAGE, "argmax_param { top_k: 106 }"),
]


@pytest.fixture(scope="module")
def caffe():
    with CaffeServer() as server:
        yield server


@pytest.mark.parametrize(("kind", "tops", "shapes", "fields"), REFUSED)
def test_both_refuse(caffe, tmp_path, kind, tops, shapes, fields):
    lines = [
        f'layer {{ name: "in{i}" type: "Input" top: "x{i}" input_param {{ shape {{ dim: {list(shape)} }} }} }}'
        for i, shape in enumerate(shapes)
    ]
    names = [f'bottom: "x{i}"' for i in range(len(shapes))] + [f'top: "y{i}"' for i in range(tops)]
    lines.append(f'layer {{ name: "the layer" type: "{kind}" {" ".join(names)} {fields} }}')
    text = "\n".join(lines)
    with pytest.raises(Refused):
        caffe.run(text, backward=False)
    (tmp_path / "net.prototxt").write_text(text)
    with pytest.raises(CellsegError) as error:
        Net(tmp_path / "net.prototxt", 0)
    assert "'the layer'" in str(error.value) and kind in str(error.value) and "\n" not in str(error.value)


def test_what_both_take_is_not_refused(caffe):
    """The server tells refusals from other results."""
    found = caffe.run('layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 1 } } }', backward=False)
    assert found["data x"].shape == (1,)
