"""The whole export of a model into a folder. If it fails, there is no folder.

OUT/model.onnx    the net as it is, with Caffe's names
OUT/package/      for the BioImage Model Zoo, see `cellseg.export.package`
OUT/NAME.zip      the same as one file
"""

from pathlib import Path
from typing import NamedTuple

import onnx

from cellseg.errors import CellsegError
from cellseg.export.onnx_check import largest_difference
from cellseg.export.onnx_graph import onnx_graph
from cellseg.results import check_result_folder, replacing_folder

MODEL, PACKAGE = "model.onnx", "package"


class Exported(NamedTuple):
    """The result of an export.

    Attributes
    ----------
    engine : dict
        See `cellseg.engine.describe`.
    difference : float
        Largest difference between ``model.onnx`` and the engine, on random images.
    package_difference : float or None
        The same for the package's weights on its test image; None without a package.
    verdict : str or None
        What bioimageio.core says of the zip file; None without a package.
    paths : list of pathlib.Path
        What was written.
    """

    engine: dict
    difference: float
    package_difference: float | None
    verdict: str | None
    paths: list


def export(model, deploy, out, order=None, card=None, engine_name="auto"):
    """Export a trained model.

    Parameters
    ----------
    model, deploy : path
        ``.caffemodel`` and deploy prototxt.
    out : path
        Folder. An earlier export in it is replaced.
    order : cellseg.export.description.Order, optional
        What the user says of the package. By default only ``model.onnx`` is written.
    card : cellseg.export.card.ModelCard, optional
        What is known of the model, for the package.
    engine_name : str
        The engine with which the export is compared; see `cellseg.engine.load`.

    Returns
    -------
    Exported

    Raises
    ------
    CellsegError
        If something cannot be converted, does not give what the engine gives, or fails its test. Then `out` is as it
        was.
    """
    out = Path(out)
    check_result_folder(out)
    if not Path(deploy).is_file():
        raise CellsegError(f"{deploy}: no such file; give a deploy prototxt")
    if order:
        from cellseg.export import package

        package.description.check_libraries()
        package.description.check_order(order)
    graph = onnx_graph(deploy, model)
    difference, engine = largest_difference(graph, engine_name, deploy, model)
    package_difference, verdict, names = None, None, [MODEL]
    with replacing_folder(out) as beside:
        onnx.save(graph, beside / MODEL)
        if order:
            zipped = beside / f"{order.name.replace(' ', '_')}.zip"
            package_difference = package.write_package(beside / PACKAGE, graph, model, deploy, order, card, engine_name)
            package.pack(beside / PACKAGE, zipped)
            verdict = package.test(zipped)
            names += [PACKAGE, zipped.name]
    return Exported(engine, difference, package_difference, verdict, [out / name for name in names])
