"""What the microscope and its camera add to the picture of the cells (the measurement model of the 2007 paper)."""

import io

import numpy as np

from cellseg.simcep.texture import texture


def energy(image):
    """Sum of the squared intensities."""
    return float(np.sum(np.square(image)))


def scaled_to(image, wanted):
    """Multiply an image so that its `energy` becomes `wanted`; an image of zeros stays as it is."""
    own = energy(image)
    return image * np.sqrt(wanted / own) if own > 0 else image


def illumination(template, misalign_x, misalign_y):
    """Uneven illumination: a paraboloid that is *added* to the image, not multiplied with it.

    Z = 1 - (x**2 + y**2) / largest, where x runs over the columns from -width in steps of 2, minus misalign_x times
    the width (rounded), and y likewise over the rows with the height. Hence the brightest point is at the centre for
    a misalignment of 0, at three quarters of the side for 0.5 and at the far edge for 1. (Some public copies mix up
    height and width.)

    Parameters
    ----------
    template : (int, int)
        Height and width of the image in pixels.
    misalign_x, misalign_y : float

    Returns
    -------
    ndarray, `template` float
        In [0, 1].
    """
    height, width = template
    y = np.arange(-height, height, 2) - np.rint(misalign_y * height)
    x = np.arange(-width, width, 2) - np.rint(misalign_x * width)
    squares = y[:, None] ** 2 + x**2
    return 1 - squares / squares.max()


def background(template, options, cell_energy, rng):
    """Illumination and autofluorescence, each with its energy in proportion to that of the cells.

    Parameters
    ----------
    template : (int, int)
        Height and width of the image in pixels.
    options : cellseg.simcep.options.Measurement
    cell_energy : float
        `energy` of the ideal image.
    rng : numpy.random.RandomState

    Returns
    -------
    ndarray, `template` float
        0 where there are no cells to compare with.
    """
    light = illumination(template, options.misalign_x, options.misalign_y)
    glow = texture(template, 1, 1, 2, 0, rng)
    return scaled_to(light, options.illumscale * cell_energy) + scaled_to(glow, options.autofluorscale * cell_energy)


def detect(image, variance, rng):
    """Clip to [0, 1], add the detector's Gaussian noise, clip again. There is no photon (Poisson) noise."""
    noise = np.sqrt(variance) * rng.standard_normal(image.shape)
    return np.clip(np.clip(image, 0, 1) + noise, 0, 1)


def compress(image, comp):
    """Write the image as a colour JPEG of 8 bits, its colours at half resolution as usual, and read it back.

    Parameters
    ----------
    image : ndarray, (height, width, 3) float
        In [0, 1].
    comp : float
        The quality is round(100 (1 - comp)), at least 1. (The original leaves out the JPEG at a quality of 0.)

    Returns
    -------
    ndarray, (height, width, 3) float
        Multiples of 1/255.
    """
    from PIL import Image

    stream = io.BytesIO()
    picture = Image.fromarray(np.rint(image * 255).astype(np.uint8))
    picture.save(stream, "JPEG", quality=max(1, int(100 * (1 - comp) + 0.5)))
    return np.asarray(Image.open(stream), np.uint8) / 255.0


def measure(blurred, included, cell_energy, options, rng):
    """Take the picture: add background and detector noise, then compress.

    Parameters
    ----------
    blurred : ndarray, (height, width, 3) float
        The cells after the optics.
    included : list of int
        Indices of the channels that are taken; the others stay black.
    cell_energy : float
        `energy` of the ideal image.
    options : cellseg.simcep.options.Measurement
    rng : numpy.random.RandomState

    Returns
    -------
    ndarray, (height, width, 3) float
        In [0, 1].
    """
    image = np.zeros(blurred.shape)
    lit = blurred[..., included] + background(blurred.shape[:2], options, cell_energy, rng)[..., None]
    image[..., included] = detect(lit, options.ccd, rng)
    return compress(image, options.comp) if options.comp > 0 or options.always_jpeg else image
