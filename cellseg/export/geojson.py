"""Cells as polygons in GeoJSON as QuPath reads it: detections with their measurements.

What QuPath reads is in its classes ``QuPathTypeAdapters`` and ``ROITypeAdapters``: ``objectType``, ``name`` and
``measurements`` in a feature's properties, and ``plane`` in its geometry.
"""

import math

import msgspec

from cellseg.export.outlines import outlines
from cellseg.segmentation.outputs import Output

#: Columns of ``objects.csv`` that are no measurements.
_NO_MEASUREMENTS = ("image", "page", "T", "Z", "label")


def write_geojson(path, result):
    """Write the cells of an image, a feature each, called by their numbers in the label image. A feature is a line.

    x and y are in pixels; the measurements are the columns of ``objects.csv``.

    Parameters
    ----------
    path : path
    result : cellseg.segmentation.outputs.ImageResult
    """
    with open(path, "wb") as file:
        file.write(b'{"type": "FeatureCollection", "features": [')
        for number, feature in enumerate(_features(result)):
            file.write((b",\n" if number else b"\n") + msgspec.json.encode(feature))
        file.write(b"\n]}\n")


def _features(result):
    for page, one in enumerate(result.planes):
        index = one.plane.index
        # Of a sequence without a named axis QuPath makes slices. All channels are channel -1.
        plane = {"plane": {"c": -1, "z": index.get("Z", index.get("I", 0)), "t": index.get("T", 0)}} if index else {}
        for cells, traced in outlines(one):
            for row, polygons in zip(result.rows(page, cells), traced, strict=True):
                values = dict(zip(result.columns, row, strict=True))
                properties = {"objectType": "detection", "name": str(values["label"])}
                properties["measurements"] = {
                    name: value for name, value in values.items() if _is_measured(name, value)
                }
                yield {"type": "Feature", "geometry": {**_geometry(polygons), **plane}, "properties": properties}


def _is_measured(name, value):
    return name not in _NO_MEASUREMENTS and value != "" and math.isfinite(value)


def _geometry(polygons):
    closed = [[[*ring.tolist(), ring[0].tolist()] for ring in polygon] for polygon in polygons]
    if len(closed) == 1:
        return {"type": "Polygon", "coordinates": closed[0]}
    return {"type": "MultiPolygon", "coordinates": closed}


GEOJSON = Output("cells.geojson", write_geojson)
