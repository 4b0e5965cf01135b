"""A deploy net and its weights as an ONNX graph, layer by layer, as converters write it."""

import onnx
from onnx import TensorProto, helper, numpy_helper

from cellseg.engine.prototxt import read_net
from cellseg.engine.weights import read_weights
from cellseg.errors import CellsegError

OPSET, IR_VERSION = 17, 8


def onnx_graph(deploy, weights):
    """Convert a net of Input, Convolution, Deconvolution, Pooling (MAX, or global), ReLU and Softmax layers.

    Parameters
    ----------
    deploy, weights : path
        Prototxt and ``.caffemodel``.

    Returns
    -------
    onnx.ModelProto
        Number and size of the images are free; inputs and outputs have Caffe's names.

    Raises
    ------
    CellsegError
        If a file cannot be read, or a layer is another, or lacks its weights.
    """
    graph = _Graph(deploy, read_weights(weights))
    for layer in read_net(deploy).layer:
        graph.add(layer)
    return graph.model()


class _Graph:
    def __init__(self, source, weights):
        self.source, self.weights = source, weights
        self.nodes, self.tensors, self.inputs = [], [], []
        self.unread = []
        self.values = {}  # a blob's value now: layers in place give it a new one

    def add(self, layer):
        kind = getattr(self, f"_{layer.type.lower()}", None)
        if kind is None:
            self._fail(layer, f"type {layer.type} is not converted")
        if layer.type == "Input":
            return self._input(layer)
        bottom = self.values[layer.bottom[0]]
        self.unread = [name for name in self.unread if name not in layer.bottom]
        operation, attributes = kind(layer)
        value = layer.top[0] if layer.top[0] not in self.values else f"{layer.top[0]}/{layer.name}"
        inputs = [bottom, *self._constants(layer)]
        self.nodes.append(helper.make_node(operation, inputs, [value], name=layer.name, **attributes))
        self.values[layer.top[0]] = value
        self.unread.append(layer.top[0])

    def model(self):
        outputs = [self._image(self.values[name], [None] * 4) for name in self.unread]
        graph = helper.make_graph(self.nodes, str(self.source), self.inputs, outputs, self.tensors)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return model

    def _input(self, layer):
        for top, shape in zip(layer.top, layer.input_param.shape):
            self.inputs.append(self._image(top, ["images", shape.dim[1], "height", "width"]))
            self.values[top] = top

    @staticmethod
    def _image(name, shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    def _constants(self, layer):
        if layer.type not in ("Convolution", "Deconvolution"):
            return []
        count = 1 + layer.convolution_param.bias_term
        if len(self.weights.get(layer.name, [])) != count:
            self._fail(layer, "the weights do not hold it; give this net's own")
        names = [f"{layer.name}/weight", f"{layer.name}/bias"][:count]
        self.tensors += [numpy_helper.from_array(blob, name) for blob, name in zip(self.weights[layer.name], names)]
        return names

    def _convolution(self, layer):
        p = layer.convolution_param
        dilation = (list(p.dilation) * 2)[:2] or [1, 1]
        return "Conv", {**self._window(p, p.kernel_size, p.stride, p.pad), "dilations": dilation, "group": p.group}

    def _deconvolution(self, layer):
        return "ConvTranspose", self._convolution(layer)[1]

    def _pooling(self, layer):
        p = layer.pooling_param
        biggest = p.pool == p.MAX
        if p.global_pooling and p.pool in (p.MAX, p.AVE):
            return ("GlobalMaxPool" if biggest else "GlobalAveragePool"), {}
        if not biggest:
            self._fail(layer, "only MAX and global pooling is converted")
        lengths = ([value] if value else [] for value in (p.kernel_size, p.stride, p.pad))
        return "MaxPool", {**self._window(p, *lengths), "ceil_mode": int(p.round_mode == p.CEIL)}

    def _relu(self, layer):
        slope = layer.relu_param.negative_slope
        return ("LeakyRelu", {"alpha": slope}) if slope else ("Relu", {})

    def _softmax(self, layer):
        return "Softmax", {"axis": layer.softmax_param.axis}

    @staticmethod
    def _window(p, kernel, stride, pad):
        """The attributes of a sliding window; each length is given once, twice, or as ``<name>_h`` and ``<name>_w``."""

        def pair(name, repeated, default):
            if p.HasField(f"{name}_h"):
                return [getattr(p, f"{name}_h"), getattr(p, f"{name}_w")]
            return (list(repeated) * 2)[:2] or [default] * 2

        pads = pair("pad", pad, 0)
        return {"kernel_shape": pair("kernel", kernel, 1), "strides": pair("stride", stride, 1), "pads": pads * 2}

    def _fail(self, layer, why):
        raise CellsegError(f"{self.source}: layer '{layer.name}': {why}")
