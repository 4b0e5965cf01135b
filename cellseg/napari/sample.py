"""Sample data: nuclei as the synthetic microscope sees them."""

import numpy as np

from cellseg.simcep import Options, simulate

_SIDE, _CELLS = 384, 60


def simulated_cells() -> list[tuple]:
    """A simulated image of nuclei, of shape (384, 384), uint8, as napari takes layers."""
    options = Options().replace({"population.template": [_SIDE, _SIDE], "population.N": _CELLS})
    image = simulate(options, seed=0).plane("nuclei")
    return [(np.rint(image * 255).astype(np.uint8), {"name": "simulated cells"}, "image")]
