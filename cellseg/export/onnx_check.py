"""Comparing an export with the engine: ONNX Runtime gets the same images."""

import os

import numpy as np

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # else the import would write an identifier into ~/.cache
import onnxruntime

from cellseg.engine import process
from cellseg.engine.prototxt import read_net
from cellseg.engine.tracing import trace
from cellseg.errors import CellsegError
from cellseg.inference.network import run_net

#: Outputs that differ by no more, as a part of their largest value, count as the same. A sum of 2000 products rounds by
#: some 3e-6 of its size, and twenty layers one after the other by some 1e-4 at the worst; a wrong layer is far off.
TOLERANCE = 1e-4
#: Rows and columns more than the net's own: odd ones first, then what suits nets that halve their maps again and again.
_OTHER_SIZES = ((13, 6), (-7, 25), (8, -8), (32, 64), (64, -32), (64, 128), (128, 64))


def largest_difference(model, engine_name, deploy, weights):
    """Run a graph and the net that it was made from on random images, of the net's size and of up to two more.

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
    batches = random_images(deploy)
    expected, described = process.call(run_net, engine_name, deploy, weights, batches, engine=engine_name)
    worst = 0.0
    for batch, blobs in zip(batches, expected):
        found = run(model, batch)
        worst = max([worst, *(_difference(found.get(name), blob) for name, blob in blobs.items())])
    refuse_above_tolerance(worst, deploy)
    return worst, described


def refuse_above_tolerance(difference, deploy):
    """Raise a `CellsegError` if a difference from the engine is too large, or not a number."""
    if not difference <= TOLERANCE:
        raise CellsegError(
            f"{deploy}: the ONNX graph differs from the engine by {difference:.3g}, more than {TOLERANCE:g}; "
            "nothing is written"
        )


def random_images(deploy):
    """Random images for the one input of a net, with values from 0 to 1.

    One is of the size that the prototxt gives. The others are pairs, of sizes that round in other ways as far as the
    net takes them.

    Parameters
    ----------
    deploy : path

    Returns
    -------
    list of ndarray, float32

    Raises
    ------
    CellsegError
        If it has several inputs.
    """
    layers = read_net(deploy).layer
    shapes = [shape for layer in layers if layer.type == "Input" for shape in layer.input_param.shape]
    names = [top for layer in layers if layer.type == "Input" for top in layer.top]
    if len(names) != 1 or len(shapes) != 1:
        raise CellsegError(f"{deploy}: the net has {len(names)} inputs; only nets with one, of a shape, are exported")
    (shape,), own = shapes, list(shapes[0].dim)
    parameters, sizes = [step.shapes for step in trace(layers)], [own]
    for more in _OTHER_SIZES if len(own) == 4 else ():
        shape.dim[:] = [2, own[1], own[2] + more[0], own[3] + more[1]]
        if len(sizes) < 3 and _takes(layers, shape.dim, parameters):
            sizes.append(list(shape.dim))
    rng = np.random.RandomState(0)
    return [rng.uniform(size=size).astype(np.float32) for size in sizes]


def _takes(layers, size, parameters):
    """Whether a net runs on images of the size that its Input layer says now, with the same parameters."""
    try:
        return min(size) > 0 and [step.shapes for step in trace(layers)] == parameters
    except CellsegError:
        return False


def run(model, images):
    """Run a graph with one input in ONNX Runtime, on the processor.

    Parameters
    ----------
    model : onnx.ModelProto
    images : ndarray of shape (N, C, H, W), float32

    Returns
    -------
    dict of str to ndarray
        The outputs.

    Raises
    ------
    CellsegError
        If ONNX Runtime does not take the graph or the images.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        names = [value.name for value in session.get_outputs()]
        return dict(zip(names, session.run(names, {session.get_inputs()[0].name: images})))
    except Exception as error:  # its errors have no base class of their own
        detail = (str(error).splitlines() or [type(error).__name__])[0]
        raise CellsegError(f"ONNX Runtime does not run the graph ({detail})") from error


def _difference(found, expected):
    if found is None or found.shape != expected.shape:
        return float("inf")
    difference = float(np.abs(found - expected).max() / (np.abs(expected).max() or 1))
    return float("inf") if np.isnan(difference) else difference
