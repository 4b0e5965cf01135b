"""The noise of an image, from the differences of neighbouring pixels."""

import numpy as np

_SAMPLE = 1 << 22  # pixels that are looked at
_STRIPS = 64
_DEVIATION = 0.6745 * 2**0.5  # the median difference of two numbers from a normal distribution of deviation 1
_ROUNDING = 12**-0.5  # the deviation that whole numbers have from what was measured


def sample_rows(plane, planes: int = 1) -> np.ndarray:
    """Rows of a plane, all of a small one, as float64; of a large one strips that are spread over it.

    Parameters
    ----------
    plane : cellseg.images.source.Plane or alike
        With ``shape`` and ``read(top, bottom, left, right)``.
    planes : int
        How many are sampled to be looked at together: of each so much less is taken.
    """
    height, width = plane.shape
    most = max(_SAMPLE // planes, _STRIPS**2)
    rows = max(most // (width * _STRIPS), 1)
    if height * width <= most:
        return np.asarray(plane.read(0, height, 0, width), np.float64)
    tops = np.unique(np.linspace(0, height - rows, _STRIPS).astype(int))
    columns = min(width, most // _STRIPS)
    return np.concatenate([plane.read(top, top + rows, 0, columns) for top in tops]).astype(np.float64)


def noise(samples: list[np.ndarray], whole: bool) -> float:
    """Standard deviation of the noise: the median difference of neighbours in a row, which edges hardly change.

    Parameters
    ----------
    samples : list of ndarray of shape (H, W), float64
        Grey values of one plane or of several; NaN and infinite ones are left out.
    whole : bool
        Whether the image has whole numbers. Then there is at least the noise of rounding.
    """
    with np.errstate(invalid="ignore"):
        differences = np.concatenate([np.abs(np.diff(rows, axis=1)).ravel() for rows in samples])
    differences = differences[np.isfinite(differences)]
    found = float(np.median(differences)) / _DEVIATION if differences.size else 0.0
    return max(found, _ROUNDING) if whole else found
