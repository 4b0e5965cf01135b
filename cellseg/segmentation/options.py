"""What one segmentation job needs: the model with its settings, and what the user chose besides."""

from dataclasses import asdict, dataclass

from cellseg.models.settings import ModelSettings
from cellseg.segmentation.size import Diameter


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
    probability, ome_zarr : bool
        Whether to write ``probability.tif`` and ``image.ome.zarr``.
    """

    model: str
    settings: ModelSettings
    engine: str = "auto"
    tile: int | None = None
    diameter: Diameter | None = None
    channel: str | None = None
    axes: str | None = None
    series: int | None = None
    probability: bool = False
    ome_zarr: bool = False

    def describe(self) -> dict:
        """The options as ``image.json`` keeps them under ``settings``: all but where the model lies."""
        usage, options = asdict(self.settings), asdict(self)
        for name in ("deploy", "split", "recipe", "diameter", "scores", "version"):
            del usage[name]
        for name in ("model", "settings", "diameter"):
            del options[name]
        size = {"diameter": str(self.diameter), "models_diameter": self.settings.diameter} if self.diameter else {}
        return {"model_sha256": usage["model_sha256"], "usage": usage, "split": self.settings.split, **options, **size}
