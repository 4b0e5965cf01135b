"""Scores of a segmentation: over the pixels of all images, image by image, and over whole cells."""

import numpy as np

from cellseg.evaluation.indicators import count, indicators, pooled
from cellseg.evaluation.objects import object_scores
from cellseg.evaluation.record import ImageScores, MethodScores
from cellseg.images.masks import components


def score(truths, founds, cells=None, numbered=False) -> MethodScores:
    """Score one method: the pixels of its masks, and its cells.

    Parameters
    ----------
    truths : sequence of ndarray of shape (H, W), int
        The true cells, a label image an image; at least one image.
    founds : sequence of ndarray of shape (H, W), bool
        The method's masks.
    cells : sequence of ndarray of shape (H, W), int, optional
        The cells that the method finds in its masks; by default their connected components. Where the truth numbers
        no cells, components are compared with components, and this is not looked at.
    numbered : bool
        Whether the truth numbers cells one by one. If not, its labels are connected components.
    """
    masks = [truth > 0 for truth in truths]
    each = [indicators(*count(found, mask))["mcc"] for mask, found in zip(masks, founds, strict=True)]
    objects = object_scores(truths, _found_cells(founds, cells, numbered), numbered)
    return MethodScores(**pooled(masks, founds), median_mcc=float(np.median(each)), objects=objects)


def image_scores(names, truths, founds, cells=None, numbered=False) -> list[ImageScores]:
    """Score image by image: pixels, their Matthews correlation, and the numbers of cells.

    Parameters
    ----------
    names : sequence of str
    truths, founds, cells, numbered
        As in `score`.
    """
    cells = _found_cells(founds, cells, numbered)
    return [_image(*row) for row in zip(names, truths, founds, cells, strict=True)]


def _found_cells(founds, cells, numbered):
    return cells if numbered and cells is not None else [components(found) for found in founds]


def _image(name, truth, found, cells):
    counts = count(found, truth > 0)
    return ImageScores(
        name=name,
        **dict(zip(("tp", "fp", "tn", "fn"), counts, strict=True)),
        mcc=indicators(*counts)["mcc"],
        cells=_number_of(truth),
        found=_number_of(cells),
    )


def _number_of(labels):
    return int(np.count_nonzero(np.unique(labels)))
