"""A deploy net and its weights as an ONNX graph: each layer adds its own nodes (`Layer.onnx`)."""

from collections import Counter

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from cellseg.engine.geometry import read_steps
from cellseg.engine.graph import included
from cellseg.engine.layers import make
from cellseg.engine.layers.base import shown
from cellseg.engine.prototxt import read_net
from cellseg.engine.transfer import same_shape
from cellseg.engine.weights import read_weights
from cellseg.errors import CellsegError

OPSET, IR_VERSION = 17, 8
_TEST = 1


def onnx_graph(deploy, weights):
    """Convert a net, as it runs in testing.

    Parameters
    ----------
    deploy, weights : path
        Prototxt and ``.caffemodel``.

    Returns
    -------
    onnx.ModelProto
        Number and size of the images, and the number of rows of other inputs, are free; inputs and outputs have
        Caffe's names.

    Raises
    ------
    CellsegError
        If a file cannot be read, or a layer has no form in ONNX, or lacks its weights.
    """
    net = included(read_net(deploy), _TEST)
    graph = Graph(deploy, read_weights(weights), net)
    for step in read_steps(deploy):
        graph.add(step)
    return graph.model(net.name or "net")


class Graph:
    """An ONNX graph in the making, with what layers need to add themselves.

    Parameters
    ----------
    source : path
        The net's file, for messages.
    weights : dict of str to list of ndarray
        As from `cellseg.engine.weights.read_weights`.
    net : NetParameter
        Of one phase.
    """

    FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64

    def __init__(self, source, weights, net):
        self._source, self._weights = source, weights
        self._nodes, self._tensors, self._inputs = [], [], []
        self._values, self._ranks = {}, {}  # a blob's value now (layers in place give it a new one); of values: axes
        self._makers = Counter(top for layer in net.layer for top in layer.top)  # yet to come; the last's is the blob's
        self._names = Counter()
        self._unread = {}
        for parameter in net.layer:
            layer = make(parameter, _TEST)
            if parameter.type == "Input":
                self._input(layer)
            elif layer.SCORES or not parameter.bottom:
                self.fail(layer, f"type {layer.type} is for training; give a deploy prototxt")
            for bottom in parameter.bottom:
                self._unread.pop(bottom, None)
            self._unread.update(dict.fromkeys(parameter.top))

    def add(self, step):
        """Add the next layer of the net.

        Parameters
        ----------
        step : cellseg.engine.tracing.Step
        """
        layer, tops = step.layer, []
        bottoms = [self._values[name] for name in layer.parameter.bottom]
        self._call(layer)
        for top, shape in zip(step.tops, step.top_shapes):
            self._makers[top] -= 1
            plain = not self._makers[top] and top not in [value.name for value in self._inputs]
            tops.append(top if plain else f"{top}/{layer.name}")
            self._ranks[tops[-1]] = len(shape)
        layer.onnx(self, bottoms, tops)
        self._values.update(zip(step.tops, tops))

    def _call(self, layer):
        """Give a layer whose name an earlier one has another; Caffe copies weights to the first alone."""
        self._names[layer.name] += 1
        if self._names[layer.name] > 1:
            if layer.shapes:
                self.fail(layer, "an earlier layer has this name, and the weights are for that one; rename one")
            layer.name = f"{layer.name}/{self._names[layer.name]}"

    def node(self, operation, inputs, output, **attributes):
        """Add a node; gives the name of its output, or a list of names as it was given."""
        outputs = [output] if isinstance(output, str) else output
        self._nodes.append(helper.make_node(operation, inputs, outputs, name=f"{operation}:{outputs[0]}", **attributes))
        return output

    def constant(self, name, array):
        """Add an array; gives its name."""
        self._tensors.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(np.shape(array)), name))
        self._ranks[name] = np.ndim(array)
        return name

    def number(self, name, value):
        """Add a float32; gives its name."""
        return self.constant(name, np.float32(value))

    def scaled(self, value, scale, shift, output):
        """Add ``scale * value + shift``; gives the name of the output."""
        parts = [("Mul", scale)] * (scale != 1) + [("Add", shift)] * (shift != 0)
        for number, (operation, by) in enumerate(parts, start=1):
            name = output if number == len(parts) else f"{output}/{operation}"
            value = self.node(operation, [value, self.number(f"{output}/{operation}/by", by)], name)
        return value if parts else self.node("Identity", [value], output)

    def reduced(self, operation, value, axes, output, keepdims=1):
        """Add a reduction over axes; gives the name of the output."""
        if operation == "ReduceSum":  # the first to take its axes as an input
            axes = self.constant(f"{output}/axes", np.array(axes, np.int64))
            return self.node(operation, [value, axes], output, keepdims=keepdims)
        return self.node(operation, [value], output, axes=axes, keepdims=keepdims)

    def reshaped(self, value, parts, output=None):
        """Add the same values in another shape; gives the name of the output.

        Parameters
        ----------
        value : str
        parts : list of (int or (int, int))
            Its lengths, one after the other: a number, or a range of axes of `value` that keep theirs.
        output : str, optional
        """
        output = output or f"{value}/reshaped{len(self._nodes)}"
        pieces, place = [], 0
        for number, part in enumerate(parts):
            first, end = part if isinstance(part, tuple) else (None, None)
            if first is None:
                numbers, place = [part], place + 1
            else:
                numbers = [0] * (end - first) if first == place else None  # 0 keeps the length in the same place
                place += end - first
            name = f"{output}/shape{number}"
            if numbers is None:
                pieces.append(self.node("Shape", [value], name, start=first, end=end))
            elif numbers:
                pieces.append(self.constant(name, np.array(numbers, np.int64)))
        if not pieces:
            pieces = [self.constant(f"{output}/none", np.zeros(0, np.int64))]
        shape = self.node("Concat", pieces, f"{output}/shape", axis=0)
        return self.node("Reshape", [value, shape], output)

    def rank(self, value):
        """How many axes a layer's bottom or a constant has."""
        return self._ranks[value]

    def weights(self, layer, *names):
        """A layer's parameters, which are called so.

        Returns
        -------
        list of ndarray, float32
            One for each parameter that the layer has, in its shape.
        """
        arrays = self._weights.get(layer.name, [])
        if len(arrays) != len(layer.shapes):
            self.fail(layer, "the weights do not hold it; give this net's own")
        for name, array, shape in zip(names, arrays, layer.shapes):
            if not same_shape(array.shape, shape):
                self.fail(layer, f"has the {name} {shown(array.shape)} in the weights; the net needs {shown(shape)}")
        return [np.reshape(array, shape) for array, shape in zip(arrays, layer.shapes)]

    def parameters(self, layer, *names):
        """The same as constants; gives their names."""
        return [self.constant(f"{layer.name}.{name}", array) for name, array in zip(names, self.weights(layer, *names))]

    def fail(self, layer, why):
        """Refuse the net."""
        raise CellsegError(f"{self._source}: layer '{layer.name}': {why}")

    def model(self, name):
        """The whole graph, checked; what no layer reads is its output."""
        outputs = [self._value(self._values[blob], [None] * self._ranks[self._values[blob]]) for blob in self._unread]
        if not outputs:
            raise CellsegError(f"{self._source}: the net has no output; give a deploy prototxt")
        graph = helper.make_graph(self._nodes, name, self._inputs, outputs, self._tensors)
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, producer_name="cellseg", opset_imports=opset, ir_version=IR_VERSION)
        try:
            onnx.checker.check_model(model)
        except onnx.checker.ValidationError as error:
            raise CellsegError(f"{self._source}: gives no valid ONNX graph ({str(error).splitlines()[0]})") from error
        return model

    def _input(self, layer):
        layer.setup([])
        for top, shape in zip(layer.parameter.top, layer.reshape([])):
            self._makers[top] -= 1
            rows = [f"rows of {top}", *shape[1:]] if shape else []
            free = ["images", shape[1], "height", "width"] if len(shape) == 4 else rows
            self._inputs.append(self._value(top, free))
            self._values[top], self._ranks[top] = top, len(shape)

    @staticmethod
    def _value(name, shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
