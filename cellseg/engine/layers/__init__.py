"""The layer types that the engine knows: each public class in these modules, under its own name."""

import importlib
import pkgutil

from cellseg.engine.layers.base import Layer
from cellseg.errors import CellsegError


def _types():
    """The layer classes of all modules in this folder, by name."""
    found = {}
    for _, name, _ in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{name}")
        classes = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Layer)]
        found.update({one.__name__: one for one in classes if one is not Layer and one.__name__[0] != "_"})
    return found


TYPES = _types()


def make(parameter, phase):
    """Make the layer that a net prototxt describes.

    Parameters
    ----------
    parameter : LayerParameter
    phase : int

    Returns
    -------
    Layer

    Raises
    ------
    CellsegError
        If its type is not supported.
    """
    if parameter.type not in TYPES:
        raise CellsegError(
            f"layer '{parameter.name}': the type '{parameter.type}' is not supported; supported are: "
            f"{', '.join(sorted(TYPES))}"
        )
    return TYPES[parameter.type](parameter, phase)
