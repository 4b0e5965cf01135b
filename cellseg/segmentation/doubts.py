"""Signs that a plane was not segmented as it should be.

The limits were chosen on the 386 annotated training images of `real55` and `fields`, none of which comes near them:
their cells cover at most 38 % of an image, their contrast (1st to 99.8th percentile) is at least 14 times the noise,
and at most 6.5 times the contrast up to the 99th percentile. In an image of noise alone it is 5.2 times the noise.
"""

import numpy as np

from cellseg.data.diameter import median_diameter
from cellseg.data.noise import noise, sample_rows
from cellseg.images.open import missing_note

#: Said of a plane in which the normalisation finds nothing to stretch.
NO_CONTRAST = "no contrast: nearly all pixels have one grey value, and no cell is looked for"

COVER = 0.6
CONTRAST = 8
GLARE = 12
#: From how many cells on their size is looked at, and by what it may differ from the model's.
FEWEST, OFF = 5, 2


def doubts(plane, scale, cells, diameter=None) -> list[str]:
    """What a user should know of the result of a plane, a sentence each.

    Parameters
    ----------
    plane : cellseg.images.source.Plane or alike
    scale : cellseg.data.normalisation.Scale
    cells : cellseg.segmentation.find_cells.Cells
    diameter : float or None
        Median diameter in pixels of the cells that the model looks for; None if it is not known.
    """
    pixels = plane.shape[0] * plane.shape[1]
    said = [missing_note(cells.missing / pixels)] if cells.missing else []
    if not scale.span > 0:
        return [*said, NO_CONTRAST]
    covered = int(cells.table["area"].sum()) / pixels
    if covered > COVER:
        said.append(f"covers {covered:.0%} of the image: probably no cells, uneven light, or a wrong threshold")
    rows = sample_rows(plane)
    values = rows[np.isfinite(rows)]
    low, bright, brightest = np.percentile(values, [1, 99, 99.8]) if values.size else (0, 0, 0)
    if 0 < brightest - low < CONTRAST * noise([rows], plane.dtype.kind in "bui"):
        said.append("contrast near the noise: probably no cells, or too few to set the grey-value scale")
    if bright > low and brightest - low > GLARE * (bright - low):
        said.append("a few pixels are far brighter than all others: hot pixels may hide the cells")
    return said + _doubts_of_size(cells.table["area"], diameter)


def _doubts_of_size(areas, expected):
    """Whether the found cells are of a size that the model was not made for."""
    if expected is None or len(areas) < FEWEST:
        return []
    found = median_diameter(areas)
    if expected / OFF <= found <= expected * OFF:
        return []
    return [
        f"the cells' median diameter is {found:.0f} pixels, the model's {expected:.0f}: "
        f"if these are the cells, give --diameter {found:.0f}"
    ]
