"""Bringing net and solver descriptions of Caffe's older forms up to date, as Caffe does when it reads such a file.

Three generations of layers are in use: ``layers { layer { type: "conv" } }`` (V0, 2013), ``layers { type:
CONVOLUTION }`` (V1, 2014) and ``layer { type: "Convolution" }`` (today's). Where Caffe would go on without a part that
no net can do without (the type of a layer, the shape of an input), the file is refused instead.
"""

import os

from cellseg.engine.layers.forks import OLD_NAMES
from cellseg.errors import CellsegError

_V1_TYPES = {
    "ABSVAL": "AbsVal",
    "ACCURACY": "Accuracy",
    "ARGMAX": "ArgMax",
    "BNLL": "BNLL",
    "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss",
    "CONVOLUTION": "Convolution",
    "DATA": "Data",
    "DECONVOLUTION": "Deconvolution",
    "DROPOUT": "Dropout",
    "DUMMY_DATA": "DummyData",
    "ELTWISE": "Eltwise",
    "EUCLIDEAN_LOSS": "EuclideanLoss",
    "EXP": "Exp",
    "FLATTEN": "Flatten",
    "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output",
    "HINGE_LOSS": "HingeLoss",
    "IM2COL": "Im2col",
    "IMAGE_DATA": "ImageData",
    "INFOGAIN_LOSS": "InfogainLoss",
    "INNER_PRODUCT": "InnerProduct",
    "LRN": "LRN",
    "MEMORY_DATA": "MemoryData",
    "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
    "MVN": "MVN",
    "POOLING": "Pooling",
    "POWER": "Power",
    "RELU": "ReLU",
    "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
    "SILENCE": "Silence",
    "SLICE": "Slice",
    "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "SPLIT": "Split",
    "TANH": "TanH",
    "THRESHOLD": "Threshold",
    "WINDOW_DATA": "WindowData",
}
# V0 type: today's type, and the message that its fields move to.
_V0_TYPES = {
    "accuracy": ("Accuracy", None),
    "bnll": ("BNLL", None),
    "concat": ("Concat", "concat_param"),
    "conv": ("Convolution", "convolution_param"),
    "data": ("Data", "data_param"),
    "dropout": ("Dropout", "dropout_param"),
    "euclidean_loss": ("EuclideanLoss", None),
    "flatten": ("Flatten", None),
    "hdf5_data": ("HDF5Data", "hdf5_data_param"),
    "hdf5_output": ("HDF5Output", None),
    "im2col": ("Im2col", None),
    "images": ("ImageData", "image_data_param"),
    "infogain_loss": ("InfogainLoss", "infogain_loss_param"),
    "innerproduct": ("InnerProduct", "inner_product_param"),
    "lrn": ("LRN", "lrn_param"),
    "multinomial_logistic_loss": ("MultinomialLogisticLoss", None),
    "pool": ("Pooling", "pooling_param"),
    "relu": ("ReLU", None),
    "sigmoid": ("Sigmoid", None),
    "softmax": ("Softmax", None),
    "softmax_loss": ("SoftmaxWithLoss", None),
    "split": ("Split", None),
    "tanh": ("TanH", None),
    "window_data": ("WindowData", "window_data_param"),
}
# V0 field: its name in that message, and the V0 types that have it; Caffe leaves it out of any other layer.
_V0_FIELDS = {
    "num_output": ("num_output", "conv innerproduct"),
    "biasterm": ("bias_term", "conv innerproduct"),
    "weight_filler": ("weight_filler", "conv innerproduct"),
    "bias_filler": ("bias_filler", "conv innerproduct"),
    "pad": ("pad", "conv pool"),
    "kernelsize": ("kernel_size", "conv pool"),
    "group": ("group", "conv"),
    "stride": ("stride", "conv pool"),
    "pool": ("pool", "pool"),
    "dropout_ratio": ("dropout_ratio", "dropout"),
    "local_size": ("local_size", "lrn"),
    "alpha": ("alpha", "lrn"),
    "beta": ("beta", "lrn"),
    "k": ("k", "lrn"),
    "source": ("source", "data hdf5_data images infogain_loss window_data"),
    "batchsize": ("batch_size", "data hdf5_data images window_data"),
    "rand_skip": ("rand_skip", "data images"),
    "shuffle_images": ("shuffle", "images"),
    "new_height": ("new_height", "images"),
    "new_width": ("new_width", "images"),
    "concat_dim": ("concat_dim", "concat"),
    "det_fg_threshold": ("fg_threshold", "window_data"),
    "det_bg_threshold": ("bg_threshold", "window_data"),
    "det_fg_fraction": ("fg_fraction", "window_data"),
    "det_context_pad": ("context_pad", "window_data"),
    "det_crop_mode": ("crop_mode", "window_data"),
}
_V0_TRANSFORM_FIELDS = {"scale": "scale", "meanfile": "mean_file", "cropsize": "crop_size", "mirror": "mirror"}
_TRANSFORM_FIELDS = ("scale", "mean_file", "crop_size", "mirror")
_TRANSFORMED = {"DATA": "data_param", "IMAGE_DATA": "image_data_param", "WINDOW_DATA": "window_data_param"}
_SOLVER_TYPES = {
    "SGD": "SGD",
    "NESTEROV": "Nesterov",
    "ADAGRAD": "AdaGrad",
    "RMSPROP": "RMSProp",
    "ADADELTA": "AdaDelta",
    "ADAM": "Adam",
}


