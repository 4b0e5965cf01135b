"""The small picture of an overlay: its size, its grey values, and outlines that stay visible."""

import numpy as np
from PIL import Image

from cellseg.segmentation.overlay import OUTLINE, overlay_names
from cellseg.segmentation.thumbnail import SIDE, thumbnail


def test_a_large_overlay_becomes_small_and_keeps_its_outlines():
    pixels = np.full((900, 2240, 3), 90, np.uint8)
    pixels[:, 1001] = OUTLINE
    small = np.array(thumbnail(Image.fromarray(pixels))).astype(int)
    assert small.shape == (129, SIDE, 3)
    line = small[50, 143]
    np.testing.assert_allclose(line, 0.75 * np.array(OUTLINE) + 0.25 * 90, atol=12)
    np.testing.assert_array_equal(np.delete(small, 143, axis=1), 90)


def test_a_small_overlay_stays_as_it_is():
    picture = Image.fromarray(np.random.RandomState(0).randint(0, 255, (200, SIDE, 3), np.uint8))
    assert thumbnail(picture) is picture


def test_overlays_are_named_in_the_order_of_planes():
    assert overlay_names(1) == ["overlay.png"] and overlay_names(2) == ["overlay-0.png", "overlay-1.png"]
    assert overlay_names(11) == sorted(overlay_names(11)) and overlay_names(11)[10] == "overlay-10.png"
