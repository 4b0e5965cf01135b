"""Cells as polygons in GeoJSON, as QuPath exports them; x and y are in pixels of the image."""

from pathlib import Path

import msgspec
import numpy as np

from cellseg.data.truth_outlines import Outline
from cellseg.errors import CellsegError

#: Endings of the names of the files, in small letters.
SUFFIXES = (".geojson",)

_FARTHEST = 2**31  # pixels


class Polygon(msgspec.Struct, tag=True):
    """A ring, and the rings of its holes."""

    coordinates: list[list[list[float]]]


class MultiPolygon(msgspec.Struct, tag=True):
    """Several polygons."""

    coordinates: list[list[list[list[float]]]]


class Feature(msgspec.Struct, tag=True):
    """An object; QuPath says in its properties what it is."""

    geometry: Polygon | MultiPolygon
    properties: dict | None = None


class FeatureCollection(msgspec.Struct, tag=True):
    """A file's objects."""

    features: list[Feature]


def read_outlines(path) -> list[Outline]:
    """Read the polygons of a file, in their order.

    Of a file of QuPath that has detections or cells, annotations are left out: they are the regions that were
    looked at.

    Parameters
    ----------
    path : path

    Returns
    -------
    list of Outline

    Raises
    ------
    CellsegError
        If the file is damaged or something else, or an object is no polygon.
    """
    path = Path(path)
    try:
        content = msgspec.json.decode(path.read_bytes(), type=FeatureCollection | Feature | list[Feature])
        if isinstance(content, FeatureCollection):
            content = content.features
        features = [content] if isinstance(content, Feature) else content
        kinds = [(feature.properties or {}).get("objectType") for feature in features]
        regions = ("annotation",) if {"cell", "detection"} & set(map(str, kinds)) else ()
        return [
            Outline(f"object {number}", _rings(feature.geometry))
            for number, (feature, kind) in enumerate(zip(features, kinds, strict=True), start=1)
            if kind not in regions
        ]
    except (OSError, ValueError, RecursionError) as error:
        what = f"no polygons in GeoJSON, or damaged ({str(error).replace('`', '')})"
        raise CellsegError(f"{path}: {what}; export the cells again") from error


def _rings(geometry):
    polygons = [geometry.coordinates] if isinstance(geometry, Polygon) else geometry.coordinates
    rings = [np.array([point[:2] for point in ring], float) for polygon in polygons for ring in polygon]
    if not rings or not all(ring.ndim == 2 and ring.shape[1] == 2 for ring in rings):
        raise ValueError("a polygon without corners")
    if max(np.abs(ring).max() for ring in rings) > _FARTHEST:
        raise ValueError("a corner far outside any image")
    return rings
