"""Averaging a network's output over the eight orientations of an image."""

from pathlib import Path

import numpy as np
import pytest
from nets import save_random_weights
from rounding import rounding_of_probabilities
from support import with_engine

from cellseg.data.augmentation import orientations
from cellseg.inference.network import predict, turned, turned_back
from cellseg.network import UNet, deploy_net


def test_the_orientations_are_those_of_the_training_and_are_turned_back():
    stack = np.random.RandomState(0).uniform(size=(2, 6, 6))
    ways = [turned(stack, way) for way in range(8)]
    np.testing.assert_array_equal(np.concatenate(ways), orientations(stack))
    oblong = stack[:, :4]
    for way in range(8):
        np.testing.assert_array_equal(turned_back(turned(oblong, way), way), oblong)


@pytest.mark.engine
def test_the_averaged_output_turns_with_the_image(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("deploy.prototxt").write_text(deploy_net(UNet(2, 3, 4), "net", 32, 32))
    with_engine(save_random_weights, "deploy.prototxt", "net.caffemodel", 1, None, 3)
    image = np.random.RandomState(1).uniform(size=(32, 24)).astype(np.float32)
    images = [image, np.ascontiguousarray(np.rot90(image)), np.ascontiguousarray(image[:, ::-1])]
    job = ("auto", "deploy.prototxt", "net.caffemodel", images)
    ((once,), (turned_once,), _), _ = predict(*job)
    assert np.abs(np.rot90(once) - turned_once).max() > 1e-3  # the net by itself does not
    ((straight,), (quarter,), (mirrored,)), _ = predict(*job, 10, 8)
    assert straight.shape == image.shape and straight.dtype == np.float32
    tolerance = rounding_of_probabilities("net.caffemodel", straight)
    np.testing.assert_allclose(np.rot90(straight), quarter, rtol=0, atol=tolerance)
    np.testing.assert_allclose(straight[:, ::-1], mirrored, rtol=0, atol=tolerance)
