"""Scales of planes that are read band by band equal those of whole images."""

import numpy as np
import pytest
from support import ArrayPlane

from cellseg.data.normalisation import RULES, Grey, measure
from cellseg.errors import CellsegError
from cellseg.images import source
from cellseg.inference.grey_values import StreamedGrey

RNG = np.random.RandomState(0)
IMAGES = {
    "uint8": RNG.randint(0, 255, (61, 47)).astype(np.uint8),
    "uint16": (RNG.gamma(1, 5000, (61, 47)) % 65536).astype(np.uint16),
    "int16": RNG.randint(-300, 300, (61, 47)).astype(np.int16),
    "float32": RNG.standard_normal((61, 47)).astype(np.float32),
    "float64": RNG.standard_normal((61, 47)),
    "two values": (RNG.uniform(size=(61, 47)) < 0.5) * 7.0,
    "constant": np.full((61, 47), 7),
    "one pixel": np.array([[3.5]]),
    "two pixels": np.array([[3.5, -1]]),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", IMAGES)
def test_the_scale_is_that_of_the_whole_image(name, rule, monkeypatch):
    monkeypatch.setattr(source, "_BAND", 200)
    image = IMAGES[name]
    streamed, whole = measure(StreamedGrey([ArrayPlane(image)], name), rule), measure(Grey(image), rule)
    np.testing.assert_allclose(streamed[:2], whole[:2], rtol=1e-6, atol=1e-6)
    assert streamed[2:] == whole[2:]
    np.testing.assert_allclose(streamed(image), whole(image), atol=2e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rule", RULES)
def test_what_is_no_number_does_not_count(rule, value, monkeypatch):
    monkeypatch.setattr(source, "_BAND", 200)
    image = IMAGES["float32"].copy()
    image[::2] = value
    numbers = image[1::2]
    whole = measure(Grey(numbers), rule)
    for scale in (measure(StreamedGrey([ArrayPlane(image)], "cell.tif"), rule), measure(Grey(image), rule)):
        np.testing.assert_allclose(scale[:2], whole[:2], rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(scale(image)[::2], 0)
        np.testing.assert_array_equal(scale(image)[1::2], scale(numbers))


@pytest.mark.parametrize("rule", RULES)
def test_a_plane_without_a_number_is_refused(rule):
    with pytest.raises(CellsegError, match="cell.tif: every pixel is NaN"):
        measure(StreamedGrey([ArrayPlane(np.full((5, 4), np.nan))], "cell.tif"), rule)


@pytest.mark.parametrize("rule", ["percentile", "root", "standard"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float32])
def test_planes_of_any_sizes_are_measured_as_one(rule, kind, monkeypatch):
    monkeypatch.setattr(source, "_BAND", 200)
    rng = np.random.RandomState(0)
    images = [rng.randint(0, 200 * (number + 1) % 256, (20 + number, 30)).astype(kind) for number in range(3)]
    together = np.concatenate([image.ravel() for image in images])[None]
    options = {"percentiles": (2, 95)} if rule != "standard" else {}
    streamed = measure(StreamedGrey([ArrayPlane(image) for image in images], "cells"), rule, **options)
    np.testing.assert_allclose(streamed, measure(Grey(together), rule, **options), rtol=1e-6, atol=1e-6)


def test_percentiles_that_are_none_are_refused():
    image = np.arange(12.0).reshape(3, 4)
    for wrong in ((5, 2), (0, 101), (np.nan, 3)):
        with pytest.raises(CellsegError, match="give two from 0 to 100"):
            measure(Grey(image), "percentile", wrong)
    with pytest.raises(CellsegError, match="'standard' takes no percentiles"):
        measure(Grey(image), "standard", (1, 99))
