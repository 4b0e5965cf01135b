"""GeoJSON for QuPath: the truth reader finds the labels that it was written from; members as QuPath reads them."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage
from support import LabelledPlane

from cellseg.data.truth import read_truth
from cellseg.export.geojson import write_geojson
from cellseg.segmentation.outputs import ImageResult


def write(path, planes, pixel_size=None):
    write_geojson(path, ImageResult("a.tif", SimpleNamespace(channels=("0",), pixel_size=pixel_size), planes))
    return json.loads(path.read_text())


def test_read_back_with_holes_and_touching_corners(tmp_path):
    labels = ndimage.label(np.random.RandomState(0).rand(40, 50) < 0.4, np.ones((3, 3)))[0]
    content = write(tmp_path / "x.geojson", [LabelledPlane(labels)])
    np.testing.assert_array_equal(read_truth(tmp_path / "x.geojson", labels.shape).labels, labels)
    features = content["features"]
    assert content["type"] == "FeatureCollection" and len(features) == labels.max()
    assert {feature["geometry"]["type"] for feature in features} == {"Polygon", "MultiPolygon"}
    for number, feature in enumerate(features, start=1):
        assert set(feature) == {"type", "geometry", "properties"} and feature["type"] == "Feature"
        assert set(feature["geometry"]) == {"type", "coordinates"}
        properties = feature["properties"]
        assert properties["objectType"] == "detection" and properties["name"] == str(number)
        assert properties["measurements"]["area"] == np.count_nonzero(labels == number)
        one = feature["geometry"]["coordinates"]
        for polygon in [one] if feature["geometry"]["type"] == "Polygon" else one:
            assert all(ring[0] == ring[-1] and len(ring) > 4 for ring in polygon)


def test_the_library_that_qupath_is_built_on_finds_whole_polygons_of_the_right_area(tmp_path):
    """QuPath reads geometries with JTS, of which GEOS is the port in C++."""
    shapely = pytest.importorskip("shapely")
    shapely = pytest.importorskip("shapely", reason="the image has none")
    random = np.random.RandomState(1)
    for density in (0.4, 0.6, 0.8):
        labels = ndimage.label(random.rand(30, 40) < density, np.ones((3, 3)))[0]
        for feature in write(tmp_path / "x.geojson", [LabelledPlane(labels)])["features"]:
            shape = shapely.from_geojson(json.dumps(feature["geometry"]))
            number = int(feature["properties"]["name"])
            assert shape.is_valid, shapely.is_valid_reason(shape)
            assert shape.area == np.count_nonzero(labels == number)
            assert shape.geom_type == "Polygon" or len(shape.geoms) > 1


def test_planes_and_measurements(tmp_path):
    grey = np.where(np.eye(3) > 0, np.nan, 7.0)
    plane = LabelledPlane(np.eye(3, dtype=int), grey, T=2, Z=1)
    plane.more = {"perimeter": [4.5], "track": [""]}
    (feature,) = write(tmp_path / "x.geojson", [plane], (0.5, 0.25))["features"]
    assert feature["geometry"]["plane"] == {"c": -1, "z": 1, "t": 2}
    measurements = feature["properties"]["measurements"]
    assert measurements["perimeter"] == 4.5 and measurements["area_um2"] == 0.375
    # What is no number, or says where the cell is found, is none.
    assert not {"mean_intensity", "track", "image", "page", "T", "Z", "label"} & set(measurements)
    assert all(isinstance(value, int | float) for value in measurements.values())
    (feature,) = write(tmp_path / "x.geojson", [LabelledPlane(np.eye(3, dtype=int), I=4)])["features"]
    assert feature["geometry"]["plane"] == {"c": -1, "z": 4, "t": 0}


def test_no_cell(tmp_path):
    content = write(tmp_path / "x.geojson", [LabelledPlane(np.zeros((3, 4), int))])
    assert content == {"type": "FeatureCollection", "features": []}