def upgrade_net(net, name):
    """Bring a net of any form up to today's, in place.

    Parameters
    ----------
    net : NetParameter
    name : str or path
        What to call it in errors: its file.

    Raises
    ------
    CellsegError
        If it mixes old and new layers, or an old part cannot be said in today's form.
    """
    if net.layers and net.layer:
        raise CellsegError(
            f"{name}: holds both 'layers' (old form) and 'layer' (new form), so the order is lost; write all as 'layer'"
        )
    upgraded = type(net)()
    if any(old.HasField("layer") for old in net.layers):
        for old in _without_padding_layers(net, name):
            _from_v0(old, upgraded.layer.add(), name)
        for field in ("state", "debug_info", "input_shape"):
            net.ClearField(field)
    else:
        _move_transform_fields(net.layers)
        for old in net.layers:
            _from_v1(old, upgraded.layer.add(), name)
    net.ClearField("layers")
    net.layer.extend(upgraded.layer)
    _replace_input_fields(net, name)
    for layer in net.layer:
        if layer.type == "BatchNorm" and len(layer.param) == 3:
            for param in layer.param:
                param.lr_mult = param.decay_mult = 0


def upgrade_solver(solver, name):
    """Bring a solver up to today's form, in place, with the nets that it holds.

    ``solver_type`` becomes ``type``; a ``snapshot_prefix`` that is missing or a folder gets the name of the solver's
    file.

    Parameters
    ----------
    solver : SolverParameter
    name : str or path
        Its file.

    Raises
    ------
    CellsegError
        If it gives its type in both forms, or a net in it is refused by `upgrade_net`.
    """
    if solver.HasField("solver_type"):
        if solver.HasField("type"):
            raise CellsegError(f"{name}: holds both 'solver_type' and 'type'; keep 'type'")
        old = type(solver).DESCRIPTOR.fields_by_name["solver_type"].enum_type.values_by_number[solver.solver_type].name
        solver.type = _SOLVER_TYPES[old]
        solver.ClearField("solver_type")
    stem = os.path.splitext(str(name))[0]
    if not solver.HasField("snapshot_prefix"):
        solver.snapshot_prefix = stem
    elif os.path.isdir(solver.snapshot_prefix):
        solver.snapshot_prefix = os.path.join(solver.snapshot_prefix, os.path.basename(stem))
    for field in ("net_param", "train_net_param"):
        if solver.HasField(field):
            upgrade_net(getattr(solver, field), f"{name}: {field}")
    for net in solver.test_net_param:
        upgrade_net(net, f"{name}: test_net_param")


def _copy(target, field, value):
    """Set a field, whatever its kind: a list gets `value` (one or several) at its end."""
    held = getattr(target, field)
    if hasattr(held, "extend"):
        held.extend(value if hasattr(value, "extend") else [value])
    elif hasattr(held, "CopyFrom"):
        held.SetInParent()
        held.CopyFrom(value)
    else:
        setattr(target, field, value)


def _copy_multipliers(layer, old):
    """Fill the layer's `param` list from the lists of the old forms, of which each may be shorter than the others."""
    lists = {"lr_mult": old.blobs_lr, "decay_mult": old.weight_decay}
    if hasattr(old, "blob_share_mode"):
        lists.update(name=old.param, share_mode=old.blob_share_mode)
    for field, values in lists.items():
        for number, value in enumerate(values):
            if len(layer.param) == number:
                layer.param.add()
            setattr(layer.param[number], field, value)


