"""Windows give what the whole image gives, and read no more than they need."""

import numpy as np
import pytest
from nets import save_random_weights
from rounding import rounding_of_probabilities
from support import ArrayPlane, with_engine

from cellseg.data.normalisation import Grey, measure
from cellseg.inference.network import open_network, predict, turned
from cellseg.inference.tiling import Tiles, _turned_window, _window_back
from cellseg.network import CellUNet, Fcn, UNet, deploy_net

NETWORKS = {"fcn": Fcn(features=4), "fcn of 5x5": Fcn(2, 5, 4), "unet": UNet(2, 3, 4), "cell unet": CellUNet(2, 3, 4)}


CASES = [((157, 203), 1), ((90, 131), 8), ((7, 150), 8), ((5, 3), 1)]


def both_ways(deploy, weights, cases):
    """For each image and number of orientations: as a whole, in tiles, and how large a window was read."""
    with_engine(save_random_weights, deploy, weights, 30)
    network = open_network("auto", deploy, weights)
    for image, orientations in cases:
        scale, plane = measure(Grey(image)), ArrayPlane(image)
        (whole,), _ = predict("auto", deploy, weights, [scale(image)], orientations=orientations)
        tiles = Tiles(network, orientations, side=112)
        bands = [tiles.maps(plane, scale, *band) for band in tiles.bands(image.shape[0])]
        yield whole, np.concatenate(bands, axis=1), tiles.side + 2 * tiles.margin, max(plane.largest)


@pytest.mark.engine
@pytest.mark.parametrize("name", NETWORKS)
def test_tiles_equal_the_whole_image(name, tmp_path):
    (tmp_path / "net.prototxt").write_text(deploy_net(NETWORKS[name], "net", 32, 32))
    rng = np.random.RandomState(0)
    cases = [(rng.randint(0, 5000, shape).astype(np.uint16), orientations) for shape, orientations in CASES]
    results = both_ways(str(tmp_path / "net.prototxt"), str(tmp_path / "net.caffemodel"), cases)
    for (image, _), (whole, tiled, window, largest) in zip(cases, results):
        assert tiled.shape == (1 + (name == "cell unet"), *image.shape) and (np.ptp(whole) > 0.05 or image.size == 15)
        tolerance = rounding_of_probabilities(tmp_path / "net.caffemodel", whole)
        print(f"{name}: off by {np.abs(tiled - whole).max():.2g} of {tolerance:.2g} allowed")
        np.testing.assert_allclose(tiled, whole, rtol=0, atol=tolerance)
        assert largest <= window + 8


@pytest.mark.parametrize("way", range(8))
def test_a_window_is_found_in_every_orientation(way):
    image, window = np.arange(12 * 17).reshape(12, 17), (2, 9, 4, 6)
    there = turned(image[None], way)[0]
    top, bottom, left, right = _turned_window(window, image.shape, way)
    assert (there[top:bottom, left:right] == turned(image[None, 2:9, 4:6], way)[0]).all()
    assert _window_back((top, bottom, left, right), there.shape, way) == window


def test_windows_are_larger_where_the_engine_lets_go_of_blobs(tmp_path):
    class Network:
        stride, maps, deploy = 8, 2, str(tmp_path / "net.prototxt")

        def __init__(self, keeps_blobs):
            self.keeps_blobs = keeps_blobs

    (tmp_path / "net.prototxt").write_text(deploy_net(CellUNet(), "net", 32, 32))
    kept, let_go = (Tiles(Network(keeps)) for keeps in (True, False))
    assert kept.margin == let_go.margin and 1.3 < let_go.side / kept.side < 2
    assert Tiles(Network(True), memory=1 << 32).side == pytest.approx(2 * kept.side, rel=0.2)
