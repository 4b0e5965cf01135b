"""Normalisation, augmentation, cutting, noise: each step by itself."""

import numpy as np
import pytest
from scipy import ndimage
from support import blobs

from cellseg.data.augmentation import orientations
from cellseg.data.background import add_background, simplex_noise
from cellseg.data.names import NORMALISATIONS
from cellseg.data.normalisation import RULES, normalise
from cellseg.data.patches import grid_patches, random_patches
from cellseg.data.synthetic import simulated_images, stand_in_images
from cellseg.errors import CellsegError


@pytest.mark.parametrize("rule", ["percentile", "standard"])
def test_normalisation_is_indifferent_to_exposure_and_bit_depth(rule):
    dark = np.random.RandomState(0).randint(5, 60, (64, 64)).astype(np.uint8)
    bright = dark.astype(np.uint16) * 200 + 1000
    np.testing.assert_allclose(normalise(dark, rule), normalise(bright, rule), atol=1e-5)
    assert normalise(dark, rule).dtype == np.float32


def test_percentile_ignores_a_few_hot_pixels():
    image = np.random.RandomState(0).uniform(0, 50, (128, 128))
    hot = image.copy()
    hot[0, :8] = 255
    np.testing.assert_allclose(normalise(hot)[1:], normalise(image)[1:], atol=0.01)
    assert normalise(hot).max() == 1


def test_floor_stretches_no_noise_and_keeps_what_is_in_bright_cells():
    rng = np.random.RandomState(0)
    noise = rng.normal(300, 20, (128, 128)).round()
    assert normalise(noise, "root").max() == 1 and normalise(noise, "floor").max() < 0.7
    image = noise.copy()
    image[:6, :5], image[:6, 5:30] = 3000, 2000  # the 99.8th percentile is that of the darker cell
    assert normalise(image, "root")[2, 2] == normalise(image, "root")[2, 8] == 1
    assert normalise(image, "floor")[2, 2] > 1.2 and normalise(image, "floor")[2, 8] == 1
    image[0, 0] = 60000
    assert normalise(image, "floor").max() == 2
    cells = np.where(np.indices((128, 128)).sum(axis=0) % 32 < 6, 250, 20).astype(np.uint8)
    np.testing.assert_array_equal(normalise(cells, "floor"), normalise(cells, "root"))


def test_every_rule_is_offered_by_the_tools():
    assert tuple(RULES) == NORMALISATIONS


@pytest.mark.parametrize("rule", RULES)
def test_a_constant_image_stays_finite(rule):
    assert np.isfinite(normalise(np.full((8, 8), 7), rule)).all()


def test_unknown_normalisation_lists_the_known_ones():
    with pytest.raises(CellsegError, match="there are: percentile"):
        normalise(np.zeros((2, 2)), "minmax")


def test_augmentation_gives_the_eight_symmetries_of_the_square():
    patch = np.arange(9).reshape(1, 3, 3)
    images = [image.tobytes() for image in orientations(patch)]
    assert len(set(images)) == 8
    again = {image.tobytes() for image in orientations(orientations(patch)[5:6])}
    assert again == set(images)
    np.testing.assert_array_equal(orientations(patch)[0], patch[0])


def test_random_patches_are_where_they_say():
    images, masks = blobs(3, 40)
    patches = random_patches(images, masks, ["a", "b", "c"], 10, 16, np.random.RandomState(1))
    assert len(patches) == 10 and len(set(patches.names)) == 10
    for data, label, name in zip(patches.data, patches.labels, patches.names):
        image, place = name.split("@")
        row, column = map(int, place.split(","))
        index = "abc".index(image)
        np.testing.assert_array_equal(data, images[index][row : row + 16, column : column + 16])
        np.testing.assert_array_equal(label, masks[index][row : row + 16, column : column + 16])


def test_random_patches_reach_every_corner():
    rng = np.random.RandomState(0)
    patches = random_patches(np.zeros((1, 5, 5)), np.zeros((1, 5, 5), bool), ["a"], 60, 4, rng)
    assert set(patches.names) == {"a@0,0", "a@0,1", "a@1,0", "a@1,1"}


def test_grid_covers_every_pixel_of_images_of_several_sizes():
    images = [np.arange(16.0 * 16).reshape(16, 16), np.arange(20.0 * 37).reshape(20, 37)]
    masks = [image > 5 for image in images]
    patches = grid_patches(images, masks, ["a", "b"], 16, overlap=True)
    assert patches.names == ["a@0,0", "b@0,0", "b@0,16", "b@0,21", "b@4,0", "b@4,16", "b@4,21"]
    assert set(patches.data[1:].ravel()) == set(images[1].ravel())
    assert grid_patches(images, masks, ["a", "b"], 16, overlap=False).names == ["a@0,0", "b@0,0", "b@0,16"]


@pytest.mark.parametrize(
    "cut", [lambda *a: grid_patches(*a, overlap=True), lambda *a: random_patches(*a[:3], 2, a[3], np.random)]
)
def test_an_image_smaller_than_the_patch_is_named(cut):
    with pytest.raises(CellsegError, match="small.png: 128x100 pixels, smaller than the patch of 128x128"):
        cut([np.zeros((128, 100))], [np.zeros((128, 100), bool)], ["small.png"], 128)


def test_simplex_noise_is_smooth_and_fills_its_range():
    field = simplex_noise((60, 90), np.random.RandomState(0))
    assert field.shape == (60, 90) and field.min() == 0 and field.max() == 1
    assert np.abs(np.diff(field, axis=0)).max() < 0.15 and np.abs(np.diff(field, axis=1)).max() < 0.15
    assert np.abs(field - simplex_noise((60, 90), np.random.RandomState(1))).max() > 0.2


def test_background_adds_light_and_stays_in_range():
    image = np.full((64, 64), 0.8)
    lit = add_background(image, np.random.RandomState(0))
    assert (lit >= image).all() and lit.max() <= 1 and lit.std() > 0.01


def unevenness(image, mask):
    """What a second-order surface, such as the simulator's illumination, leaves of the background."""
    rows, columns = np.indices(image.shape) / image.shape[0]
    far = ~ndimage.binary_dilation(mask, iterations=10)
    terms = np.stack([np.ones(image.shape), rows, columns, rows**2, columns**2, rows * columns], axis=-1)[far]
    smooth = ndimage.gaussian_filter(image, 2)[far]
    return np.std(smooth - terms @ np.linalg.lstsq(terms, smooth, rcond=None)[0])


def test_half_of_the_simulated_images_have_noise_in_the_background():
    images, labels, names, backgrounds = simulated_images(8, np.random.RandomState(0))
    masks = [one > 0 for one in labels]
    assert backgrounds == ["plain", "noise"] * 4 and len(set(names)) == 8
    uneven = [unevenness(image, mask) for image, mask in zip(images, masks)]
    assert min(uneven[1::2]) > 2 * max(uneven[::2])
    assert 0.05 < np.mean(masks) < 0.15  # "on average the cells occupy only the 10% of the area"


def widest(masks):
    """Median over the images of the largest distance of a cell's pixel to the background."""
    return np.median([ndimage.distance_transform_edt(mask).max() for mask in masks])


def test_the_stand_in_has_larger_cells_and_debris_that_is_no_cell():
    images, labels, _ = stand_in_images(6, np.random.RandomState(0))
    masks = [one > 0 for one in labels]
    bright_background = [(image[~mask] > 0.7).sum() for image, mask in zip(images, masks)]
    assert np.median(bright_background) > 5
    _, ordinary, _, _ = simulated_images(6, np.random.RandomState(0))
    assert widest(masks) > 1.3 * widest(ordinary)
