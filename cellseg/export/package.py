"""A model as a package of the BioImage Model Zoo: a folder with ``rdf.yaml``, and the same as a tested zip file.

rdf.yaml                          the description
weights.onnx                      the network, from the scaled image to the probability of cell
test_input.npy, test_output.npy   a simulated image, and the engine's own output for it
README.md, cover.png
"""

import zipfile
from pathlib import Path

import numpy as np
import onnx
from bioimageio.core import test_model
from bioimageio.spec import ValidationContext
from loguru import logger

from cellseg.data.normalisation import Grey, measure, normalise
from cellseg.engine.geometry import reach, read_steps
from cellseg.errors import CellsegError
from cellseg.export import description
from cellseg.export.description import Sizes
from cellseg.export.documentation import readme
from cellseg.export.example import example_image, write_cover
from cellseg.export.onnx_check import refuse_above_tolerance, run
from cellseg.export.onnx_package import INPUT, OUTPUT, package_graph
from cellseg.inference.network import predict

_EPOCH = (1980, 1, 1, 0, 0, 0)  # date of all files in a zip file, so that the same package has the same bytes


def read_sizes(deploy):
    """Find out what a net asks of the tiles of an image.

    Parameters
    ----------
    deploy : path
        Deploy prototxt.

    Returns
    -------
    cellseg.export.description.Sizes

    Raises
    ------
    CellsegError
        If its output is not of the image's size.
    """
    steps = read_steps(deploy)
    stride = int(max(step.stride for step in steps))
    return Sizes(stride, -(-reach(steps) // stride) * stride)


def write_package(folder, graph, model, deploy, order, card, engine_name="auto"):
    """Write a package's folder, and check that its weights give the engine's output.

    Parameters
    ----------
    folder : path
        A new folder.
    graph : onnx.ModelProto
        The net as it is, as from `cellseg.export.onnx_graph.onnx_graph`.
    model, deploy : path
        ``.caffemodel`` and deploy prototxt, with the blobs ``data`` and ``prob``.
    order : cellseg.export.description.Order
        An order that `cellseg.export.description.check_order` accepts.
    card : cellseg.export.card.ModelCard
    engine_name : str
        See `cellseg.engine.load`.

    Returns
    -------
    float
        Largest difference between the output of the package's weights and the engine's, on the test image.

    Raises
    ------
    CellsegError
        If the net does not have two classes, if the difference is too large, or if bioimageio.spec refuses the
        description.
    """
    folder, sizes = Path(folder), read_sizes(deploy)
    image = example_image(card.settings.normalisation)
    normalised = normalise(image, card.settings.normalisation)
    (expected,), _ = predict(engine_name, deploy, model, [normalised])
    weights = package_graph(graph, card.settings.normalisation)
    given = measure(Grey(image), card.settings.normalisation)._replace(rooted=False)(image)
    found = run(weights, {INPUT: given[None, None]})
    outputs = dict(zip(found, expected, strict=True))
    difference = max(float(np.abs(found[name][0, 0] - plane).max()) for name, plane in outputs.items())
    refuse_above_tolerance(difference, deploy)
    folder.mkdir()
    onnx.save(weights, folder / description.WEIGHTS)
    np.save(folder / description.TEST_INPUT, image[None, None])
    for name, plane in outputs.items():
        np.save(folder / description.test_output(name), plane[None, None])
    write_cover(folder / description.COVER, normalised, outputs[OUTPUT])
    (folder / description.README).write_text(readme(order, card, sizes), encoding="utf-8")
    description.write_description(folder, order, card, sizes, list(outputs))
    return difference


def pack(folder, path):
    """Write the files of a package's folder into a zip file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for one in sorted(Path(folder).iterdir()):
            entry = zipfile.ZipInfo(one.name, _EPOCH)
            entry.external_attr = 0o644 << 16
            file.writestr(entry, one.read_bytes(), zipfile.ZIP_DEFLATED)


def test(path):
    """Let bioimageio.core open a package, validate it, and reproduce its test output.

    Parameters
    ----------
    path : path
        Zip file.

    Returns
    -------
    str
        What it says: "passed".

    Raises
    ------
    CellsegError
        If it says anything else.
    """
    logger.disable("bioimageio")
    with ValidationContext(log_warnings=False, progressbar=False):
        found = test_model(path)
    if found.status != "passed":
        errors = [error.msg for detail in found.details for error in detail.errors]
        reason = " ".join((errors or ["no reason given"])[0].split())
        raise CellsegError(f"bioimageio.core's test of the package: {found.status} ({reason})")
    return found.status
