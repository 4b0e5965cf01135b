"""Whether a net fits into the memory that may be used, before any is taken.

The embedded engine asks by itself. Real Caffe takes what it can get, so it is asked here before a net reaches it.
"""

import math
from typing import NamedTuple

from cellseg import memory
from cellseg.engine import updates
from cellseg.engine.caffe_schema import TEST, TRAIN
from cellseg.engine.follow import follow
from cellseg.engine.prototxt import read_solver
from cellseg.engine.survey import survey_net
from cellseg.errors import CellsegError

ADVICE = "make the net, its batch or its image smaller, or allow more with --memory"
_BYTES = 4  # a number
#: Layers whose tops share the memory of their bottoms.
_SHARE = ("Flatten", "Reshape", "Split")


class Part(NamedTuple):
    """What a layer takes.

    Attributes
    ----------
    layer : LayerParameter
    shapes : sequence of tuple of int
        Of its parameters.
    numbers : int
        In the tops that it makes.
    """

    layer: object
    shapes: tuple
    numbers: int


def check(parts, phase, histories=0):
    """Refuse a net that takes more memory than may be used.

    Counted is the least that it takes: parameters, in training also their gradients and what the solver remembers of
    them, and tops.

    Parameters
    ----------
    parts : iterable of Part
    phase : int
    histories : int
        Arrays that the solver keeps for each parameter.

    Raises
    ------
    CellsegError
        With the layer that takes most.
    """
    arrays = 1 + (phase == TRAIN) + histories
    takes, named = [], set()
    for layer, shapes, numbers in parts:
        names = [spec.name for spec in layer.param] + [""] * len(shapes)
        own = [math.prod(shape) for shape, name in zip(shapes, names) if name not in named]
        named.update(filter(None, names))
        takes.append((_BYTES * (arrays * sum(own) + numbers), layer))
    whole, most = sum(size for size, _ in takes), memory.limit()
    if whole > most:
        size, layer = max(takes, key=lambda one: one[0])
        raise CellsegError(
            f"the net takes at least {memory.shown(whole)} of memory, {memory.shown(size)} of it layer "
            f"'{layer.name}' ({layer.type}), and {memory.shown(most)} may be used; {ADVICE}"
        )


def check_net(path, shape=None, phase=TEST, histories=0):
    """Refuse a net prototxt that takes more memory than may be used.

    What cannot be known of it counts nothing, and what is wrong with it is left to Caffe to say.

    Parameters
    ----------
    path : str or path
    shape : tuple of int, optional
        Of the first input, in place of the net's own.
    phase, histories : int
        As of `check`.

    Raises
    ------
    CellsegError
        With the file, and the layer that takes most.
    """
    try:
        parts = list(_parts(follow(survey_net(path)[0], phase, shape)))
    except CellsegError:
        return
    try:
        check(parts, phase, histories)
    except CellsegError as error:
        raise CellsegError(f"{path}: {error}") from error


def check_solver(path, shape):
    """The same of the net that a solver prototxt trains, for a batch of this shape."""
    solver = read_solver(path)
    _, histories = updates.TYPES.get(solver.type, (None, 0))
    check_net(solver.net or solver.train_net, shape, TRAIN, histories)


def _parts(followed):
    for number, layer in enumerate(followed.layers):
        step = followed.steps.get(number)
        if number in followed.sources:
            sizes = [followed.inputs[top] or (0,) for top in layer.top]
        elif step and layer.type not in _SHARE:
            sizes = [size for top, size in zip(step.tops, step.top_shapes) if top not in layer.bottom]
        else:
            sizes = []
        yield Part(layer, tuple(step.layer.shapes) if step else (), sum(map(math.prod, sizes)))
