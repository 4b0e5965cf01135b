"""Three lines of Python: numpy in, numpy out."""

import numpy as np
import pytest
from rounding import rounding_of_probabilities
from support import ENGINE, smooth

from cellseg.data.normalisation import normalise
from cellseg.errors import CellsegError
from cellseg.inference.network import predict
from cellseg.segmentation import Segmentation, doubts, load_model, segment

pytestmark = pytest.mark.engine


def as_a_script(path, images):
    """What a user's script does, in a process of its own."""
    model = load_model(path, split=None, smallest_object=0, largest_hole=0, tile=150)
    return [segment(images[0], path), *(segment(image, model) for image in images)]


def test_arrays_are_segmented(model):
    images = [smooth(70, 91), smooth(300, 260, 1).astype(np.float64), np.zeros((20, 30))]
    by_path, *results = as_a_script(str(model), images)
    ((probability,),), _ = predict(ENGINE, str(model.with_name("deploy.prototxt")), str(model), [normalise(images[0])])
    tolerance = rounding_of_probabilities(model, probability)
    np.testing.assert_allclose(by_path.probability, probability, rtol=0, atol=tolerance)
    for image, result in zip(images, results):
        assert isinstance(result, Segmentation) and result.labels.dtype == np.uint16
        assert result.labels.shape == result.probability.shape == image.shape
        np.testing.assert_array_equal(result.labels > 0, result.probability >= 0.5)
        assert result.objects["area"].tolist() == np.bincount(result.labels.ravel())[1:].tolist()
    assert len(results[1].objects) > 1 and len(results[2].objects) == 0


def test_a_larger_image_is_seen_at_the_models_size(shipped):
    image = smooth(96, 80)
    once, thrice = segment(image), segment(image.repeat(3, axis=0).repeat(3, axis=1), diameter=36)
    assert thrice.labels.shape == thrice.probability.shape == (288, 240)
    np.testing.assert_allclose(thrice.probability[1::3, 1::3], once.probability, rtol=0, atol=0.05)
    assert len(thrice.objects) == len(once.objects)
    np.testing.assert_allclose(thrice.objects["area"], once.objects["area"] * 9, rtol=0.1)


def test_cells_of_another_size_than_the_models_are_said(shipped, monkeypatch, caplog):
    monkeypatch.setattr(doubts, "FEWEST", 2)
    found = segment(smooth(96, 80))
    diameter = round(np.median(2 * np.sqrt(found.objects["area"] / np.pi)))
    assert f"the cells' median diameter is {diameter} pixels, the model's 12: if" in caplog.text
    segment(smooth(96, 80).repeat(3, axis=0).repeat(3, axis=1), diameter=36)
    assert "pixels, the model's 36: if" in caplog.text


def refuse(path, image):
    with pytest.raises(CellsegError) as error:
        segment(image, path)
    return str(error.value)


@pytest.mark.parametrize(
    "image, words",
    [
        (np.zeros((3, 4, 5)), "rows and columns"),
        (np.zeros((0, 4)), "shape (0, 4)"),
        (np.zeros((4, 4), complex), "real numbers"),
        (np.full((4, 4), np.nan), "NaN"),
    ],
    ids=["three axes", "no pixels", "complex", "NaN"],
)
def test_what_is_no_grey_image_is_refused(model, image, words):
    assert words in refuse(str(model), image)
