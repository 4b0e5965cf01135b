"""The layer types that the engine knows: each public class in these modules, under its own name.

Those that forks of Caffe added are in the folder `forks`.
"""

import importlib
import pkgutil

from cellseg.engine import elsewhere
from cellseg.engine.layers.base import Layer
from cellseg.engine.layers.forks import FORKS
from cellseg.errors import CellsegError


def _types():
    """The layer classes of all modules in this folder, by name."""
    found = {}
    for _, name, is_folder in pkgutil.iter_modules(__path__):
        if is_folder:  # of forks: types of their own
            continue
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
    fork = getattr(parameter, "fork", "")
    types = FORKS[fork].types if fork else TYPES
    if parameter.type not in types:
        others = {name for one in FORKS.values() for name in one.types}
        origin, advice = elsewhere.of_type(parameter.type), elsewhere.without(parameter.type)
        raise CellsegError(
            f"layer '{parameter.name}': the type '{parameter.type}'{origin and f' of {origin}'} is not supported; "
            + (advice or f"supported are: {', '.join(sorted({*TYPES, *others}))}")
        )
    return types[parameter.type](parameter, phase)
