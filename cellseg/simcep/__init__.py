"""A synthetic fluorescence microscope: SIMCEP's model of cell populations, and of how they are imaged.

After Lehmussola, Ruusuvuori, Selinummi, Huttunen and Yli-Harja, "Computational framework for simulating fluorescence
microscope images with cell populations", IEEE Transactions on Medical Imaging 26(7):1010-1016, 2007.

>>> from cellseg.simcep import Options, simulate
>>> result = simulate(Options().replace("population.N", 20), seed=0)
>>> image, labels = result.nuclei, result.labels    # grey values, and the number of the cell at each pixel
"""

from cellseg.simcep.options import Options
from cellseg.simcep.simulator import Simulation, simulate

__all__ = ["Options", "Simulation", "simulate"]
