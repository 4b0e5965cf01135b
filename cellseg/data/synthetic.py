"""Simulated training and test patches: the report's own set, and a stand-in for its real images."""

import numpy as np
from scipy import ndimage

from cellseg.data.background import add_background
from cellseg.data.normalisation import normalise
from cellseg.data.patches import grid_patches, random_patches
from cellseg.data.record import NOISE, PLAIN
from cellseg.data.sizes import PATCH, REAL_TEST, REAL_TRAIN
from cellseg.data.tuning import tuned_images
from cellseg.simcep import Options, simulate

STAND_IN = (
    "a simulated stand-in for real images (other optics, larger and blurrier cells, bright debris); "
    "for real ones give a folder {train,test}/{images,masks}: REAL=folder, or --real folder"
)
#: What the images are made with, by kind; goes into the data set's record.
RECIPES = {
    "simulated": {
        "images": {"train": 50, "test": 15},
        "cells": (10, 30),
        "background": {"amplitude": (0.1, 0.4)},
        "options": Options().replace({"population.template": (256, 256)}).to_dict(),
    },
    "stand-in": {
        "images": {"train": REAL_TRAIN, "test": REAL_TEST},
        "cells": (1, 4),
        "debris": {"specks": (2, 8), "radius": (1.5, 3.0), "height": (0.5, 1.0), "blur": 0.7},
        "options": Options()
        .replace(
            {
                "population.template": (PATCH, PATCH),
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
        .to_dict(),
    },
}


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
    labels : list of ndarray of shape (256, 256), int
        0 background, from 1 on the cells.
    names : list of str
    backgrounds : list of str
        "plain" or "noise".
    """
    images, labels, names, backgrounds = [], [], [], []
    for number in progress(range(count)):
        simulation = _simulate("simulated", rng)
        noisy = number % 2 == 1
        image = simulation.plane("nuclei")
        images.append(add_background(image, rng, **RECIPES["simulated"]["background"]) if noisy else image)
        labels.append(simulation.labels)
        names.append(f"simulated_{number:04d}")
        backgrounds.append(NOISE if noisy else PLAIN)
    return images, labels, names, backgrounds


def stand_in_images(count, rng, progress=iter):
    """Images that stand in for real ones; as `simulated_images`, but 128x128 pixels, and without backgrounds.

    Nuclei of radius 16 pixels, more blur, light from the right edge, more detector noise, and small bright debris
    that is no cell, like the false positives of the report's Figure 11.
    """
    images, labels, names = [], [], []
    for number in progress(range(count)):
        simulation = _simulate("stand-in", rng)
        light = debris(simulation.labels.shape, rng, **RECIPES["stand-in"]["debris"])
        images.append(np.clip(simulation.plane("nuclei") + light, 0, 1))
        labels.append(simulation.labels)
        names.append(f"stand_in_{number:04d}")
    return images, labels, names


def debris(shape, rng, specks, radius, height, blur):
    """Draw small bright specks: discs, slightly blurred.

    Parameters
    ----------
    shape : tuple of int
    rng : numpy.random.RandomState
    specks, radius, height : tuple of number
        Ranges of the number of specks, their radius in pixels and their brightness.
    blur : float
        Sigma in pixels.

    Returns
    -------
    ndarray of shape `shape`
        Light to add.
    """
    light = np.zeros(shape)
    rows, columns = np.indices(shape)
    for _ in range(rng.randint(specks[0], specks[1] + 1)):
        row, column = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        disc = np.hypot(rows - row, columns - column) <= rng.uniform(*radius)
        light[disc] = rng.uniform(*height)
    return ndimage.gaussian_filter(light, blur)


def simulated_patches(split, count, normalisation, rng, progress=iter):
    """The report's synthetic patches: cut at random positions, from images that are normalised as a whole.

    Parameters
    ----------
    split : {"train", "test"}
    count : int
        Number of patches.
    normalisation : str
        A name of `cellseg.data.normalisation.RULES`.
    rng, progress
        As in `simulated_images`.

    Returns
    -------
    cellseg.data.patches.Patches
    """
    planes, labels, names, backgrounds = simulated_images(RECIPES["simulated"]["images"][split], rng, progress)
    planes = [normalise(plane, normalisation) for plane in planes]
    return random_patches(planes, labels, names, count, PATCH, rng, backgrounds)


def stand_in_patches(split, normalisation, rng, progress=iter):
    """The stand-in's patches, one from each image. Parameters and result are those of `simulated_patches`."""
    planes, labels, names = stand_in_images(RECIPES["stand-in"]["images"][split], rng, progress)
    planes = [normalise(plane, normalisation) for plane in planes]
    return grid_patches(planes, labels, names, PATCH, overlap=False)


def tuned_patches(look, count, normalisation, rng, progress=iter):
    """Patches with a look (`cellseg.data.tuning.Look`), one an image; else as in `simulated_patches`."""
    planes, labels, names = tuned_images(look, count, rng, progress)
    planes = [normalise(plane, normalisation) for plane in planes]
    return grid_patches(planes, labels, names, PATCH, overlap=False)


def _simulate(kind, rng):
    fewest, most = RECIPES[kind]["cells"]
    options = Options.from_dict(RECIPES[kind]["options"])
    return simulate(options.replace("population.N", rng.randint(fewest, most + 1)), rng)
