"""Texts of nets and solvers in all of Caffe's forms, random messages, and ways to damage a text."""

import re

from cellseg.engine.caffe_schema import MESSAGES

#: Each kind of layer that the engine has, as people write them: all punctuation that the text format allows.
NET = """
# A net with one of each kind.
name: "each" 'kind'  # two pieces of one name
force_backward: true
debug_info: false
state { phase: TRAIN level: -1 stage: "a" stage: ['b', "c"] }
layer { name: "data" type: "Input" top: "data" input_param { shape: { dim: [1, 3, 0x20, 040] } } }
layer {
  name: "train" type: "HDF5Data" top: "image", top: "label";
  hdf5_data_param < source: "runs/data list.txt" batch_size: 10 shuffle: true >
  include { phase: TRAIN stage: "a" not_stage: "b" min_level: 1 max_level: 3 }
}
layer {
  name: "dummy" type: "DummyData" top: "dummy" exclude { phase: 1 }
  dummy_data_param { data_filler { type: "gaussian" mean: -.5 std: 1e-2 sparse: 3 } shape { dim: 4 dim: 2 } }
}
layer {
  name: "conv/1x1" type: "Convolution" bottom: "data" top: "conv"
  param { name: "w" share_mode: PERMISSIVE lr_mult: 1 decay_mult: 1. } param { lr_mult: 2f decay_mult: 0 }
  convolution_param {
    num_output: 32 pad: 1 pad: 2 kernel_size: [3, 5] stride: 2 dilation: 2 group: 4 bias_term: false engine: CAFFE
    weight_filler { type: "xavier" variance_norm: AVERAGE } bias_filler { type: "constant" value: 0.1 } axis: -3
  }
}
layer { name: "kernel" type: "Convolution" convolution_param {
  num_output: 1 kernel_h: 3 kernel_w: 1 pad_h: 1 pad_w: 0 stride_h: 1 stride_w: 2 force_nd_im2col: True } }
layer { name: "up" type: "Deconvolution" bottom: "conv" top: "up" convolution_param {
  num_output: 4294967295 kernel_size: 4 stride: 2 weight_filler: { type: "bilinear" } } propagate_down: f }
layer { name: "pool" type: "Pooling" pooling_param { pool: AVE kernel_size: 2 stride: 2 pad: 1 round_mode: FLOOR } }
layer { name: "all" type: "Pooling" pooling_param { pool: 0 global_pooling: 1 engine: CUDNN } }
layer { name: "relu" type: "ReLU" bottom: "pool" top: "pool" relu_param { negative_slope: 0.01 engine: DEFAULT } }
layer { name: "prelu" type: "PReLU" prelu_param { filler { value: .25 } channel_shared: true } }
layer { name: "elu" type: "ELU" elu_param { alpha: 3.40282347e38 } }
layer { name: "sigmoid" type: "Sigmoid" sigmoid_param { } }
layer { name: "tanh" type: "TanH" tanh_param <engine: CAFFE> }
layer { name: "power" type: "Power" power_param { power: 0.5 scale: 16777217 shift: -1e-45 } }
layer { name: "exp" type: "Exp" exp_param { base: 2 scale: inf shift: -inf } }
layer { name: "log" type: "Log" log_param { base: -1 scale: nan shift: 1234567 } } layer { name: "abs" type: "AbsVal" }
layer { name: "ip" type: "InnerProduct" inner_product_param { num_output: 10 axis: 2 transpose: true bias_term: t } }
layer { name: "lrn" type: "LRN" lrn_param { local_size: 3 alpha: 5e-05 beta: .75 norm_region: WITHIN_CHANNEL k: 2 } }
layer { name: "bn" type: "BatchNorm" param { lr_mult: 1 } param { } param { name: "shared" decay_mult: 3 }
  batch_norm_param { use_global_stats: false moving_average_fraction: 0.9 eps: 1e-3 } }
layer { name: "two" type: "BatchNorm" param { lr_mult: 1 } param { lr_mult: 1 } }
layer { name: "scale" type: "Scale" scale_param { axis: 0 num_axes: -1 bias_term: true bias_filler { max: 9 min: 1 } } }
layer { name: "bias" type: "Bias" bias_param { axis: 1 filler { type: "uniform" } } }
layer { name: "drop" type: "Dropout" dropout_param { dropout_ratio: 0.3333333333333333333 } }
layer { name: "sum" type: "Eltwise" eltwise_param { operation: SUM coeff: [1, -1] coeff: 0.5 stable_prod_grad: false } }
layer { name: "concat" type: "Concat" concat_param { axis: 1 concat_dim: 2 } }
layer { name: "slice" type: "Slice" slice_param { axis: 1 slice_point: 1 slice_point: 4 slice_dim: 0 } }
layer { name: "split" type: "Split" } layer { name: "silence" type: "Silence" }
layer { name: "crop" type: "Crop" crop_param { axis: 2 offset: [5, 5] } }
layer { name: "flatten" type: "Flatten" flatten_param { axis: 1 end_axis: -1 } }
layer { name: "reshape" type: "Reshape" reshape_param { shape { dim: 0 dim: -1 } axis: 1 num_axes: 2 } }
layer { name: "softmax" type: "Softmax" softmax_param { axis: 1 } }
layer { name: "loss" type: "SoftmaxWithLoss" loss_weight: 1 loss_weight: 0.25
  loss_param { ignore_label: 255 normalization: BATCH_SIZE normalize: false } }
layer { name: "infogain" type: "InfogainLoss"
  infogain_loss_param { source: 'it\\'s "H"\\t\\303\\251\\x2a.h5' axis: 1 } }
layer { name: "sce" type: "SigmoidCrossEntropyLoss" loss_param { normalization: 0x3 } }
layer { name: "l2" type: "EuclideanLoss" } layer { name: "argmax" type: "ArgMax" argmax_param { top_k: 2 axis: 1 } }
layer { name: "accuracy" type: "Accuracy" accuracy_param { top_k: 1 axis: 1 ignore_label: -1 } }
layer { name: "clip" type: "Clip" clip_param { min: -1 max: 1 } blobs { shape { dim: 2 } data: [1.5, 2] } }
"""

