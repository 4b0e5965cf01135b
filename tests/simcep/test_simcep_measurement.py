import numpy as np
import pytest

from cellseg.simcep import Options, simulate
from cellseg.simcep.measurement import background, compress, detect, energy, illumination, measure, scaled_to


@pytest.mark.parametrize("misalign, place", [(0, 0.5), (0.5, 0.75), (1, 1), (-1, 0)])
def test_illumination_peaks_where_it_should(misalign, place):
    height, width = 100, 160
    for x, y in ((misalign, 0), (0, misalign)):
        light = illumination((height, width), x, y)
        row, column = np.unravel_index(light.argmax(), light.shape)
        assert row == pytest.approx(min(height - 1, (place if y else 0.5) * height), abs=1)
        assert column == pytest.approx(min(width - 1, (place if x else 0.5) * width), abs=1)
        assert light.min() == 0 and 0.99 < light.max() <= 1


def test_mean_square_of_the_illumination():
    assert np.mean(illumination((256, 256), 0, 0) ** 2) == pytest.approx(0.489, abs=0.002)


@pytest.mark.parametrize("coverage, peak", [(0.05, 0.20), (0.1, 0.29), (0.2, 0.40), (0.3, 0.50)])
def test_peak_of_the_background_at_a_coverage(coverage, peak):
    options = Options().replace("measurement.autofluorscale", 0).measurement
    level = background((256, 256), options, 0.39 * coverage * 256**2, np.random.RandomState(0))
    assert level.max() == pytest.approx(peak, abs=0.012)


def test_peak_of_the_background_in_a_whole_simulation():
    options = Options().replace(
        {"population.N": 21, "population.overlap": 0, "measurement.autofluorscale": 0, "measurement.ccd": 0}
    )
    for seed in range(3):
        result = simulate(options, seed)
        level = np.sqrt(0.39 * result.mask.mean() / 0.489)
        dark = np.ones((256, 256), bool)
        for row, column, _ in result.features["nuclei"]:
            dark[max(0, row - 18) : row + 19, max(0, column - 18) : column + 19] = False
        light = illumination((256, 256), 0, 0)
        dark &= light > 0.01
        fit = result.nuclei[dark] / light[dark]
        assert fit.std() < 1e-9 and fit[0] == pytest.approx(level, rel=0.05)


def test_energy_scales():
    for illum, glow in ((2.0, 0.0), (0.0, 0.3)):
        options = Options().replace({"measurement.illumscale": illum, "measurement.autofluorscale": glow}).measurement
        level = background((50, 70), options, 80.0, np.random.RandomState(0))
        assert energy(level) == pytest.approx(80 * (illum + glow))
    options = Options().replace("measurement.illumscale", 0).measurement
    glow = background((256, 256), options, 0.1 * 0.39 * 256**2, np.random.RandomState(0))
    assert np.sqrt(np.mean(glow**2)) == pytest.approx(0.045, abs=0.001) and glow.min() == 0


def test_no_cells_means_no_background():
    assert not background((20, 20), Options().measurement, 0.0, np.random.RandomState(0)).any()
    assert scaled_to(np.zeros(3), 5).tolist() == [0, 0, 0]


def test_noise():
    noisy = detect(np.full((300, 300), 0.5), 0.0001, np.random.RandomState(0))
    assert noisy.std() == pytest.approx(0.01, rel=0.02) and noisy.mean() == pytest.approx(0.5, abs=0.001)


def test_noise_is_clipped_before_and_after():
    dark, bright = (detect(np.full((300, 300), level), 0.0001, np.random.RandomState(0)) for level in (-3.0, 4.0))
    assert dark.min() == 0 and (dark == 0).mean() == pytest.approx(0.5, abs=0.01)
    assert dark.mean() * 255 == pytest.approx(1.02, abs=0.02)  # half-clipped noise of 2.55 grey levels
    assert bright.max() == 1 and (bright == 1).mean() == pytest.approx(0.5, abs=0.01)


def test_background_is_the_same_in_every_channel_and_others_stay_black():
    options = Options().replace("measurement.ccd", 0).measurement
    image = measure(np.zeros((30, 40, 3)), [0, 2], 50.0, options, np.random.RandomState(0))
    assert image[..., 0].max() > 0.1 and np.array_equal(image[..., 0], image[..., 2]) and not image[..., 1].any()


def test_compression():
    image = np.clip(np.random.RandomState(0).normal(0.5, 0.1, (64, 64, 1)) + np.zeros(3), 0, 1)
    errors = [np.abs(compress(image, comp) - image).mean() for comp in (0, 0.5, 0.9, 1)]
    assert errors == sorted(errors) and errors[0] < 0.004 and errors[2] > 0.03
    assert np.allclose(compress(image, 0.5) * 255, np.rint(compress(image, 0.5) * 255))


def test_jpeg_only_when_asked():
    def is_8_bit(**changes):
        image = simulate(Options().replace({f"measurement.{name}": value for name, value in changes.items()}), 0).image
        return np.allclose(image * 255, np.rint(image * 255), atol=1e-9)

    assert not is_8_bit() and is_8_bit(comp=0.1) and is_8_bit(always_jpeg=True)
