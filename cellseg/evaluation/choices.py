"""What an evaluation may choose: the network's threshold, the cleaning of its masks, the baselines' thresholds.

They are chosen on training images and used on test images, so that nothing is chosen on the images of the result.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from msgspec import Meta

from cellseg.errors import CellsegError
from cellseg.evaluation.baseline import choose_global, choose_local, local
from cellseg.evaluation.indicators import pooled
from cellseg.inference.cleaning import clean, fill_holes, remove_objects

#: Areas in pixels from which `choose_cleaning` chooses.
SMALLEST_OBJECTS = (0, 5, 10, 15, 20, 30, 40, 50, 75, 100)
LARGEST_HOLES = (0, 5, 10, 20, 30, 50, 100, 200)
#: How many images `choose` looks at.
MOST = 500


@dataclass(frozen=True)
class Choices:
    """Everything that is chosen for a segmentation, by the highest Matthews correlation over all pixels.

    Attributes
    ----------
    threshold : float
        A pixel is cell where the network's probability is at least this.
    smallest_object, largest_hole : int
        Areas in pixels; see `cellseg.inference.cleaning.clean`.
    global_threshold : float
        A pixel is cell where its normalised grey value is at least this.
    local_block, local_offset : int, float
        See `cellseg.evaluation.baseline.local`.
    chosen_on : str
        The images on which they were chosen.
    """

    threshold: float
    smallest_object: Annotated[int, Meta(ge=0)]
    largest_hole: Annotated[int, Meta(ge=0)]
    global_threshold: float
    local_block: int
    local_offset: float
    chosen_on: str

    def __post_init__(self):
        if not (self.local_block > 0 and self.local_block % 2):
            raise CellsegError(f"local_block: {self.local_block} is not an odd number of pixels")

    def masks(self, images, probability):
        """Segment images by every method that has choices.

        Parameters
        ----------
        images : sequence of ndarray of shape (H, W)
            Normalised.
        probability : sequence of ndarray of shape (H, W)
            The network's, 0 to 1.

        Returns
        -------
        dict of str to list of ndarray of shape (H, W), bool
            "cleaned" (network and post-processing), "global" and "local".
        """
        network = at_least(probability, self.threshold)
        return {
            "cleaned": [clean(mask, self.smallest_object, self.largest_hole) for mask in network],
            "global": at_least(images, self.global_threshold),
            "local": [local(image, self.local_block, self.local_offset) for image in images],
        }


def choose(images, masks, probability, threshold, chosen_on):
    """Choose settings on annotated images; of more than `MOST` on so many, spread over them.

    Parameters
    ----------
    images, probability : sequence of ndarray of shape (H, W)
        Normalised grey values, and the network's output for them.
    masks : sequence of ndarray of shape (H, W), bool
        Truth.
    threshold : float
        The network's, which has been chosen already.
    chosen_on : str
        Name of these images, for the record.

    Returns
    -------
    Choices
    """
    step = -(-len(images) // MOST)
    images, masks, probability = images[::step], masks[::step], probability[::step]
    smallest, largest = choose_cleaning(at_least(probability, threshold), masks)
    block, offset = choose_local(images, masks)
    return Choices(threshold, smallest, largest, choose_global(images, masks), block, offset, chosen_on)


def choose_cleaning(masks, truths):
    """Choose the areas of `clean` with the highest Matthews correlation over the pixels of all images.

    Parameters
    ----------
    masks, truths : sequence of ndarray of shape (H, W), bool
        Predictions before cleaning, and truth.

    Returns
    -------
    smallest_object, largest_hole : int
        From `SMALLEST_OBJECTS` and `LARGEST_HOLES`. Of equally good ones the smallest are taken: 0 and 0 if nothing
        helps.
    """
    best, chosen = -2, None
    for smallest in SMALLEST_OBJECTS:
        kept = [remove_objects(np.asarray(mask, bool), smallest) for mask in masks]
        for largest in LARGEST_HOLES:
            mcc = pooled(truths, [fill_holes(mask, largest) for mask in kept])["mcc"]
            if mcc > best:
                best, chosen = mcc, (smallest, largest)
    return chosen


def at_least(planes, threshold):
    """Mark where a plane's values are at least a threshold, in double precision as in `Sweep`; for each plane."""
    return [np.asarray(plane, np.float64) >= threshold for plane in planes]
