"""Simulated training and test patches: the report's own set, and a stand-in for its real images."""

import numpy as np
from scipy import ndimage

from cellseg.data.background import add_background
from cellseg.data.normalisation import normalise
from cellseg.data.patches import grid_patches, random_patches
from cellseg.simcep import Options, simulate

STAND_IN = (
    "a simulated stand-in for real images (other optics, larger and blurrier cells, bright debris); "
    "for real ones give a folder {train,test}/{images,masks}: REAL=folder, or --real folder"
)
_OPTIONS = Options().replace({"population.template": (256, 256)})
_CELLS = (10, 30)
_STAND_IN_OPTIONS = Options().replace(
    {
        "population.template": (128, 128),
        "population.clustprob": 0.25,
        "population.overlap": 0.2,
        "cell_obj.nucleus.radius": 16,
        "cell_obj.nucleus.shape": (0.2, 0.1),
        "measurement.focus_sigma": (1.5, 5.0),
        "measurement.illumscale": 0.3,
        "measurement.misalign_x": 1.0,
        "measurement.ccd": 0.0004,
    }
)
_STAND_IN_CELLS = (1, 4)
_DEBRIS = (2, 8)


def simulated_images(count, rng, progress=iter):
    """Images of the report's synthetic set: SIMCEP nuclei; every second image with simplex noise in the background.

    Parameters
    ----------
    count : int
    rng : numpy.random.RandomState
    progress : callable, optional
        Wraps the loop, for example a progress bar.

    Returns
    -------
    images : list of ndarray of shape (256, 256)
        Grey values from 0 to 1, 10 to 30 nuclei of radius 10 pixels each, which cover about a tenth of the image.
    masks : list of ndarray of shape (256, 256), bool
    names : list of str
        A name ending in "n" marks the noise background.
    """
    images, masks, names = [], [], []
    for number in progress(range(count)):
        simulation = simulate(_with_cells(_OPTIONS, _CELLS, rng), rng)
        noisy = number % 2 == 1
        image = simulation.plane("nuclei")
        images.append(add_background(image, rng) if noisy else image)
        masks.append(simulation.mask)
        names.append(f"simulated_{number:04d}{'n' if noisy else ''}")
    return images, masks, names


def stand_in_images(count, rng, progress=iter):
    """Images that stand in for real ones; parameters and results as in `simulated_images`, 128x128 pixels.

    Nuclei of radius 16 pixels, more blur, light from the right edge, more detector noise, and small bright debris
    that is no cell, like the false positives of the report's Figure 11.
    """
    images, masks, names = [], [], []
    for number in progress(range(count)):
        simulation = simulate(_with_cells(_STAND_IN_OPTIONS, _STAND_IN_CELLS, rng), rng)
        images.append(np.clip(simulation.plane("nuclei") + debris(simulation.mask.shape, rng), 0, 1))
        masks.append(simulation.mask)
        names.append(f"stand_in_{number:04d}")
    return images, masks, names


def debris(shape, rng):
    """Small bright specks: 2 to 8 discs of radius 1.5 to 3 pixels, slightly blurred.

    Returns
    -------
    ndarray of shape `shape`
        Light to add, 0 to about 1.
    """
    specks = np.zeros(shape)
    rows, columns = np.indices(shape)
    for _ in range(rng.randint(_DEBRIS[0], _DEBRIS[1] + 1)):
        row, column = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        disc = np.hypot(rows - row, columns - column) <= rng.uniform(1.5, 3)
        specks[disc] = rng.uniform(0.5, 1)
    return ndimage.gaussian_filter(specks, 0.7)


def simulated_patches(patches, images, size, normalisation, rng, progress=iter):
    """The report's synthetic patches: cut at random from `images` simulated images, each normalised as a whole.

    Returns
    -------
    cellseg.data.patches.Patches
    """
    planes, masks, names = simulated_images(images, rng, progress)
    planes = [normalise(plane, normalisation) for plane in planes]
    return random_patches(planes, masks, names, patches, size, rng)


def stand_in_patches(images, normalisation, rng, progress=iter):
    """The stand-in's patches, one an image."""
    planes, masks, names = stand_in_images(images, rng, progress)
    return grid_patches([normalise(plane, normalisation) for plane in planes], masks, names, planes[0].shape[0])


def _with_cells(options, limits, rng):
    return options.replace({"population.N": rng.randint(limits[0], limits[1] + 1)})
