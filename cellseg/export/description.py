"""The description of a package, ``rdf.yaml``, in the BioImage Model Zoo's format 0.5."""

import re
from typing import NamedTuple

from bioimageio.spec import ValidationContext, save_bioimageio_yaml_only
from bioimageio.spec import __version__ as spec_version
from bioimageio.spec.common import FileDescr, ValidationError
from bioimageio.spec.generic.v0_3 import LicenseId
from bioimageio.spec.model import v0_5
from pydantic import VERSION as pydantic_version
from pydantic_core import PydanticSerializationError

from cellseg import __version__
from cellseg.data.normalisation import HIGH, LOW
from cellseg.errors import CellsegError
from cellseg.export.documentation import citations, summary
from cellseg.export.onnx_graph import OPSET
from cellseg.export.onnx_package import DISTANCE, INPUT, OUTPUT, ROOTED

RDF, WEIGHTS, README, COVER = "rdf.yaml", "weights.onnx", "README.md", "cover.png"
TEST_INPUT = "test_input.npy"
_TAGS = ["cells", "2d", "semantic-segmentation", "cellseg", "caffe"]
#: What the recipes of cellseg train for.
_RECORDED_TAGS = ["nuclei", "fluorescence-light-microscopy"]
_IMAGE = [v0_5.AxisId(name) for name in ("channel", "y", "x")]


#: Each output: what it is.
_OUTPUTS = {
    OUTPUT: "Probability of cell",
    DISTANCE: "Distance to the edge of the cell, as a part of its largest, with a valley between cells that touch",
}


class Order(NamedTuple):
    """What the user says of the package.

    Attributes
    ----------
    name : str
        5 to 128 letters, digits, spaces, or any of ``_+-()``.
    authors : list of str
    license : str
        Licence of the weights, as an SPDX identifier.
    """

    name: str
    authors: list
    license: str


class Sizes(NamedTuple):
    """What a net asks of its images.

    Attributes
    ----------
    stride : int
        Sides of the image must be multiples of it.
    halo : int
        Number of pixels, on each side of a tile's output, that depend on what lies outside of the tile; a multiple of
        the stride.
    """

    stride: int
    halo: int

    @property
    def least(self):
        """The smallest tile of which some output depends on the tile alone."""
        return 2 * self.halo + self.stride


def check_libraries():
    """Refuse a bioimageio.spec that cannot write a model's weights: 0.5.12 with pydantic 2.14.

    Raises
    ------
    CellsegError
    """
    try:
        with ValidationContext(perform_io_checks=False):
            v0_5.OnnxWeightsDescr(source=WEIGHTS, opset_version=OPSET).model_dump(mode="json")
    except PydanticSerializationError as error:
        versions = f"bioimageio.spec {spec_version} does not work with pydantic {pydantic_version}"
        raise CellsegError(f"{versions}; run: pip install 'pydantic<2.14'") from error


def check_order(order):
    """Refuse a name, author or licence that the format does not accept.

    Raises
    ------
    CellsegError
    """
    if not re.fullmatch(r"[A-Za-z0-9_+\- ()]{5,128}", order.name):
        raise CellsegError(f"the name '{order.name}' is not 5 to 128 letters, digits, spaces, or any of _+-(); --name")
    if any(re.search(r"[\n/\\]", author) for author in order.authors):
        raise CellsegError("an author's name holds a slash or a line break; leave it out")
    try:
        LicenseId(order.license)
    except ValueError as error:
        raise CellsegError(f"'{order.license}' is no SPDX licence identifier; give one as CC0-1.0 or MIT") from error


def test_output(name):
    """The file with the test tensor of an output."""
    return "test_output.npy" if name == OUTPUT else f"test_output_{name}.npy"


def write_description(folder, order, card, sizes, outputs=(OUTPUT,)):
    """Write ``rdf.yaml`` into a folder that holds the other files of the package.

    Parameters
    ----------
    folder : pathlib.Path
    order : Order
    card : cellseg.export.card.ModelCard
    sizes : Sizes
    outputs : sequence of str
        Names of the graph's outputs.

    Raises
    ------
    CellsegError
        If bioimageio.spec finds that the description does not fit the files.
    """
    try:
        with ValidationContext(root=folder, file_name=RDF, perform_io_checks=True, log_warnings=False):
            save_bioimageio_yaml_only(_describe(order, card, sizes, outputs), folder / RDF)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise CellsegError(f"bioimageio.spec refuses the package: {place}: {' '.join(first['msg'].split())}") from error


