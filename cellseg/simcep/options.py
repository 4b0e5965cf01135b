"""The simulator's options, under SIMCEP's own names and with its defaults.

The public copies of SIMCEP differ where their users edited them; each such default says so below. Three options are
new here: ``measurement.focus_sigma`` (fixed in the original), ``measurement.always_jpeg``, and a
``cell_obj.subcell`` whose radius, shape and texture have an effect.
"""

from dataclasses import dataclass

from cellseg.simcep import checks
from cellseg.simcep.cell_options import CellObj
from cellseg.simcep.groups import Group, option


@dataclass(frozen=True)
class Population(Group):
    """How many cells there are and where (``population``).

    Attributes
    ----------
    template : (int, int)
        Height and width of the image in pixels, at least 16. The public copies disagree (950 and 256): 256 here.
    N : int
        Cells in an image, from 0. The public copies disagree (40 and 100): 40 here.
    clust : int
        Number of cluster centres, at least 1.
    clustprob : float
        Probability that a cell belongs to a cluster, 0 to 1.
    spatvar : float
        Standard deviation of a cell's distance to its cluster centre in each direction, as a fraction of the
        image's height or width. (SIMCEP calls it a variance.)
    overlap : float
        Largest part of a cell that another cell may cover, 0 to 1. At 1 cells may lie anywhere.
    overlap_obj : int
        What is tested for overlap: 1 nuclei, 2 cytoplasm. The public copies disagree (2 and 1): 1 here.
    """

    prefix = "population"

    template: tuple = option((256, 256), checks.several("height, width", *[checks.whole(16, 8192)] * 2))
    N: int = option(40, checks.whole(0, 65535))
    clust: int = option(3, checks.whole(1, 65535))
    clustprob: float = option(0.0, checks.number(0, 1))
    spatvar: float = option(0.05, checks.number(0, 10))
    overlap: float = option(1.0, checks.number(0, 1))
    overlap_obj: int = option(1, checks.whole(1, 2))


@dataclass(frozen=True)
class Measurement(Group):
    """What the microscope and its camera add (``measurement``). An energy is a sum of squared intensities.

    Attributes
    ----------
    illumscale : float
        Energy of the uneven illumination relative to that of the cells.
    misalign_x, misalign_y : float
        Shift of the brightest point from the centre along columns and rows: 1 puts it on the right or lower edge.
    autofluorscale : float
        Energy of the autofluorescence relative to that of the cells.
    ccd : float
        *Variance* of the detector's Gaussian noise, for intensities in [0, 1].
    comp : float
        JPEG compression: the quality is round(100 (1 - comp)), at least 1. At 0 no JPEG is made.
    focus_sigma : (float, float)
        Blur in pixels (sigma of the Gaussian) of the background and of the image's most defocused object.
    always_jpeg : bool
        Whether `comp` = 0 is a JPEG of quality 100, as in the original, rather than no JPEG.
    """

    prefix = "measurement"

    illumscale: float = option(1.0, checks.number(0, 1e6))
    misalign_x: float = option(0.0, checks.number(-100, 100))
    misalign_y: float = option(0.0, checks.number(-100, 100))
    autofluorscale: float = option(0.05, checks.number(0, 1e6))
    ccd: float = option(0.0001, checks.number(0, 1))
    comp: float = option(0.0, checks.number(0, 1))
    focus_sigma: tuple = option((0.5, 5.0), checks.several("least, largest", *[checks.number(0.1, 100)] * 2))
    always_jpeg: bool = option(False, checks.switch)


@dataclass(frozen=True)
class Options(Group):
    """All options of a simulation: `population`, `measurement` and `cell_obj`, which cannot be changed in place.

    Raises
    ------
    CellsegError
        If a value is out of range, of the wrong type, or contradicts another.

    Examples
    --------
    >>> options = Options().replace({"population.N": 20, "population.template": (128, 128)})
    >>> options.population.N
    20
    """

    population: Population = Population()
    measurement: Measurement = Measurement()
    cell_obj: CellObj = CellObj()

    def _check(self):
        tested = "nucleus" if self.population.overlap_obj == 1 else "cytoplasm"
        if not getattr(self.cell_obj, tested).include:
            other = 3 - self.population.overlap_obj
            self._refuse("population.overlap_obj", f"tests the {tested}, which is not included; set it to {other}")
        least, largest = self.measurement.focus_sigma
        if least > largest:
            self._refuse("measurement.focus_sigma", "the least must not be above the largest")
