"""Placing cells in clusters and anywhere, with a limit on overlap: the population model of the 2007 paper."""

import warnings
from typing import NamedTuple

import numpy as np

from cellseg.simcep.objects import draw_masks, draw_objects, place

#: Tries to place one cell before the image counts as full.
TRIES = 50


class Cell(NamedTuple):
    """One placed cell: `row` and `column` of its centre, and its `objects`: from channel to `CellObject`."""

    row: int
    column: int
    objects: dict


class Occupied(NamedTuple):
    """What is tested for overlap: a placed object's box `inside` the image (two slices), and its `mask` there."""

    inside: tuple
    mask: np.ndarray


def draw_centres(options, rng):
    """Draw the cluster centres, uniform over the pixels.

    Parameters
    ----------
    options : cellseg.simcep.options.Population
    rng : numpy.random.RandomState

    Returns
    -------
    ndarray, (options.clust, 2) int
        Rows and columns.
    """
    height, width = options.template
    return np.stack([rng.randint(height, size=options.clust), rng.randint(width, size=options.clust)], axis=1)


def draw_position(options, centres, rng):
    """Draw a cell's centre: near a random one of `centres` with probability `clustprob`, anywhere otherwise.

    The distance to the centre is normal with a standard deviation of `spatvar` times the image's height (rows) or
    width (columns), rounded to whole pixels. The centre may lie outside the image.

    Returns
    -------
    (int, int)
        Row and column.
    """
    size = np.array(options.template)
    if rng.uniform() < options.clustprob:
        offset = np.rint(options.spatvar * size * rng.standard_normal(2)).astype(int)
        position = centres[rng.randint(len(centres))] + offset
    else:
        position = [rng.randint(side) for side in size]
    return int(position[0]), int(position[1])


def overlaps_too_much(area, new, earlier, limit):
    """Tell whether an object and an earlier one share more than `limit` of the smaller one's area.

    Parameters
    ----------
    area : int
        Pixels of the new object, including those outside the image.
    new : Occupied
    earlier : list of Occupied
        Of these only the area inside the image counts.
    limit : float
        From 0 to 1.
    """
    if limit >= 1:
        return False
    rows, columns = new.inside
    for inside, mask in earlier:
        top, bottom = max(rows.start, inside[0].start), min(rows.stop, inside[0].stop)
        left, right = max(columns.start, inside[1].start), min(columns.stop, inside[1].stop)
        if top >= bottom or left >= right:
            continue
        ours = new.mask[top - rows.start : bottom - rows.start, left - columns.start : right - columns.start]
        theirs = mask[
            top - inside[0].start : bottom - inside[0].start, left - inside[1].start : right - inside[1].start
        ]
        shared = np.count_nonzero(ours & theirs)
        if shared > limit * min(area, np.count_nonzero(mask)):
            return True
    return False


def populate(options, rng):
    """Place `population.N` cells one after another.

    A cell is drawn anew, with another position and other outlines, if its centre or all of its pixels are outside the
    image, or if it overlaps an earlier one too much. After `TRIES` failures for one cell the image is full, and the
    cells placed so far are returned. (The original means to stop there, but skips its counter and never ends.)

    Parameters
    ----------
    options : cellseg.simcep.options.Options
    rng : numpy.random.RandomState

    Returns
    -------
    list of Cell

    Warns
    -----
    UserWarning
        If the image is full before all cells are placed.
    """
    population = options.population
    tested = "nuclei" if population.overlap_obj == 1 else "cytoplasm"
    centres = draw_centres(population, rng)
    cells, earlier = [], []
    while len(cells) < population.N:
        for _ in range(TRIES):
            row, column = draw_position(population, centres, rng)
            if not (0 <= row < population.template[0] and 0 <= column < population.template[1]):
                continue
            masks = draw_masks(options.cell_obj, rng)
            inside, kept = place(masks[tested].shape, row, column, population.template)
            new = Occupied(inside, masks[tested][kept])
            if not new.mask.any():
                continue
            if not overlaps_too_much(np.count_nonzero(masks[tested]), new, earlier, population.overlap):
                break
        else:
            warnings.warn(
                f"the image is full after {len(cells)} of {population.N} cells: the next one did not fit in "
                f"{TRIES} tries; allow more population.overlap or ask for fewer",
                stacklevel=3,
            )
            break
        earlier.append(new)
        cells.append(Cell(row, column, draw_objects(masks, options.cell_obj, rng)))
    return cells