def _describe(order, card, sizes, outputs):
    started = card.run.started if card.run else None
    return v0_5.ModelDescr(
        name=order.name,
        description=summary(card),
        authors=[v0_5.Author(name=author) for author in order.authors],
        cite=[v0_5.CiteEntry(text=text, doi=v0_5.Doi(doi)) for text, doi in citations(card)],
        license=LicenseId(order.license),
        documentation=FileDescr(source=README),
        covers=[FileDescr(source=COVER)],
        tags=_tags(card),
        inputs=[_input(card.settings.normalisation, sizes)],
        outputs=[_output(name, sizes) for name in outputs],
        weights=v0_5.WeightsDescr(onnx=_weights(card.settings.normalisation)),
        config=v0_5.Config(cellseg=_config(card)),
        **({"timestamp": started} if started else {}),
    )


def _tags(card):
    """Tags of what the model's own records say; nothing is told from the look of its net."""
    tags = _TAGS + (_RECORDED_TAGS if card.recorded else [])
    return tags + (["unet"] if card.network in ("unet", "cell_unet") else [])


def _input(normalisation, sizes):
    size = v0_5.ParameterizedSize(min=sizes.least, step=sizes.stride)
    axes = [
        v0_5.BatchAxis(),
        v0_5.ChannelAxis(channel_names=["grey"]),
        *(v0_5.SpaceInputAxis(id=name, size=size, concatenable=True) for name in _IMAGE[1:]),
    ]
    return v0_5.InputTensorDescr(
        id=INPUT,
        description="Grey values of any scale" if normalisation != "unchanged" else "Grey values of about 0 to 1",
        axes=axes,
        data=v0_5.IntervalOrRatioDataDescr(type="float32"),
        test_tensor=FileDescr(source=TEST_INPUT),
        preprocessing=_preprocessing(normalisation),
    )


def _preprocessing(normalisation):
    if normalisation in ("percentile", *ROOTED):
        clip = v0_5.ClipDescr(kwargs=v0_5.ClipKwargs(min=0.0, max=ROOTED.get(normalisation, 1.0)))
        scale = v0_5.ScaleRangeKwargs(axes=_IMAGE, min_percentile=LOW, max_percentile=HIGH)
        return [v0_5.ScaleRangeDescr(kwargs=scale), clip]
    if normalisation == "standard":
        return [v0_5.ZeroMeanUnitVarianceDescr(kwargs=v0_5.ZeroMeanUnitVarianceKwargs(axes=_IMAGE))]
    return []


def _output(name, sizes):
    axes = [v0_5.BatchAxis(), v0_5.ChannelAxis(channel_names=["cell"])]
    for axis in _IMAGE[1:]:
        size = v0_5.SizeReference(tensor_id=INPUT, axis_id=axis)
        halo = {"halo": sizes.halo} if sizes.halo else {}
        axes.append((v0_5.SpaceOutputAxisWithHalo if halo else v0_5.SpaceOutputAxis)(id=axis, size=size, **halo))
    limits = {"range": (0.0, 1.0)} if name == OUTPUT else {}
    return v0_5.OutputTensorDescr(
        id=name,
        description=_OUTPUTS[name],
        axes=axes,
        data=v0_5.IntervalOrRatioDataDescr(type="float32", **limits),
        test_tensor=FileDescr(source=test_output(name)),
    )


def _weights(normalisation):
    comment = "Converted from a .caffemodel by cellseg."
    if normalisation in ROOTED:
        comment += " The graph begins with a square root of the scaled image, on which the network was trained."
    return v0_5.OnnxWeightsDescr(source=WEIGHTS, opset_version=OPSET, comment=comment)


def _config(card):
    return {
        "version": __version__,
        "threshold": card.settings.threshold,
        "threshold_chosen_on": card.settings.chosen_on,
        "orientations": card.settings.orientations,
        "recipe": card.settings.recipe,
        "normalisation": card.settings.normalisation,
        "training_images": card.kind,
        "diameter": card.settings.diameter,
        "caffemodel_sha256": card.settings.model_sha256,
    }
