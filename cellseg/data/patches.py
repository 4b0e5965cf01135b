"""Cutting patches out of images and their labels."""

from dataclasses import dataclass, field

import numpy as np
from skimage.measure import label

from cellseg.errors import CellsegError


@dataclass
class Patches:
    """Patches with their labels.

    Attributes
    ----------
    data : ndarray of shape (N, S, S), float32
        Normalised grey values.
    labels : ndarray of shape (N, S, S), int32
        0 background, from 1 on the numbers of cells.
    names : list of str
        The image of each patch, with the row and column at which it was cut.
    background : list of str
        Kind of background of each patch (`cellseg.data.record.DataSplit`); empty if unknown.
    copy : list of int
        0 for a patch as it was cut, from 1 on for its augmented copies; empty if there are none.
    numbered : bool
        Whether cells were numbered one by one; if not, those that touch have one number.
    """

    data: np.ndarray
    labels: np.ndarray
    names: list[str] = field(default_factory=list)
    background: list[str] = field(default_factory=list)
    copy: list[int] = field(default_factory=list)
    numbered: bool = True

    def __len__(self):
        return len(self.data)

    def augmented(self, function, times):
        """Apply `function`: data and labels to both with `times` as many patches, first all as they are."""
        copy = [number for number in range(times) for _ in self.names]
        return Patches(
            *function(self.data, self.labels), self.names * times, self.background * times, copy, self.numbered
        )

    @property
    def foreground(self):
        """Fraction of the pixels that are cell."""
        return float((self.labels > 0).mean())


def random_patches(images, labels, names, count, size, rng, backgrounds=()):
    """Cut patches at random positions, the same number (give or take one) from each image.

    Parameters
    ----------
    images : sequence of ndarray of shape (H, W)
        Normalised images.
    labels : sequence of ndarray of shape (H, W), int or bool
        See `Patches`.
    names : sequence of str
    count, size : int
        Number of patches and their side in pixels.
    rng : numpy.random.RandomState
    backgrounds : sequence of str, optional
        One an image; see `Patches`.

    Returns
    -------
    Patches

    Raises
    ------
    CellsegError
        If an image is smaller than the patch.
    """
    cuts = []
    for number in range(count):
        index = number % len(images)
        height, width = images[index].shape
        _check_size(names[index], (height, width), size)
        cuts.append((index, rng.randint(height - size + 1), rng.randint(width - size + 1)))
    return _cut(images, labels, names, cuts, size, backgrounds)


def grid_patches(images, labels, names, size, overlap):
    """Cut every image into a grid of patches. An image of the patch's size is one patch.

    Parameters
    ----------
    overlap : bool
        What to do if `size` does not divide a side. True moves the last row or column of patches inward, so that every
        pixel is in a patch. False leaves the remainder out, so that no pixel is in two patches, as a test set needs.

    The other parameters, the result and the errors are as in `random_patches`.
    """
    cuts = []
    for index, image in enumerate(images):
        _check_size(names[index], image.shape, size)
        rows, columns = (_origins(side, size, overlap) for side in image.shape)
        cuts += [(index, row, column) for row in rows for column in columns]
    return _cut(images, labels, names, cuts, size)


def mirrored(image, labels, size):
    """Make an image at least as large as a patch: it is mirrored at its lower and right edges.

    Parameters
    ----------
    image : ndarray of shape (H, W)
    labels : ndarray of shape (H, W), int
    size : int
        Side of the patch.

    Returns
    -------
    image, labels : ndarray
        The very same ones if they are large enough. Mirrored cells have numbers of their own.
    """
    lacking = [(0, max(size - side, 0)) for side in image.shape]
    if not np.any(lacking):
        return image, labels
    image, labels = (np.pad(plane, lacking, mode="symmetric") for plane in (image, labels))
    return image, label(labels, connectivity=2).astype(np.int32)


def _origins(side, size, overlap):
    number = -(-side // size) if overlap else side // size
    return [min(n * size, side - size) for n in range(number)]


def _check_size(name, shape, size):
    if min(shape) < size:
        raise CellsegError(
            f"{name}: {shape[0]}x{shape[1]} pixels, smaller than the patch of {size}x{size}; leave it out"
        )


def _cut(images, labels, names, cuts, size, backgrounds=()):
    def window(planes, index, row, column):
        return planes[index][row : row + size, column : column + size]

    return Patches(
        np.stack([window(images, *cut) for cut in cuts]).astype(np.float32),
        np.stack([window(labels, *cut) for cut in cuts]).astype(np.int32),
        [f"{names[index]}@{row},{column}" for index, row, column in cuts],
        [backgrounds[index] for index, _, _ in cuts] if backgrounds else [],
    )
