"""Comparing an export with the engine: ONNX Runtime gets the same images."""

import os
import tempfile
from pathlib import Path

import numpy as np

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # else the import would write an identifier into ~/.cache
import onnxruntime

from cellseg.engine import process
from cellseg.engine.caffe_schema import TEST
from cellseg.engine.graph import included
from cellseg.engine.layers import make
from cellseg.engine.prototxt import read_net, to_text
from cellseg.engine.tracing import trace
from cellseg.errors import CellsegError
from cellseg.export.onnx_graph import onnx_graph
from cellseg.inference.network import run_net

#: Outputs that differ by no more, as a part of their largest value, count as the same. A sum of 2000 products rounds by
#: some 3e-6 of its size, and twenty layers one after the other by some 1e-4 at the worst; a wrong layer is far off.
TOLERANCE = 1e-4
#: Rows and columns more than the net's own: odd ones first, then what suits nets that halve their maps again and again.
_OTHER_SIZES = ((13, 6), (-7, 25), (8, -8), (32, 64), (64, -32), (64, 128), (128, 64))


def largest_difference(model, engine_name, deploy, weights):
    """Run a graph and the net that it was made from on random images, of the net's size and of up to two more.

    Layers that pick rows by comparing numbers (`cellseg.engine.layers.base.Layer.PICKS`) give others where rounding
    decides. So the net before them is compared, and each of them on what the engine gives it.

    Parameters
    ----------
    model : onnx.ModelProto
        As from `cellseg.export.onnx_graph.onnx_graph`.
    engine_name : str
        See `cellseg.engine.load`.
    deploy, weights : path
        Prototxt and ``.caffemodel``.

    Returns
    -------
    difference : float
        The largest one, of all outputs on all images, as a part of the output's largest value.
    engine : dict
        See `cellseg.engine.describe`.

    Raises
    ------
    CellsegError
        If the difference is larger than `TOLERANCE`, or the net or the weights cannot be used.
    """
    net = included(read_net(deploy), TEST)
    picking = [layer for layer in net.layer if make(layer, TEST).PICKS]
    if not picking:
        worst, described, _ = _compared(model, engine_name, deploy, weights, random_inputs(deploy))
    else:
        with tempfile.TemporaryDirectory() as folder:
            worst, described = _in_parts(model, engine_name, deploy, weights, net, picking, Path(folder))
    refuse_above_tolerance(worst, deploy)
    return worst, described


def _compared(model, engine_name, deploy, weights, batches):
    """The largest difference on some inputs, the engine, and its outputs."""
    expected, described = process.call(run_net, engine_name, deploy, weights, batches, engine=engine_name)
    worst = 0.0
    for batch, blobs in zip(batches, expected):
        found = run(model, batch)
        worst = max([worst, *(_difference(found.get(name), blob) for name, blob in blobs.items())])
    return worst, described, expected


def _in_parts(model, engine_name, deploy, weights, net, picking, folder):
    """Compare what comes before layers that pick, then each of those."""
    head, batches, names = folder / "head.prototxt", random_inputs(deploy), {layer.name for layer in picking}
    before = _net_of(net, [layer for layer in net.layer if layer.name not in names])
    head.write_text(to_text(before), encoding="utf-8")
    graph = onnx_graph(head, weights)
    worst, described, outputs = _compared(graph, engine_name, head, weights, batches)
    for layer in picking:
        for blobs, batch in zip(outputs, batches):
            if not blobs.keys() >= set(layer.bottom):
                raise CellsegError(f"{deploy}: layer '{layer.name}': other layers read its bottoms, too; not compared")
            feeds = {name: blobs[name] for name in layer.bottom}
            inputs = [_input_layer(net, name, values.shape) for name, values in feeds.items()]
            tail = folder / "tail.prototxt"
            tail.write_text(to_text(_net_of(net, [*inputs, layer])), encoding="utf-8")
            difference, *_ = _compared(onnx_graph(tail, weights), engine_name, tail, weights, [feeds])
            worst = max(worst, difference)
            run(model, batch)
    return worst, described


def _net_of(net, layers):
    made = type(net)(name=net.name)
    made.layer.extend(layers)
    return made


