import numpy as np
import pytest

from cellseg.simcep.optics import focus_blur, focus_kernel, focus_sigmas


def scene(*boxes, size=(60, 70)):
    """Bright rectangles (top, left, bottom, right) in the first of two channels, dim ones in the second."""
    image = np.zeros((*size, 2))
    rng = np.random.RandomState(0)
    for top, left, bottom, right in boxes:
        image[top:bottom, left:right, 0] = rng.uniform(0.5, 1, (bottom - top, right - left))
        image[top:bottom, left:right, 1] = 0.1
    return image


def scatter(image, sigma):
    """The definition: every pixel spreads its light over a 9 x 9 window with its own sigma."""
    height, width, channels = image.shape
    out = np.zeros((height + 8, width + 8, channels))
    at = np.arange(-4, 5)
    for row, column in np.argwhere(image.any(axis=2)):
        window = np.exp(-(at[:, None] ** 2 + at**2) / (2 * sigma[row, column] ** 2))
        out[row : row + 9, column : column + 9] += (window / window.sum())[..., None] * image[row, column]
    return out[4:-4, 4:-4]


def test_against_the_definition_also_at_the_border():
    corner, within = [(30, 5, 45, 8), (42, 5, 45, 20)], (31, 12, 36, 17)  # one lies in the other's bounding box
    image = scene((0, 3, 9, 12), (15, 20, 24, 31), (14, 33, 20, 37), (50, 60, 60, 70), *corner, within)
    foreground = image.any(axis=2)
    components, sigmas = focus_sigmas(foreground, (0.5, 5), np.random.RandomState(1))
    assert components.max() == 6
    assert focus_blur(image, components, sigmas) == pytest.approx(scatter(image, sigmas[components]), abs=1e-12)


def test_light_is_kept_away_from_the_border_and_lost_at_it():
    inner, edge = scene((10, 10, 20, 20), (40, 40, 45, 50)), scene((0, 10, 10, 20))
    for image, kept in ((inner, True), (edge, False)):
        blurred = focus_blur(image, *focus_sigmas(image.any(axis=2), (0.5, 5), np.random.RandomState(0)))
        difference = image.sum(axis=(0, 1)) - blurred.sum(axis=(0, 1))
        assert np.allclose(difference, 0) if kept else (difference > 0.1).all()


def test_kernel():
    assert focus_kernel(0.5)[4] == pytest.approx(0.786, abs=0.001)
    assert focus_kernel(5) == pytest.approx(1 / 9, abs=0.025)  # nearly a box
    assert len(focus_kernel(5)) == 9 and focus_kernel(2).sum() == pytest.approx(1)


def test_sigmas_span_the_range_in_every_image():
    foreground = scene((5, 5, 10, 10), (20, 20, 30, 30), (40, 5, 50, 10)).any(axis=2)
    rng = np.random.RandomState(0)
    middle = []
    for _ in range(200):
        _, sigmas = focus_sigmas(foreground, (0.5, 5), rng)
        assert sigmas[0] == 0.5 and sigmas.max() == pytest.approx(5) and sigmas.min() == 0.5
        middle.append(np.sort(sigmas)[-2])
    assert np.std(middle) > 0.5


def test_sigma_grows_linearly_with_depth():
    foreground = scene((5, 5, 10, 10), (20, 20, 30, 30), (40, 5, 50, 10)).any(axis=2)
    depths = np.abs(0.5 * np.random.RandomState(7).standard_normal(3))
    _, sigmas = focus_sigmas(foreground, (0.5, 5), np.random.RandomState(7))
    assert sigmas[1:] == pytest.approx(0.5 + 4.5 * depths / depths.max())


def test_touching_cells_share_a_focus_also_by_a_corner():
    foreground = np.zeros((20, 20), bool)
    foreground[2:6, 2:6] = foreground[6:9, 6:9] = foreground[12:15, 2:5] = True
    components, sigmas = focus_sigmas(foreground, (0.5, 5), np.random.RandomState(0))
    blur = sigmas[components]
    assert blur[3, 3] == blur[7, 7] != blur[13, 3]


def test_single_object_gets_the_largest_sigma():
    _, sigmas = focus_sigmas(scene((5, 5, 10, 10)).any(axis=2), (0.5, 5), np.random.RandomState(0))
    assert sigmas.tolist() == [0.5, 5]


@pytest.mark.parametrize("value", [False, True])
def test_nothing_but_background_or_foreground(value):
    components, sigmas = focus_sigmas(np.full((20, 20), value), (0.5, 5), np.random.RandomState(0))
    assert (sigmas == 0.5).all()
    blurred = focus_blur(np.full((20, 20, 1), float(value)), components, sigmas)
    assert blurred[10, 10, 0] == pytest.approx(float(value))