V1 = """
name: "old"
input: "data" input: "label"
input_dim: 1 input_dim: 3 input_dim: 32 input_dim: 32
input_dim: 1 input_dim: 1 input_dim: 32 input_dim: 32
layers {
  name: "db" type: DATA top: "data" top: "label" include: { phase: TRAIN }
  data_param { source: "lmdb" backend: LMDB batch_size: 4 scale: 0.00390625 mean_file: "mean" crop_size: 227
    mirror: true }
}
layers { name: "images" type: IMAGE_DATA top: "i" image_data_param { source: "list" new_height: 9 scale: 2 } }
layers { name: "windows" type: WINDOW_DATA transform_param { mean_value: 3 scale: 7 }
  window_data_param { mirror: false } }
layers { name: "bare" type: DATA }
layers { name: "hdf5" type: HDF5_DATA hdf5_data_param { source: "list" batch_size: 2 } }
layers {
  name: "conv" type: CONVOLUTION bottom: "data" top: "conv"
  blobs_lr: 1 blobs_lr: 2 weight_decay: 1 weight_decay: 0
  param: "w" param: "b" param: "c" blob_share_mode: PERMISSIVE blob_share_mode: STRICT
  convolution_param { num_output: 8 kernel_size: 3 pad: 1 weight_filler { type: "gaussian" std: 0.01 } }
}
layers { name: "relu" type: RELU bottom: "conv" top: "conv" exclude { stage: "deploy" } }
layers { name: "pool" type: POOLING bottom: "conv" top: "pool" pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
layers { name: "up" type: DECONVOLUTION bottom: "pool" top: "up" convolution_param { num_output: 2 kernel_size: 4 } }
layers { name: "loss" type: SOFTMAX_LOSS bottom: "up" bottom: "label" top: "loss" loss_weight: 2
  softmax_param { engine: CAFFE } loss_param { ignore_label: 255 }
  blobs { num: 1 channels: 1 height: 1 width: 2 data: 1 } }
layers { name: "accuracy" type: ACCURACY bottom: "up" bottom: "label" accuracy_param { top_k: 1 } }
"""

