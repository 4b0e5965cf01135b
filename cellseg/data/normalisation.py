"""From grey values to what the network sees: one named rule for simulated and real images, image by image."""

from typing import NamedTuple

import numpy as np

from cellseg.data.noise import noise, sample_rows
from cellseg.errors import CellsegError

LOW, HIGH = 1.0, 99.8
#: `floor` never takes less than so many times the noise for the whole range. More than 98 % of the training images
#: of `fields` have more contrast than that; an image of noise alone has 5.2 times.
FLOOR = 24
#: `floor` cuts values off at so many times the range, not at the range: where few pixels are cell, the 99.8th
#: percentile lies within the cells, and what tells them apart would be cut off.
CEILING = 4.0


class Scale(NamedTuple):
    """What a rule does to the grey values of one image: ``(value - offset) / span``.

    Attributes
    ----------
    offset, span : float
        A span of 0, as of a constant image, gives 0 everywhere.
    clipped : bool
        Whether the result is cut to 0 to `ceiling`.
    rooted : bool
        Whether the square root of that is taken.
    ceiling : float
    """

    offset: float
    span: float
    clipped: bool = False
    rooted: bool = False
    ceiling: float = 1.0

    def __call__(self, window):
        """Apply it to the whole image or a part, an array of any shape; gives float32.

        NaN and infinite values, which count as background, become 0.
        """
        values = np.asarray(window, np.float64)
        if not self.span > 0:
            return np.zeros(values.shape, np.float32)
        if np.asarray(window).dtype.kind == "f":
            values = np.where(np.isfinite(values), values, self.offset)
        values = (values - self.offset) / self.span
        values = np.clip(values, 0, self.ceiling) if self.clipped else values
        return (np.sqrt(values) if self.rooted else values).astype(np.float32)


def percentile(grey, lower=LOW, upper=HIGH):
    """Map the 1st percentile to 0 and the 99.8th to 1, and clip. Exposure, offset and bit depth then do not matter."""
    low, high = grey.percentiles(lower, upper)
    return Scale(low, high - low, clipped=True)


def root(grey, lower=LOW, upper=HIGH):
    """The square root of `percentile`: dim cells beside bright ones keep their contrast."""
    return percentile(grey, lower, upper)._replace(rooted=True)


def floor(grey, lower=LOW, upper=HIGH):
    """The square root of `percentile`, but noise is not stretched, and bright cells are not cut off.

    The range is at least `FLOOR` times the noise. Values are cut off at `CEILING` times the range.
    """
    scale = percentile(grey, lower, upper)
    span = max(scale.span, FLOOR * grey.noise()) if scale.span > 0 else 0.0
    return scale._replace(span=span, rooted=True, ceiling=CEILING)


def standard(grey):
    """Subtract the mean and divide by the standard deviation, as Xie et al. do with each patch."""
    return Scale(*grey.mean_and_deviation())


def unchanged(grey):
    """Leave the values as they are: for images that already share one scale of about 0 to 1."""
    return Scale(0.0, 1.0)


RULES = {"percentile": percentile, "root": root, "floor": floor, "standard": standard, "unchanged": unchanged}
#: Those that take other percentiles.
OF_PERCENTILES = ("percentile", "root", "floor")


class Grey:
    """The grey values of one image, as the rules ask for them. Classes of the same form need not hold them in memory.

    NaN and infinite values are left out.

    Parameters
    ----------
    image : ndarray of shape (H, W)
    """

    def __init__(self, image):
        self.plane = np.asarray(image)
        self.shape = self.plane.shape
        finite = np.asarray(image, np.float64)
        self.image = finite[np.isfinite(finite)]

    def percentiles(self, *ranks):
        """The values below which `ranks` per cent of the pixels lie, interpolated linearly."""
        return tuple(map(float, np.percentile(self.image, ranks)))

    def mean_and_deviation(self):
        """Mean and standard deviation."""
        return float(self.image.mean()), float(self.image.std())

    def noise(self):
        """Standard deviation of the noise; see `cellseg.data.noise`."""
        return noise([sample_rows(self)], self.plane.dtype.kind in "bui")

    def read(self, top, bottom, left, right):
        """A part of the image."""
        return self.plane[top:bottom, left:right]


def check_percentiles(name, percentiles):
    """Refuse percentiles that are none, or a rule that takes none.

    Parameters
    ----------
    name : str
        Of the rule.
    percentiles : tuple of float, or None
        The lower and the upper one, 0 to 100; None for those of the rule.
    """
    if percentiles is None:
        return
    low, high = percentiles
    if not 0 <= low < high <= 100:
        raise CellsegError(f"percentiles {low:g} and {high:g}: give two from 0 to 100, the lower one first")
    if name not in OF_PERCENTILES:
        rules = ", ".join(OF_PERCENTILES)
        raise CellsegError(f"the normalisation '{name}' takes no percentiles; leave them out, or choose: {rules}")


def measure(grey, name="percentile", percentiles=None):
    """Find out what a rule does to an image.

    Parameters
    ----------
    grey : Grey or alike
    name : {"percentile", "root", "floor", "standard", "unchanged"}
    percentiles : tuple of float, optional
        In place of the 1st and the 99.8th; see `check_percentiles`.

    Returns
    -------
    Scale

    Raises
    ------
    CellsegError
        If no rule has that name, or it takes no percentiles.
    """
    if name not in RULES:
        raise CellsegError(f"no normalisation is called '{name}'; there are: {', '.join(RULES)}")
    check_percentiles(name, percentiles)
    return RULES[name](grey, *(percentiles or ()))


def normalise(image, name="percentile"):
    """Apply a rule to one image.

    Parameters
    ----------
    image : ndarray of shape (H, W)
        Grey values of any scale.
    name : {"percentile", "root", "floor", "standard", "unchanged"}

    Returns
    -------
    ndarray of shape (H, W), float32
        All 0 for a constant image, except with "unchanged".

    Raises
    ------
    CellsegError
        If no rule has that name.
    """
    return measure(Grey(image), name)(image)
