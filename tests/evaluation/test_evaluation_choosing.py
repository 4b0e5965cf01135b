"""What is chosen on training images: cleaning of masks, thresholds on grey values; and keeping it."""

import json
import warnings
from dataclasses import asdict

import numpy as np
import pytest
from support import blobs, evaluation_record

from cellseg.errors import CellsegError
from cellseg.evaluation.baseline import choose_global, choose_local, local
from cellseg.evaluation.choices import Choices, at_least, choose, choose_cleaning
from cellseg.evaluation.indicators import pooled
from cellseg.evaluation.record import read_evaluation
from cellseg.inference.cleaning import clean


def speckled(area):
    """A cell of 20x20 with a hole, and a speck, both of `area` pixels in a row."""
    truth = np.zeros((40, 40), bool)
    truth[2:22, 2:22] = True
    mask = truth.copy()
    mask[10, 4 : 4 + area] = False
    mask[30, 4 : 4 + area] = True
    return mask, truth


@pytest.mark.parametrize("area", [1, 9, 10, 11, 12])
def test_objects_below_the_limit_go_and_holes_up_to_it_are_filled(area):
    mask, truth = speckled(area)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cleaned = clean(mask, smallest_object=10, largest_hole=10)
    assert cleaned.dtype == bool
    assert cleaned[30].any() == (area >= 10)
    assert cleaned[:25].sum() == (400 if area <= 10 else 400 - area)


@pytest.mark.parametrize("smallest", [0, 1])
def test_cleaning_that_removes_nothing(smallest):
    mask, _ = speckled(1)
    assert (clean(mask, smallest, 0) == mask).all()
    assert not clean(np.zeros((9, 9), bool), smallest, 0).any()


def test_a_speck_that_touches_a_corner_belongs_to_the_cell():
    mask = np.zeros((20, 20), bool)
    mask[0:10, 0:10] = mask[10, 10] = True
    assert clean(mask, 50, 0)[10, 10]


def test_the_cleaning_chosen_is_the_mildest_of_the_best():
    pairs = [speckled(7), speckled(12)]
    masks, truths = zip(*pairs)
    assert choose_cleaning(masks, truths) == (15, 20)
    assert choose_cleaning(truths, truths) == (0, 0)
    assert choose_cleaning(masks, masks) == (0, 0)


def test_one_threshold_for_all_images_is_the_best_of_all():
    rng = np.random.RandomState(0)
    images, masks = blobs(3, 40)
    images = images + rng.normal(0, 0.2, images.shape)
    mcc = pooled(masks, at_least(images, choose_global(images, masks)))["mcc"]
    others = [pooled(masks, at_least(images, threshold))["mcc"] for threshold in np.linspace(-1, 2, 3001)]
    assert 0.8 < max(others) - 0.001 < mcc


@pytest.mark.parametrize("scale", [1, 100])
def test_a_local_threshold_copes_with_a_slope_of_brightness(scale):
    images, masks = blobs(4, 48)
    images = [image + np.linspace(0, 3, 48)[None] for image in images * 0.5]
    images = [(image * scale).astype(np.float32) for image in images]
    block, offset = choose_local(images, masks)
    founds = [local(image, block, offset) for image in images]
    globally = at_least(images, choose_global(images, masks))
    assert pooled(masks, founds)["mcc"] > pooled(masks, globally)["mcc"] + 0.2
    assert pooled(masks, founds)["mcc"] > 0.7


def test_a_local_threshold_is_scikit_images():
    from skimage.filters import threshold_local

    image = np.random.RandomState(0).uniform(size=(30, 40))
    assert (local(image, 15, -0.1) == (image > threshold_local(image, 15, method="gaussian", offset=-0.1))).all()


def test_settings_say_what_segments_and_survive_a_record(tmp_path):
    images, masks = blobs(3, 48)
    probability = [np.where(mask, 0.9, 0.1).astype(np.float32) for mask in masks]
    for plane in probability:
        plane[0, :4] = 0.7  # a speck
    settings = choose(images, masks, probability, 0.5, "somewhere")
    assert settings.threshold == 0.5 and settings.chosen_on == "somewhere"
    found = settings.masks(images, probability)
    assert set(found) == {"cleaned", "global", "local"}
    assert all((a == b).all() for a, b in zip(found["cleaned"], masks))
    assert pooled(masks, found["global"])["mcc"] == 1 and pooled(masks, found["local"])["mcc"] > 0.7
    for kept in (settings, None):
        write(tmp_path / "a.json", kept and asdict(kept))
        assert read_evaluation(tmp_path / "a.json").settings == kept


def write(path, settings):
    path.write_text(json.dumps(evaluation_record(settings=settings)))


GOOD = asdict(Choices(0.5, 10, 10, 0.4, 25, -0.1, "somewhere"))
BAD = [
    3,
    {},
    {key: value for key, value in GOOD.items() if key != "local_block"},
    *({**GOOD, "local_block": value} for value in (24, -1, 25.5, "25", True)),
    {**GOOD, "smallest_object": -1},
    {**GOOD, "global_threshold": float("nan")},
    {**GOOD, "chosen_on": 1},
]


@pytest.mark.parametrize("values", BAD, ids=str)
def test_settings_of_another_kind_are_refused(tmp_path, values):
    write(tmp_path / "a.json", GOOD)
    assert read_evaluation(tmp_path / "a.json").settings
    write(tmp_path / "a.json", values)
    with pytest.raises(CellsegError, match=r"a\.json: (settings|JSON is malformed)"):
        read_evaluation(tmp_path / "a.json")


@pytest.mark.parametrize("value", [0, 1])
def test_images_of_one_class_and_one_value_can_be_chosen_on(value):
    images, masks = [np.zeros((16, 16), np.float32)] * 2, [np.full((16, 16), value, bool)] * 2
    settings = choose(images, masks, images, 0.5, "blank")
    json.dumps(asdict(settings), allow_nan=False)
    settings.masks(images, images)