def _from_v1(old, layer, name):
    """Fill a new layer from one of form V1."""
    type_name = old.DESCRIPTOR.enum_types_by_name["LayerType"].values_by_number[old.type].name
    types = {**OLD_NAMES, **_V1_TYPES}
    if type_name not in types:
        raise CellsegError(f"{name}: layer {old.name!r} has no type; add one, such as type: CONVOLUTION")
    layer.type = types[type_name]
    for field, value in old.ListFields():
        if field.name not in ("type", "param", "blob_share_mode", "blobs_lr", "weight_decay"):
            _copy(layer, field.name, value)
    _copy_multipliers(layer, old)


def _from_v0(connection, layer, name):
    """Fill a new layer from one of form V0."""
    old = connection.layer
    if old.type not in _V0_TYPES:
        raise CellsegError(f"{name}: layer {old.name or connection.name!r} has the unknown old type {old.type!r}")
    layer.bottom.extend(connection.bottom)
    layer.top.extend(connection.top)
    layer.type, message = _V0_TYPES[old.type]
    for field, value in old.ListFields():
        target, types = _V0_FIELDS.get(field.name, ("", ""))
        if field.name in ("name", "blobs"):
            _copy(layer, field.name, value)
        elif field.name in _V0_TRANSFORM_FIELDS:
            setattr(layer.transform_param, _V0_TRANSFORM_FIELDS[field.name], value)
        elif field.name == "hdf5_output_param" and old.type == "hdf5_output":
            layer.hdf5_output_param.CopyFrom(value)
        elif old.type in types.split():
            if target in ("new_height", "new_width") and value < 0:
                raise CellsegError(f"{name}: layer {old.name!r} has a negative {target}: {value}")
            _copy(getattr(layer, message), target, value)
    _copy_multipliers(layer, old)


def _without_padding_layers(net, name):
    """V0 layers with the padding that layers of their own did put into the convolution or pooling after them."""
    makers = dict.fromkeys(net.input)
    kept = []
    for connection in net.layers:
        layer = connection.layer
        if layer.type != "padding":
            kept.append(connection)
        for number, bottom in enumerate(connection.bottom):
            if bottom not in makers:
                raise CellsegError(f"{name}: layer {layer.name!r} takes {bottom!r}, which no layer before it makes")
            maker = makers[bottom]
            if maker is None or maker.layer.type != "padding":
                continue
            simple = len(connection.bottom) == len(maker.bottom) == len(maker.top) == 1
            if layer.type not in ("conv", "pool") or not simple:
                raise CellsegError(
                    f"{name}: padding layer {maker.layer.name!r} comes before {layer.name!r} ({layer.type!r}); "
                    "only conv and pool take padding, each from a padding layer of its own"
                )
            layer.pad = maker.layer.pad
            connection.bottom[number] = maker.bottom[0]
        makers.update(dict.fromkeys(connection.top, connection))
    return kept


def _move_transform_fields(layers):
    """Scaling, cropping and so on of V1's data layers go from the data's message to `transform_param`."""
    enum = layers[0].DESCRIPTOR.enum_types_by_name["LayerType"] if layers else None
    named = [(layer, _TRANSFORMED.get(enum.values_by_number[layer.type].name)) for layer in layers]
    data = [(layer.transform_param, getattr(layer, field)) for layer, field in named if field]
    if not any(source.HasField(field) for _, source in data for field in _TRANSFORM_FIELDS):
        return
    for target, source in data:
        target.SetInParent()
        source.SetInParent()
        for field in _TRANSFORM_FIELDS:
            if source.HasField(field):
                setattr(target, field, getattr(source, field))
                source.ClearField(field)


def _replace_input_fields(net, name):
    """The fields `input` with `input_shape` or `input_dim` become an Input layer before all others.

    Without any shape, inputs that layers make anyway are left out.
    """
    made = {top for layer in net.layer for top in layer.top}
    if not (net.input_shape or net.input_dim) and made.issuperset(net.input):
        net.ClearField("input")
    if not net.input:
        return
    if net.input_shape:
        shapes = [shape.dim for shape in net.input_shape]
        advice = "add an input_shape for each input"
    else:
        shapes = [net.input_dim[start : start + 4] for start in range(0, len(net.input_dim) - 3, 4)]
        advice = "add four input_dim for each input"
    if len(shapes) < len(net.input):
        raise CellsegError(f"{name}: input {net.input[len(shapes)]!r} has no shape; {advice}")
    whole = type(net)()
    first = whole.layer.add(name="input", type="Input", top=net.input)
    for shape, _ in zip(shapes, net.input):
        first.input_param.shape.add(dim=shape)
    whole.layer.extend(net.layer)
    for field in ("layer", "input", "input_shape", "input_dim"):
        net.ClearField(field)
    net.layer.extend(whole.layer)
