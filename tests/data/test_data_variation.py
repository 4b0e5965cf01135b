"""Random copies, and a simulator tuned to images: what a network would be spoilt by."""

import numpy as np
import pytest
from scipy import ndimage

from cellseg.data.tuning import Look, measure_look, tuned_images
from cellseg.data.variation import brightness, microscope, with_copies


def discs(radius, blur=0.0, height=50.0, background=5.0, noise=0.0, seed=0):
    """An image with 9 discs on a grid, and its mask."""
    rng = np.random.RandomState(seed)
    rows, columns = np.indices((128, 128))
    mask = np.zeros((128, 128), bool)
    for row in (22, 64, 106):
        for column in (22, 64, 106):
            mask |= np.hypot(rows - row, columns - column) <= radius
    image = background + height * (ndimage.gaussian_filter(mask * 1.0, blur) if blur else mask)
    return image + noise * rng.standard_normal(mask.shape), mask


def test_a_copy_is_turned_and_changes_in_brightness_alone():
    label = np.random.RandomState(5).randint(0, 2, (16, 16)).astype(np.uint8)
    patch = (0.2 + 0.5 * label).astype(np.float32)
    seen = set()
    for seed in range(40):
        image, truth = brightness(patch, label, np.random.RandomState(seed))
        assert len(np.unique(image)) == 2 and ((image > image.mean()) == truth).all()
        seen.add(truth.tobytes())
        seen.add(round(float(image.max()), 3))
    assert len({item for item in seen if isinstance(item, bytes)}) == 8
    assert len({item for item in seen if isinstance(item, float)}) > 30


def test_copies_begin_with_the_patches_themselves_and_follow_the_seed():
    data = np.random.RandomState(0).uniform(size=(3, 32, 32)).astype(np.float32)
    label = (data > 0.5).astype(np.uint8)
    images, labels = with_copies(data, label, 4, np.random.RandomState(1))
    assert images.shape == labels.shape == (12, 32, 32)
    np.testing.assert_array_equal(images[:3], data)
    np.testing.assert_array_equal(labels[:3], label)
    again, _ = with_copies(data, label, 4, np.random.RandomState(1))
    np.testing.assert_array_equal(images, again)
    assert not np.array_equal(images[3:6], images[6:9])


def test_a_copy_by_another_microscope_moves_cells_and_truth_together():
    image, mask = discs(10)
    labels, count = ndimage.label(mask)
    sizes, empty = [], 0
    for seed in range(60):
        patch, truth = microscope((image / 60).astype(np.float32), labels, np.random.RandomState(seed))
        assert patch.dtype == np.float32 and truth.dtype == labels.dtype and truth.max() <= count
        if not truth.any():
            empty += 1
            assert patch.max() < 0.65  # noise is not stretched
            continue
        inside = ndimage.binary_erosion(truth > 0, iterations=2)
        outside = ~ndimage.binary_dilation(truth > 0, iterations=2)
        assert np.median(patch[inside]) > np.median(patch[outside]) + 0.2
        sizes.append(np.median([(truth == number).sum() for number in np.unique(truth)[1:]]))
    assert 0 < empty < 10
    assert max(sizes) > 2 * min(sizes)


@pytest.mark.parametrize("radius, blur, noise", [(6, 1.5, 0.5), (10, 1.0, 2.0), (12, 2.5, 1.0)])
def test_the_look_of_images_is_measured(radius, blur, noise):
    pairs = [discs(radius, blur, noise=noise, seed=seed) for seed in range(3)]
    look = measure_look(*zip(*pairs))
    assert look.cells == (9, 9)
    assert look.radius == pytest.approx((radius, radius), abs=0.3)
    assert look.blur == pytest.approx((blur, blur), rel=0.25)
    assert look.noise == pytest.approx(noise / 50, rel=0.3)
    assert look.brightness_spread[1] < 0.05


def test_what_is_no_number_changes_no_look():
    image, mask = discs(10, 1.0, noise=1.0)
    holed = np.asarray(image, np.float64).copy()
    holed[:3, :3] = np.nan
    whole, look = measure_look([image], [mask]), measure_look([holed], [mask])
    assert look.cells == whole.cells and look.noise == pytest.approx(whole.noise, rel=0.05)


def test_masks_without_cells_have_no_look():
    assert measure_look([np.ones((64, 64))], [np.zeros((64, 64), bool)]) is None


def test_tuned_images_look_as_was_asked():
    look = Look(cells=(8, 8), radius=(8.0, 8.0), brightness_spread=(0.3, 0.3), blur=(1.0, 1.0), noise=0.02)
    images, labels, names = tuned_images(look, 12, np.random.RandomState(0))
    masks = [one > 0 for one in labels]
    assert len(images) == len(masks) == len(set(names)) == 12
    seen = measure_look(images, masks)
    assert 4 <= seen.cells[0] <= seen.cells[1] <= 8  # some touch, or lie across the border
    assert seen.radius[0] > 6 and seen.radius[1] < 13
    assert seen.noise == pytest.approx(0.02, rel=0.4)
    assert 0.1 < np.mean(seen.brightness_spread) < 0.5
