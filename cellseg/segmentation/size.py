"""How large the cells of an image are beside those that a model was trained on."""

import re
from dataclasses import replace
from typing import NamedTuple

from cellseg.errors import CellsegError
from cellseg.images.units import micrometres
from cellseg.inference.rescaling import LIMIT
from cellseg.models.settings import ModelSettings


class Diameter(NamedTuple):
    """A diameter that a user gives: the median of the cells in his images.

    Attributes
    ----------
    value : float
    in_micrometres : bool
        Whether it is in micrometres; else it is in pixels.
    """

    value: float
    in_micrometres: bool = False

    def __str__(self):
        return f"{self.value:g}{'um' if self.in_micrometres else ''}"

    def pixels(self, pixel_size: tuple[float, float] | None) -> float:
        """The diameter in pixels of an image.

        Parameters
        ----------
        pixel_size : tuple of float, or None
            Height and width of a pixel in micrometres. Of pixels that are no squares the one of the same area counts.

        Raises
        ------
        CellsegError
            If the pixel size is needed and not known.
        """
        if not self.in_micrometres:
            return self.value
        if pixel_size is None:
            raise CellsegError(f"diameter {self}: the image does not say how large its pixels are; give it in pixels")
        return self.value / (pixel_size[0] * pixel_size[1]) ** 0.5


def read_diameter(text: str) -> Diameter:
    """The diameter that a text means: "30", "30px", "12um", "0.012 mm".

    Raises
    ------
    CellsegError
        If it is none.
    """
    found = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*(.*?)\s*", text)
    scale = micrometres(found[2]) if found else None
    if not found or not float(found[1]) > 0 or scale is None and found[2] not in ("", "px"):
        raise CellsegError(f"diameter {text}: give a number of pixels, such as 30, or with a unit, such as 12um")
    return Diameter(float(found[1]) * (scale or 1), scale is not None)


def rescaling(diameter: Diameter | None, settings: ModelSettings, pixel_size=None) -> float:
    """By what an image is to be made larger (or smaller, below 1), so that its cells have the model's size.

    Parameters
    ----------
    diameter : Diameter or None
        Of the image's cells; None leaves the image as it is.
    settings : cellseg.models.settings.ModelSettings
    pixel_size : tuple of float, optional
        See `Diameter.pixels`.

    Raises
    ------
    CellsegError
        If the model's size is not known, nor the pixel size where it is needed, or the factor is out of bounds.
    """
    if diameter is None:
        return 1.0
    models, pixels = models_diameter(settings), diameter.pixels(pixel_size)
    factor = models / pixels
    if not 1 / LIMIT <= factor <= LIMIT:
        raise CellsegError(
            f"diameter {diameter}: the model's cells have {models:.3g} pixels and these {pixels:.3g}, but "
            f"an image can be made at most {LIMIT} times larger or smaller; check it, or resize the image"
        )
    return factor


def models_diameter(settings: ModelSettings) -> float:
    """Median diameter of the model's cells; refused where the settings do not say it."""
    if settings.diameter is None:
        raise CellsegError(
            "diameter: the model's settings do not say how large its cells are; leave it out, or take a model of "
            "which `cellseg models` shows it"
        )
    return settings.diameter


def at_size(settings: ModelSettings, factor: float, maps: int) -> ModelSettings:
    """Settings in pixels of an image that is rescaled by a factor for the model.

    What the settings hold is in pixels as the network sees them.

    Parameters
    ----------
    settings : cellseg.models.settings.ModelSettings
    factor : float
        As of `rescaling`.
    maps : int
        What the network gives (`cellseg.inference.network.Network`). With a distance the depth of a split is no number
        of pixels.
    """
    if factor == 1:
        return settings
    return replace(
        settings,
        smallest_object=round(settings.smallest_object / factor**2),
        largest_hole=round(settings.largest_hole / factor**2),
        split=settings.split / factor if settings.split and maps == 1 else settings.split,
        diameter=settings.diameter and settings.diameter / factor,
    )
