"""The record of an image's results, ``image.json``: by it a folder of results is known."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cellseg.images.find import Identity
from cellseg.records import read_record, write_record

IMAGE = "image.json"


@dataclass(frozen=True, kw_only=True)
class ImageRecord:
    """``image.json``.

    Attributes
    ----------
    summary : dict
        The image's row of ``summary.csv``.
    settings : dict
        What it was segmented with; see `cellseg.segmentation.options.SegmentationOptions.describe`.
    image : cellseg.images.find.Identity or None
        The image that the results were made from; None in records from before this was kept.
    tile : int or None
        Side in pixels of the windows.
    engine : dict
        See `cellseg.engine.describe`.
    cellseg : str or None
        Version.
    model : str or None
        Where the weights lay. `settings` hold their SHA-256.
    planes : list of dict
        For each plane its place on the axes, its number of cells, and its grey-value scale.
    version : int
    """

    summary: dict[str, str | int | float | None]
    settings: dict[str, Any]
    image: Identity | None = None
    tile: int | None = None
    engine: dict[str, str | int | float | None] = field(default_factory=dict)
    cellseg: str | None = None
    model: str | None = None
    planes: list[dict[str, Any]] = field(default_factory=list)
    version: int = 1

    @staticmethod
    def from_old(values: dict) -> dict:
        """Today's form of a file from before versions; the first ones held only the path of the image."""
        image = values.get("image")
        return {**values, "image": image if isinstance(image, dict) else None}


def read_result(folder: str | Path) -> ImageRecord | None:
    """Read the record of an image's results; None if there are none.

    Raises
    ------
    CellsegError
        If it is damaged.
    """
    path = Path(folder) / IMAGE
    return read_record(path, ImageRecord, "segment the image again with --overwrite") if path.exists() else None


def write_result(folder: str | Path, record: ImageRecord) -> None:
    """Write the record of an image's results."""
    write_record(Path(folder) / IMAGE, record)
