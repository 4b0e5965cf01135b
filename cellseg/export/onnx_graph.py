"""A deploy net and its weights as an ONNX graph, layer by layer, as converters write it."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from cellseg.engine.prototxt import read_net
from cellseg.engine.weights import read_weights
from cellseg.errors import CellsegError
from cellseg.export.onnx_layers import CONVERTERS

OPSET, IR_VERSION = 17, 8


def onnx_graph(deploy, weights):
    """Convert a net of Input layers and those of `cellseg.export.onnx_layers.CONVERTERS`, as it runs in testing.

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
    net = read_net(deploy)
    graph = Graph(deploy, read_weights(weights), net)
    for layer in net.layer:
        graph.add(layer)
    return graph.model(net.name or "net")


class Graph:
    """An ONNX graph in the making.

    Parameters
    ----------
    source : path
        The net's file, for messages.
    weights : dict of str to list of ndarray
        As from `cellseg.engine.weights.read_weights`.
    net : NetParameter
    """

    def __init__(self, source, weights, net):
        self.source, self.weights = source, weights
        self.nodes, self.tensors, self.inputs = [], [], []
        self.unread = []
        self.values = {}  # a blob's value now: layers in place give it a new one
        self.last = {top: layer.name for layer in net.layer for top in layer.top}  # its value is called as the blob

    def add(self, layer):
        """Add the next layer of the net."""
        if layer.type == "Input":
            return self._input(layer)
        if layer.type not in CONVERTERS:
            self.fail(layer, f"type {layer.type} is not converted; those that are: {', '.join(CONVERTERS)}")
        missing = [name for name in layer.bottom if name not in self.values]
        if missing or not layer.bottom or len(layer.top) != 1:
            self.fail(layer, f"nothing before it gives '{missing[0]}'" if missing else "needs bottoms and one top")
        bottoms, top = [self.values[name] for name in layer.bottom], layer.top[0]
        plain = self.last[top] == layer.name and top not in [value.name for value in self.inputs]
        value = top if plain else f"{top}/{layer.name}"
        CONVERTERS[layer.type](self, layer, bottoms, value)
        self.values[top] = value
        self.unread = [name for name in self.unread if name not in (*layer.bottom, top)] + [top]

    def node(self, operation, inputs, output, **attributes):
        """Add a node; gives the name of its output."""
        self.nodes.append(helper.make_node(operation, inputs, [output], name=f"{operation}:{output}", **attributes))
        return output

    def constant(self, name, array):
        """Add an array; gives its name."""
        self.tensors.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def blobs(self, layer, *names):
        """Add a layer's parameters under these names, all of them; gives the arrays."""
        blobs = self.weights.get(layer.name, [])
        if len(blobs) != len(names):
            self.fail(layer, "the weights do not hold it; give this net's own")
        return blobs

    def fail(self, layer, why):
        """Refuse the net."""
        raise CellsegError(f"{self.source}: layer '{layer.name}': {why}")

    def model(self, name):
        """The whole graph, checked; what no layer reads is its output."""
        outputs = [self._image(self.values[blob], [None] * 4) for blob in self.unread]
        graph = helper.make_graph(self.nodes, name, self.inputs, outputs, self.tensors)
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, producer_name="cellseg", opset_imports=opset, ir_version=IR_VERSION)
        try:
            onnx.checker.check_model(model)
        except onnx.checker.ValidationError as error:
            raise CellsegError(f"{self.source}: gives no valid ONNX graph ({str(error).splitlines()[0]})") from error
        return model

    def _input(self, layer):
        for top, shape in zip(layer.top, layer.input_param.shape):
            if len(shape.dim) != 4:
                self.fail(layer, f"only inputs of four axes are converted; '{top}' has {len(shape.dim)}")
            self.inputs.append(self._image(top, ["images", shape.dim[1], "height", "width"]))
            self.values[top] = top

    @staticmethod
    def _image(name, shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
