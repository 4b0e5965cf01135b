"""The layer types that the engine knows."""

from cellseg.engine.layers import (
    activation,
    convolution,
    data,
    dropout,
    eltwise,
    loss,
    normalisation,
    output,
    pooling,
    shape,
)
from cellseg.errors import CellsegError

TYPES = {
    name: kind
    for module in (activation, convolution, data, dropout, eltwise, loss, normalisation, output, pooling, shape)
    for name, kind in module.TYPES.items()
}


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