def _input_layer(net, name, shape):
    layer = type(net)().layer.add(name=f"input {name}", type="Input", top=[name])
    layer.input_param.shape.add(dim=shape)
    return layer


def refuse_above_tolerance(difference, deploy):
    """Raise a `CellsegError` if a difference from the engine is too large, or not a number."""
    if not difference <= TOLERANCE:
        raise CellsegError(
            f"{deploy}: the ONNX graph differs from the engine by {difference:.3g}, more than {TOLERANCE:g}; "
            "nothing is written"
        )


def random_inputs(deploy):
    """Random values for the inputs of a net, from 0 to 1; regions of images lie in the image.

    One set is of the sizes that the prototxt gives. In the others images come in pairs, in sizes that round in other
    ways, and regions are more, as far as the net takes them.

    Parameters
    ----------
    deploy : path

    Returns
    -------
    list of dict of str to ndarray, float32

    Raises
    ------
    CellsegError
        If it has no input, or one without a shape.
    """
    layers = list(included(read_net(deploy), TEST).layer)
    shapes = {}
    for layer in layers:
        if layer.type == "Input":
            given = list(layer.input_param.shape)
            shapes.update(zip(layer.top, given * len(layer.top) if len(given) == 1 else given))
    if not shapes or not all(shape.dim for shape in shapes.values()):
        raise CellsegError(
            f"{deploy}: an input has no shape, or there is none; only nets whose inputs say it are exported"
        )
    own = {name: list(shape.dim) for name, shape in shapes.items()}
    first = next(iter(own.values()))
    alike = [shapes[name] for name, size in own.items() if size == first]
    parameters, sizes = [step.shapes for step in trace(layers)], [own]
    regions = {layer.bottom[1] for layer in layers if make(layer, TEST).REGIONS} & own.keys()
    for other in _others(first):
        for name in regions:
            shapes[name].dim[0] = own[name][0] + len(sizes)
        for shape in alike:
            shape.dim[:] = other
        if len(sizes) < 3 and _takes(layers, alike[0].dim, parameters):
            sizes.append({name: list(shape.dim) for name, shape in shapes.items()})
    rng = np.random.RandomState(0)
    return [_filled(size, first_size, regions, rng) for size in sizes for first_size in [next(iter(size.values()))]]


def _others(size):
    """Sizes beside an input's own: of images, or with more rows."""
    if len(size) != 4:
        return [[size[0] + more, *size[1:]] for more in (1, 3)]
    return [[2, size[1], size[2] + more[0], size[3] + more[1]] for more in _OTHER_SIZES]


def _filled(sizes, image, regions, rng):
    found = {name: rng.uniform(size=size).astype(np.float32) for name, size in sizes.items()}
    for name in regions:
        rows = found[name].reshape(-1, 5)
        corners = np.sort(rows[:, 1:].reshape(-1, 2, 2), axis=1) * np.array(image[:1:-1], np.float32)
        rows[:, 0], rows[:, 1:] = np.arange(len(rows)) % image[0], corners.reshape(-1, 4)
    return found


def _takes(layers, size, parameters):
    """Whether a net runs on images of the size that its Input layer says now, with the same parameters."""
    try:
        return min(size) > 0 and [step.shapes for step in trace(layers)] == parameters
    except CellsegError:
        return False


def run(model, feeds):
    """Run a graph in ONNX Runtime, on the processor.

    Parameters
    ----------
    model : onnx.ModelProto
    feeds : dict of str to ndarray, float32
        Values of the inputs, by name.

    Returns
    -------
    dict of str to ndarray
        The outputs.

    Raises
    ------
    CellsegError
        If ONNX Runtime does not take the graph or the values.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        names = [value.name for value in session.get_outputs()]
        return dict(zip(names, session.run(names, feeds)))
    except Exception as error:  # its errors have no base class of their own
        detail = (str(error).splitlines() or [type(error).__name__])[0]
        raise CellsegError(f"ONNX Runtime does not run the graph ({detail})") from error


def _difference(found, expected):
    if found is None or found.shape != expected.shape:
        return float("inf")
    difference = float(np.abs(found - expected).max() / (np.abs(expected).max() or 1))
    return float("inf") if np.isnan(difference) else difference
