"""The ONNX graph of a package. It gives a model's maps, and includes preprocessing that the format cannot express."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from cellseg.data.normalisation import CEILING

#: Names of the package's tensors, in the graph and in its description.
INPUT, OUTPUT, DISTANCE = "image", "probability", "distance"
#: Rules whose last step is a square root, and at what they cut values off before.
ROOTED = {"root": 1.0, "floor": CEILING}


def package_graph(model, normalisation):
    """From a graph with the input ``data`` and two maps ``prob``, make one that gives the probability of cell alone.

    The output ``distance`` of a net that has it stays.

    Parameters
    ----------
    model : onnx.ModelProto
        As from `cellseg.export.onnx_graph.onnx_graph`. It is not changed.
    normalisation : str
        The rule for the net's images. For `ROOTED` ones the graph begins by clipping and taking the square
        root, since the format has no such preprocessing. It then takes images that were normalised by "percentile".

    Returns
    -------
    onnx.ModelProto
        Input ``image`` (N, 1, H, W), outputs ``probability`` and perhaps ``distance`` (N, 1, H, W).
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    rooted, names = normalisation in ROOTED, [OUTPUT, *(one.name for one in graph.output if one.name == DISTANCE)]
    before = _rooted(graph, ROOTED[normalisation]) if rooted else []
    for node in graph.node:
        if not rooted:
            node.input[:] = [INPUT if name == "data" else name for name in node.input]
    after = [_one_map(graph)]
    nodes = [*before, *graph.node, *after]
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(nodes)
    shape = ["images", 1, "height", "width"]
    graph.input.append(helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, shape))
    graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in names)
    onnx.checker.check_model(made)
    return made


def _rooted(graph, high):
    names = _constants(graph, low=np.float32(0), high=np.float32(high))
    clip = helper.make_node("Clip", [INPUT, *names], [f"{INPUT}/clipped"], name="clip")
    return [clip, helper.make_node("Sqrt", [f"{INPUT}/clipped"], ["data"], name="root")]


def _one_map(graph):
    numbers = {"start": 1, "end": 2, "axis": 1}
    names = _constants(graph, **{name: np.array([value], np.int64) for name, value in numbers.items()})
    return helper.make_node("Slice", ["prob", *names], [OUTPUT], name="cell")


def _constants(graph, **arrays):
    names = [f"{OUTPUT}/{name}" for name in arrays]
    graph.initializer.extend(map(numpy_helper.from_array, arrays.values(), names))
    return names
