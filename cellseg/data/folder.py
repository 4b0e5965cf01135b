"""A folder of annotated images, each with its cells, checked one by one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellseg.data.pairs import find_annotated
from cellseg.data.truth import read_single, read_truth
from cellseg.images.channels import LUMINANCE
from cellseg.images.open import read_image


@dataclass
class Example:
    """One annotated image.

    Attributes
    ----------
    image : ndarray of shape (H, W)
        Grey values as they stand in the file.
    labels : ndarray of shape (H, W), int32
        Truth: 0 is background; the cells have the numbers 1 to n.
    numbered : bool
        Whether cells were numbered one by one. If not, they are the 8-connected components of a mask, and cells that
        touch have one number.
    files : tuple of path
        The image's file, then those of the truth.
    """

    image: np.ndarray
    labels: np.ndarray
    numbered: bool
    files: tuple[Path, ...]

    @property
    def mask(self) -> np.ndarray:
        """True where a cell is, of shape (H, W)."""
        return self.labels > 0


def read_examples(folder, rgb: str = "refuse") -> list[Example]:
    """Read the annotated images of a folder, in the order of their names.

    Parameters
    ----------
    folder : str or path
        With ``images`` and ``labels`` or ``masks``, or in another layout of `cellseg.data.pairs.find_annotated`.
    rgb : {"refuse", "luminance"}
        What to do with a colour image: stop, or take its luminance. Masks are never colour images.

    Returns
    -------
    list of Example

    Raises
    ------
    CellsegError
        If the files do not fit each other, or one cannot be read; see `cellseg.data.pairs.find_annotated`,
        `cellseg.images.open.read_image` and `cellseg.data.truth.read_truth`.
    """
    return [read_example(annotated, rgb) for annotated in find_annotated(folder)]


def read_example(annotated, rgb: str = "refuse") -> Example:
    """Read an image and its truth.

    Parameters
    ----------
    annotated : cellseg.data.pairs.Annotated
    rgb : {"refuse", "luminance"}
        As in `read_examples`.

    Raises
    ------
    CellsegError
        As `read_examples`.
    """
    image = read_image(annotated.image, LUMINANCE if rgb == LUMINANCE else None)
    if annotated.single:
        labels, numbered = read_single(annotated.truth, image.shape)
    else:
        labels, numbered = read_truth(annotated.truth[0], image.shape, annotated.numbered)
    return Example(image, labels, numbered, (annotated.image, *annotated.truth))


def all_numbered(examples) -> bool:
    """Whether all cells are numbered; a mask with one cell, or none, says the same with and without numbers."""
    return any(one.numbered for one in examples) and all(one.numbered or one.labels.max() <= 1 for one in examples)
