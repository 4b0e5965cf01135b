"""From options and a seed to an image with its ground truth."""

import numbers
from dataclasses import dataclass

import numpy as np

from cellseg.errors import CellsegError
from cellseg.simcep.measurement import energy, measure
from cellseg.simcep.objects import CHANNELS
from cellseg.simcep.optics import focus_blur, focus_sigmas
from cellseg.simcep.options import Options
from cellseg.simcep.population import populate
from cellseg.simcep.scene import compose


@dataclass(frozen=True, eq=False)
class Simulation:
    """A simulated image and its ground truth.

    Attributes
    ----------
    image : ndarray, (height, width, len(channels)) float
        The picture, in [0, 1]; one channel for each name in `channels`.
    ideal : ndarray, same shape, float
        The cells before optics, background and noise, in [0, 1].
    channels : tuple of str
        Those of ``("cytoplasm", "subcell", "nuclei")`` that the options include: SIMCEP's red, green and blue.
    counts : ndarray, (height, width, 3) int32
        How many objects cover each pixel, in *all three* of these channels; 0 in channels that are not included.
    mask : ndarray, (height, width) bool
        Where there is any object.
    labels : ndarray, (height, width) int32
        Number of the cell at each pixel, from 1 in the order of placing; 0 in the background. Where cells overlap,
        the later one counts. It may hide an earlier one altogether.
    label_planes : ndarray, (height, width, 3) int32
        The same for each of the three channels.
    features : dict of str to ndarray, (cells, 3) int
        By channel: row and column of each cell's centre and the area of its object inside the image, in pixels.
    """

    image: np.ndarray
    ideal: np.ndarray
    channels: tuple
    counts: np.ndarray
    mask: np.ndarray
    labels: np.ndarray
    label_planes: np.ndarray
    features: dict

    def _find(self, channel):
        if channel not in self.channels:
            raise CellsegError(f"channel {channel}: not in this simulation, which has {', '.join(self.channels)}")
        return CHANNELS.index(channel)

    def plane(self, channel):
        """Return the picture of one channel, (height, width) float in [0, 1].

        Raises
        ------
        CellsegError
            If the simulation has no such channel. `plane_mask` and `plane_labels` raise it, too.
        """
        self._find(channel)
        return self.image[..., self.channels.index(channel)]

    def plane_mask(self, channel):
        """Return the mask of one channel's objects, (height, width) bool."""
        return self.counts[..., self._find(channel)] > 0

    def plane_labels(self, channel):
        """Return the cell numbers of the objects of one channel, (height, width) int32."""
        return self.label_planes[..., self._find(channel)]

    @property
    def nuclei(self):
        """The picture of the nuclei, (height, width) float in [0, 1]."""
        return self.plane("nuclei")


def random_state(seed):
    """Make a `numpy.random.RandomState` from a seed. Its stream is the same with every version of NumPy.

    Parameters
    ----------
    seed : int, sequence of int, or numpy.random.RandomState
        Whole numbers from 0 to 2**32 - 1. A RandomState is returned as it is.

    Raises
    ------
    CellsegError
        If the seed is anything else.
    """
    if isinstance(seed, np.random.RandomState):
        return seed
    parts = list(seed) if isinstance(seed, (list, tuple, np.ndarray)) else [seed]
    if not parts or not all(isinstance(part, numbers.Integral) and 0 <= part < 2**32 for part in parts):
        raise CellsegError(f"seed {seed!r}: must be a whole number from 0 to 4294967295, or a list of them")
    return np.random.RandomState([int(part) for part in parts] if len(parts) > 1 else int(parts[0]))


def simulate(options=None, seed=0):
    """Simulate one fluorescence microscope image of a cell population.

    The order is that of Lehmussola, Ruusuvuori, Selinummi, Huttunen and Yli-Harja, "Computational framework for
    simulating fluorescence microscope images with cell populations", IEEE Transactions on Medical Imaging
    26(7):1010-1016, 2007, and of its released tool SIMCEP: cells are drawn and placed, blurred by their focus, lit
    unevenly, detected with noise and compressed.

    Parameters
    ----------
    options : Options, optional
        By default SIMCEP's.
    seed : int, sequence of int, or numpy.random.RandomState
        The only source of chance: the same seed gives the same image. A RandomState moves on by what is drawn from it.

    Returns
    -------
    Simulation

    Raises
    ------
    CellsegError
        If the seed is not valid.

    Warns
    -----
    UserWarning
        If fewer cells than asked for fit into the image.

    Examples
    --------
    >>> result = simulate(Options().replace("population.N", 20), seed=1)
    >>> result.nuclei.shape, int(result.labels.max())
    ((256, 256), 20)
    """
    options = Options() if options is None else options
    rng = random_state(seed)
    scene = compose(populate(options, rng), options.population.template)
    parts = options.cell_obj
    shown = (parts.cytoplasm.include, parts.subcell.include, parts.nucleus.include)
    included = [index for index, include in enumerate(shown) if include]
    mask = scene.labels > 0
    blurred = focus_blur(scene.ideal, *focus_sigmas(mask, options.measurement.focus_sigma, rng))
    # Illumination and autofluorescence are set in proportion to the cytoplasm if there is one, else to the nuclei.
    reference = CHANNELS.index("cytoplasm" if parts.cytoplasm.include else "nuclei")
    image = measure(blurred, included, energy(scene.ideal[..., reference]), options.measurement, rng)
    return Simulation(
        image=image[..., included],
        ideal=scene.ideal[..., included],
        channels=tuple(CHANNELS[index] for index in included),
        counts=scene.counts,
        mask=mask,
        labels=scene.labels,
        label_planes=scene.label_planes,
        features=scene.features,
    )