V0 = """
name: "older"
input: "data" input_dim: 10 input_dim: 3 input_dim: 227 input_dim: 227
force_backward: true
layers { layer { name: "pad" type: "padding" pad: 2 } bottom: "data" top: "pad" }
layers {
  layer { name: "conv" type: "conv" num_output: 96 kernelsize: 11 stride: 4 biasterm: true group: 2
    weight_filler { type: "gaussian" std: 0.01 } bias_filler { type: "constant" value: 0. }
    blobs_lr: 1. blobs_lr: 2. weight_decay: 1. weight_decay: 0. blobs { num: 1 } }
  bottom: "pad" top: "conv"
}
layers { layer { name: "relu" type: "relu" kernelsize: 3 } bottom: "conv" top: "conv" }
layers { layer { name: "pad2" type: "padding" pad: 1 } bottom: "conv" top: "pad" }
layers { layer { name: "pool" type: "pool" pool: AVE kernelsize: 3 stride: 2 } bottom: "pad" top: "pool" }
layers { layer { name: "norm" type: "lrn" local_size: 5 alpha: 0.0001 beta: 0.75 k: 2 } bottom: "pool" top: "norm" }
layers { layer { name: "drop" type: "dropout" dropout_ratio: 0.5 } bottom: "norm" top: "norm" }
layers { layer { name: "fc" type: "innerproduct" num_output: 10 biasterm: false } bottom: "norm" top: "fc" }
layers { layer { name: "db" type: "data" source: "db" meanfile: "mean" batchsize: 256 cropsize: 227 mirror: true
  scale: 0.5 rand_skip: 7 } top: "label" }
layers { layer { name: "files" type: "hdf5_data" source: "list" batchsize: 3 } top: "x" }
layers { layer { name: "images" type: "images" source: "list" new_height: 5 new_width: 6
  shuffle_images: true } top: "y" }
layers { layer { name: "windows" type: "window_data" det_fg_threshold: 0.6 det_bg_threshold: 0.4 det_fg_fraction: 0.3
  det_context_pad: 16 det_crop_mode: "square" source: "w" batchsize: 2 } top: "z" }
layers { layer { name: "out" type: "hdf5_output" hdf5_output_param { file_name: "o.h5" } } bottom: "fc" }
layers { layer { name: "join" type: "concat" concat_dim: 2 } bottom: "fc" bottom: "fc" top: "join" }
layers { layer { name: "gain" type: "infogain_loss" source: "H" } bottom: "fc" bottom: "label" }
"""

SOLVER = """
net: "train.prototxt"
test_iter: 6 test_iter: [7, 8]
test_interval: 20 test_compute_loss: true test_initialization: false
test_state { stage: "a" } test_state: { level: 3 } train_state < phase: TRAIN >
base_lr: 0.01 lr_policy: "multistep" gamma: 0.1 power: .75 momentum: 0.9 weight_decay: 5e-4
stepvalue: 400 stepvalue: [600, 900] stepsize: 400 max_iter: 1200 iter_size: 2
display: 20 average_loss: 20 regularization_type: "L1" clip_gradients: 35
snapshot: 200 snapshot_prefix: "runs/net" snapshot_format: HDF5 snapshot_diff: false snapshot_after_train: true
solver_mode: GPU device_id: 0 random_seed: -9223372036854775808 debug_info: true
type: "Adam" delta: 1e-8 momentum2: 0.999 rms_decay: 0.98 layer_wise_reduce: false weights: "a.caffemodel"
"""

OLD_SOLVER = """
train_net: "train.prototxt" test_net: "test.prototxt" test_iter: 1 test_interval: 2
solver_type: NESTEROV base_lr: 0.1 lr_policy: 'fixed' max_iter: 4
"""

_NUMBERS = {
    "int": [0, 1, -1, 7, 2**31 - 1, -(2**31)],
    "uint": [0, 1, 7, 2**32 - 1],
    "long": [0, 1, -1, 2**63 - 1, -(2**63)],
    "real": [0.0, 1.0, -2.5, 0.1, 1e-5, 123456.0, 1234567.0, 16777216.0, 3.4028234e38, 1e-45, float("inf"), 5e-324],
}
_TEXTS = ["", "a", "conv/3x3", 'a "quoted" \\ text', "tab\tline\nnul\0end", "\u00e9\u4e2d\U0001f600", "it's"]
_KINDS = {1: "real", 2: "real", 3: "long", 5: "int", 13: "uint"}


