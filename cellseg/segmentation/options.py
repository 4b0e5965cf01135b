"""What one segmentation job needs: the model with its settings, and what the user chose besides."""

from dataclasses import asdict, dataclass

from cellseg.data.normalisation import Scale
from cellseg.models.settings import ModelSettings
from cellseg.segmentation.outputs import Output
from cellseg.segmentation.selection import ALL, Selection
from cellseg.segmentation.size import Diameter

#: Keys of `SegmentationOptions.describe`: with other ones, results are no part of the same table.
GREY = ("percentiles", "scale_over", "scale")


@dataclass(frozen=True)
class SegmentationOptions:
    """What is done with every image, and what is written.

    Attributes
    ----------
    model : str
        ``.caffemodel``.
    settings : cellseg.models.settings.ModelSettings
    engine : str
        See `cellseg.engine.load`.
    tile : int or None
        See `cellseg.segmentation.model.load_model`.
    diameter : cellseg.segmentation.size.Diameter or None
        Median diameter of the cells in the images, which are rescaled to the model's; None leaves them as they are.
    channel, axes, series
        See `cellseg.images.open.open_image`.
    percentiles : tuple of float, or None
        In place of those of the model's normalisation; see `cellseg.data.normalisation.measure`.
    scale_over : {"plane", "image", "folder"}
        What has one grey-value scale: each plane, all planes of an image, or all images together.
    scale : cellseg.data.normalisation.Scale or None
        That of all images; see `cellseg.segmentation.folder_scale`.
    probability, ome_zarr : bool
        Whether to write ``probability.tif`` and ``image.ome.zarr``.
    selection : cellseg.segmentation.selection.Selection
        Which cells are kept; a largest area is in pixels as the network sees them.
    properties : tuple of str
        Further columns; see `cellseg.segmentation.properties`.
    track : bool
        Whether to follow cells along the axis T; see `cellseg.segmentation.tracking`.
    track_distance : float or None
    outputs : tuple of cellseg.segmentation.outputs.Output
        Further files.
    """

    model: str
    settings: ModelSettings
    engine: str = "auto"
    tile: int | None = None
    diameter: Diameter | None = None
    channel: str | None = None
    axes: str | None = None
    series: int | None = None
    percentiles: tuple[float, float] | None = None
    scale_over: str = "plane"
    scale: Scale | None = None
    probability: bool = False
    ome_zarr: bool = False
    selection: Selection = ALL
    properties: tuple[str, ...] = ()
    track: bool = False
    track_distance: float | None = None
    outputs: tuple[Output, ...] = ()

    def describe(self) -> dict:
        """The options as ``image.json`` keeps them under ``settings``: all but where the model lies."""
        usage, options = asdict(self.settings), asdict(self)
        for name in ("deploy", "split", "recipe", "diameter", "scores", "version"):
            del usage[name]
        for name in ("model", "settings", "selection"):
            del options[name]
        said = {
            "diameter": str(self.diameter) if self.diameter else None,
            "models_diameter": self.settings.diameter if self.diameter else None,
            "percentiles": list(self.percentiles) if self.percentiles else None,
            "scale": self.scale._asdict() if self.scale else None,
            **self.selection._asdict(),
            "properties": list(self.properties),
            "outputs": [output.name for output in self.outputs],
        }
        return {"model_sha256": usage["model_sha256"], "usage": usage, "split": self.settings.split, **options, **said}
