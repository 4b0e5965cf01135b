"""Comparing an export with the engine: ONNX Runtime gets the same images."""

import os

import numpy as np

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # else the import would write an identifier into ~/.cache
import onnxruntime

from cellseg.engine import process
from cellseg.errors import CellsegError
from cellseg.inference.network import run_net

#: Outputs that differ by no more, as a part of their largest value, count as the same. A sum of 2000 products rounds by
#: some 3e-6 of its size, and twenty layers one after the other by some 1e-4 at the worst; a wrong layer is far off.
TOLERANCE = 1e-4


def largest_difference(model, engine_name, deploy, weights):
    """Run a graph and the net that it was made from on random images of two sizes.

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
    batches = random_images(model)
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


def random_images(model):
    """Random images for the one input of a graph: one of 64x64 and two of 128x96, with values from 0 to 1.

    Returns
    -------
    list of ndarray, float32

    Raises
    ------
    CellsegError
        If it has several inputs.
    """
    inputs = model.graph.input
    if len(inputs) != 1:
        raise CellsegError(f"the net has {len(inputs)} inputs; only nets with one are exported")
    channels = inputs[0].type.tensor_type.shape.dim[1].dim_value
    rng = np.random.RandomState(0)
    return [rng.uniform(size=(n, channels, h, w)).astype(np.float32) for n, h, w in ((1, 64, 64), (2, 128, 96))]


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