def random_message(name, rng, deep=3):
    """A message of the schema with about half of its fields set to values that are hard to print or read.

    Parameters
    ----------
    name : str
    rng : random.Random
    deep : int
        Levels of messages within.
    """
    message = MESSAGES[name]()
    for field in message.DESCRIPTOR.fields:
        required = field in _required(message)
        if rng.random() < 0.5 and not required:
            continue
        held = getattr(message, field.name)
        for _ in range(rng.randint(1, 3) if hasattr(held, "extend") else 1):
            if field.message_type is not None:
                if deep:
                    value = random_message(field.message_type.name, rng, deep - 1)
                    held.extend([value]) if hasattr(held, "extend") else held.MergeFrom(value)
                    if not hasattr(held, "extend"):
                        held.SetInParent()
                continue
            value = _random_value(field, rng)
            held.append(value) if hasattr(held, "append") else setattr(message, field.name, value)
    return message


def _required(message):
    missing = set(message.FindInitializationErrors())
    return [field for field in message.DESCRIPTOR.fields if field.name in missing]


def _random_value(field, rng):
    if field.enum_type is not None:
        return rng.choice([value.number for value in field.enum_type.values])
    if field.type in _KINDS:
        value = rng.choice(_NUMBERS[_KINDS[field.type]])
        return rng.uniform(-1, 1) if value == 7 and field.type < 3 else value
    return {8: rng.random() < 0.5, 9: rng.choice(_TEXTS), 12: bytes(range(256))}[field.type]


_ODD = [b"\0", b"\xff", b"\xef\xbb\xbf", b"9" * 6000, b"1e999", b"-", b"0x", b"0", b"\\u0041", b"nan", b"#", b"\n"]
_VALUES = [b"0", b"-1", b"17", b"1.5", b"0x1F", b"012", b"true", b"9999999999", b"1e9", b"'7'", b"[1, 2]"]
_OPENERS = [b"{", b"layer {", b"layers: <", b"[", b"convolution_param {", b'"', b"\\", b"-"]


def damaged(texts, rng):
    """One of the texts with one to four random changes: of bytes, tokens or lines, or opened far too deep.

    Parameters
    ----------
    texts : list of bytes
    rng : random.Random

    Returns
    -------
    bytes
    """
    text = rng.choice(texts)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        change = rng.choice([_bytes_changed, _bytes_changed, _tokens_changed, _tokens_changed, _lines_changed])
        text = change(text, texts, rng)
    return text


def _bytes_changed(text, texts, rng):
    here, there = sorted(rng.randint(0, len(text)) for _ in range(2))
    there = min(there, here + rng.choice([1, 1, 10, 300]))
    before, part, after = text[:here], text[here:there], text[there:]
    kind = rng.randrange(7)
    if kind == 0:
        return before + bytes([rng.randrange(256)]) + after
    if kind == 1:
        return before + after
    if kind == 2:
        return before + part * rng.randint(2, 3) + after
    if kind == 3:
        return before
    if kind == 4:
        other = rng.choice(texts)
        start = rng.randint(0, len(other))
        return before + other[start : start + rng.choice([5, 50, 500])] + after
    if kind == 5:
        return before + rng.choice(_OPENERS) * rng.choice([1, 3, 2000]) + part + after
    return before + rng.choice(_ODD) + part + after


def _tokens_changed(text, texts, rng):
    tokens = re.findall(rb"\w+|\"[^\"\n]*\"|\s+|.", text, re.DOTALL)
    solid = [number for number, token in enumerate(tokens) if not token.isspace()]
    numbers = [number for number in solid if tokens[number].isdigit()]
    if len(solid) < 2 or not numbers:
        return text
    one, other = rng.sample(solid, 2)
    kind = rng.randrange(4)
    if kind == 0:
        tokens[one], tokens[other] = tokens[other], tokens[one]
    elif kind == 1:
        tokens[one] = tokens[other]
    elif kind == 2:
        tokens[rng.choice(numbers)] = rng.choice(_VALUES)
    else:
        tokens[one] = b""
    return b"".join(tokens)


def _lines_changed(text, texts, rng):
    lines = text.split(b"\n")
    here = rng.randrange(len(lines))
    kind = rng.randrange(4)
    if kind == 0:
        del lines[here]
    elif kind == 1:
        lines.insert(here, rng.choice(lines))
    elif kind == 2:
        lines.insert(here, rng.choice(rng.choice(texts).split(b"\n")))
    else:
        lines[here] = lines[here].replace(b" ", rng.choice([b"\t", b"\r\n", b" # ", b"", b"\x0b", b"\xc2\xa0"]))
    return b"\n".join(lines)
