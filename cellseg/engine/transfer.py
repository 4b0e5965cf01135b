"""Weight transfer by layer name, planned and reported before Caffe does it.

It runs beside real Caffe, too, and so under Python 3.9.
"""

from dataclasses import dataclass

from cellseg.errors import CellsegError

COPIED, INITIALISED, IGNORED = "copied", "left as initialised", "ignored"


@dataclass(frozen=True)
class Transfer:
    """What becomes of one parameter blob.

    Attributes
    ----------
    layer : str
    blob : int
        0 weights, 1 bias.
    shape : tuple of int
    status : {"copied", "left as initialised", "ignored"}
        "left as initialised" if the source lacks the layer, "ignored" if the target does.
    """

    layer: str
    blob: int
    shape: tuple
    status: str


def plan_transfer(source, target, name="weights"):
    """Say what Caffe's ``copy_from`` will do with each parameter.

    Parameters
    ----------
    source : dict of str to list of ndarray
        Layer name to blobs, as from `cellseg.engine.weights.read_weights`.
    target : dict of str to list of tuple
        Layer name to shapes, as from `cellseg.engine.geometry.parameter_shapes`.
    name : str
        The source's file name, for messages.

    Returns
    -------
    list of Transfer

    Raises
    ------
    CellsegError
        If a layer of the same name has blobs of other shapes, or if no layer has the same name.
    """
    rows = []
    for layer, shapes in target.items():
        blobs = [blob.shape for blob in source.get(layer, [])]
        if layer in source and [_squeezed(shape) for shape in blobs] != [_squeezed(shape) for shape in shapes]:
            raise CellsegError(
                f"{name}: layer '{layer}' has the shapes {_shown(blobs)}, but the net needs {_shown(shapes)}; "
                f"give weights of the same architecture, or rename the layer to leave it as initialised"
            )
        rows += [
            Transfer(layer, n, shape, COPIED if layer in source else INITIALISED) for n, shape in enumerate(shapes)
        ]
    for layer in source:
        if layer not in target:
            rows += [Transfer(layer, n, blob.shape, IGNORED) for n, blob in enumerate(source[layer])]
    if not any(row.status == COPIED for row in rows):
        raise CellsegError(f"{name}: no layer has a name of this net ({', '.join(source)}); give weights made for it")
    return rows


def format_transfer(rows):
    """One line a parameter, and a last line that counts."""
    lines = [
        f"  {row.layer + ('' if row.blob == 0 else ' bias'):<16} {_shown([row.shape]):<18} {row.status}" for row in rows
    ]
    counts = [f"{sum(row.status == status for row in rows)} {status}" for status in (COPIED, INITIALISED, IGNORED)]
    return "\n".join([*lines, f"  parameters: {', '.join(counts)}"])


def same_shape(one, other):
    """Say whether two shapes are the same but for ones in front, as older Caffe versions wrote them.

    Shapes of vectors, in which all sides but one are ones, are the same if the vectors are equally long.
    """
    return _squeezed(one) == _squeezed(other)


def _squeezed(shape):
    """Files of older Caffe versions write every shape with four numbers, ones in front."""
    longer = [place for place, side in enumerate(shape) if side != 1]
    return list(shape[longer[0] :] if len(longer) > 1 else [shape[place] for place in longer])


def _shown(shapes):
    return " + ".join("x".join(map(str, shape)) for shape in shapes)
