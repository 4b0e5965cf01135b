"""Simulated images that look like annotated ones: size, brightness, blur and noise of the nuclei are measured."""

from dataclasses import asdict, dataclass

import numpy as np
from scipy import ndimage

from cellseg.data.sizes import PATCH
from cellseg.simcep import Options, simulate

#: Pixels around a cell that count neither as cell nor as background; area of the smallest cell that is measured.
_MARGIN, _SMALLEST = 6, 20


@dataclass(frozen=True)
class Look:
    """What annotated images look like. Brightness is counted above the background.

    Attributes
    ----------
    cells : (int, int)
        Cells in an area of 128x128 pixels: 10th and 90th percentile of the images.
    radius : (float, float)
        Radius in pixels of a disc of the cells' area: 5th and 95th percentile of the images' medians.
    brightness_spread : (float, float)
        Standard deviation of the logarithm of the cells' brightness within an image, 10th and 90th percentile.
    blur : (float, float)
        Sigma in pixels of a Gaussian that would make the cells' outlines as soft as they are, 10th and 90th
        percentile of the images' medians.
    noise : float
        Standard deviation in the background, as a fraction of the cells' brightness; median of the images.
    """

    cells: tuple
    radius: tuple
    brightness_spread: tuple
    blur: tuple
    noise: float

    def to_dict(self):
        """The look as plain values for a record."""
        return asdict(self)


def measure_look(images, masks):
    """Measure what annotated images look like.

    Parameters
    ----------
    images : sequence of ndarray of shape (H, W)
        Grey values of any scale.
    masks : sequence of ndarray of shape (H, W), bool

    Returns
    -------
    Look or None
        None if no image has a cell of 20 pixels or more.
    """
    rows = [row for row in map(_measure, images, masks) if row]
    if not rows:
        return None
    cells, radius, spread, blur, noise = np.array(rows).T

    def span(values, low=10, high=90, digits=2):
        return tuple(round(float(value), digits) for value in np.percentile(values, [low, high]))

    fewest, most = span(cells)
    return Look(
        cells=(max(int(fewest), 1), max(round(most), 1)),
        radius=span(radius, 5, 95),
        brightness_spread=span(spread),
        blur=span(blur),
        noise=round(float(np.median(noise)), 4),
    )


def tuned_images(look, count, rng, progress=iter):
    """Simulate patches with a look. In every second one cells touch, in clusters.

    The simulator draws the cells and their texture; each image gets one radius and one blur, each cell a brightness
    of its own. The background is dark, with the measured noise.

    Parameters
    ----------
    look : Look
    count : int
    rng : numpy.random.RandomState
    progress : callable, optional
        Wraps the loop, for example a progress bar.

    Returns
    -------
    images : list of ndarray of shape (128, 128)
        Grey values. The background is around 0.
    labels : list of ndarray of shape (128, 128), int
        0 background, from 1 on the cells.
    names : list of str
    """
    images, labels = [], []
    for number in progress(range(count)):
        simulation = simulate(_options(look, number, rng), rng)
        numbers = simulation.plane_labels("nuclei")
        mask = numbers > 0
        image = simulation.plane("nuclei") * _gains(numbers, look, rng)
        height = image[mask].mean() if mask.any() else 1.0
        images.append(image + rng.standard_normal(mask.shape) * look.noise * height)
        labels.append(numbers)
    return images, labels, [f"tuned_{number:04d}" for number in range(count)]


def _options(look, number, rng):
    clustered = number % 2 == 1
    blur = rng.uniform(*look.blur)
    return Options().replace(
        {
            "population.template": (PATCH, PATCH),
            "population.N": rng.randint(round(look.cells[0]), max(round(look.cells[1]), 1) + 1),
            "population.clustprob": 0.5 if clustered else 0.0,
            "population.overlap": 0.15 if clustered else 0.05,
            "cell_obj.nucleus.radius": np.exp(rng.uniform(*np.log(look.radius))),
            "measurement.focus_sigma": (max(0.8 * blur, 0.1), max(1.5 * blur, 0.2)),
            "measurement.illumscale": 0.0,
            "measurement.autofluorscale": 0.0,
            "measurement.ccd": 0.0,
        }
    )


def _gains(labels, look, rng):
    """Give each pixel the brightness of the nearest cell."""
    spread = rng.uniform(*look.brightness_spread)
    gains = np.append(1.0, np.exp(rng.standard_normal(labels.max()) * spread))
    if not labels.any():
        return np.ones(labels.shape)
    nearest = ndimage.distance_transform_edt(labels == 0, return_distances=False, return_indices=True)
    return gains[labels[tuple(nearest)]]


def _measure(image, mask):
    """Measure number, radius, spread, blur and noise in one image; None if it has no cell."""
    image = np.asarray(image, np.float64)
    known = np.isfinite(image)
    if not known.all():  # what is no number counts as background
        image = np.where(known, image, np.median(image[known & ~mask]) if (known & ~mask).any() else 0)
    labels, number = ndimage.label(mask, np.ones((3, 3)))
    areas = ndimage.sum(mask, labels, np.arange(1, number + 1)) if number else np.zeros(0)
    far = ~ndimage.binary_dilation(mask, iterations=_MARGIN)
    kept = np.flatnonzero(areas >= _SMALLEST) + 1
    if not len(kept) or far.sum() < 100:
        return None
    heights = np.maximum(ndimage.mean(image, labels, kept) - np.median(image[far]), 1e-6)
    steps = np.diff(image, axis=1)[far[:, 1:] & far[:, :-1]]
    return (
        number * PATCH**2 / mask.size,
        np.sqrt(np.median(areas[kept - 1]) / np.pi),
        np.log(heights).std(),
        _blur(image, labels, kept, heights),
        (steps.std() / np.sqrt(2)) / np.median(heights),
    )


def _blur(image, labels, kept, heights):
    """Sigma of the blur, from the outlines' slope: a step of height h, blurred by s, has the slope h / (s sqrt(2 pi)).

    The slope is measured with a Gaussian of sigma 1, whose own blur is subtracted.
    """
    slope = ndimage.gaussian_gradient_magnitude(image, 1.0)
    outline = labels * (labels != ndimage.grey_erosion(labels, size=(3, 3)))
    steepness = np.array([np.median(slope[outline == number]) if (outline == number).any() else 0 for number in kept])
    known = steepness > 0
    widths = heights[known] / (steepness[known] * np.sqrt(2 * np.pi))
    return float(np.sqrt(max(np.median(widths) ** 2 - 1, 0.01))) if known.any() else 1.0
