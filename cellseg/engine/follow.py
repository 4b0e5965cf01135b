"""Following a net from its inputs on as far as shapes are known, past all that the engine does not support."""

from fractions import Fraction
from typing import NamedTuple

from cellseg.engine.graph import included
from cellseg.engine.layers import TYPES, make
from cellseg.engine.layers.forks import FORKS
from cellseg.engine.survey import Problem
from cellseg.engine.tracing import Step, step
from cellseg.errors import CellsegError

_IMAGE = (Fraction(1), Fraction(1))


class Followed(NamedTuple):
    """A net, followed as far as its shapes are known.

    Attributes
    ----------
    phase : int
    inputs : dict of str to (tuple of int or None)
        Tops of layers without bottoms, and their shapes.
    steps : dict of int to cellseg.engine.tracing.Step
        By the number of the layer: those whose shapes are known.
    layers : list of LayerParameter
        Of the phase.
    sources : set of int
        Numbers of the layers without bottoms.
    problems : list of cellseg.engine.survey.Problem
        What layers refuse about their bottoms and fields.
    notes : list of str
        Why shapes are not known.
    """

    phase: int
    inputs: dict
    steps: dict[int, Step]
    layers: list
    sources: set
    problems: list
    notes: list


def follow(net, phase, shape=None):
    """Follow a net of one phase from its inputs on, and go on after layers that fail.

    Parameters
    ----------
    net : NetParameter
        As from `cellseg.engine.survey`.
    phase : int
    shape : tuple of int, optional
        Of the first input.

    Returns
    -------
    Followed

    Raises
    ------
    CellsegError
        If a layer has rules to include and to exclude it.
    """
    layers = list(included(net, phase, net.state.level, net.state.stage).layer)
    found, known, numbers = Followed(phase, {}, {}, layers, set(), [], []), {}, {}
    unknown = set()
    for number, parameter in enumerate(layers):
        if not parameter.bottom:
            found.sources.add(number)
            given = None if found.inputs else shape
            shapes = [given] if given else _input_shapes(parameter, found)
            _take_inputs(found, known, unknown, parameter.top, shapes)
            continue
        if parameter.type == "Python":
            found.notes.append(f"layer '{parameter.name}' is code, so the shapes of its tops are not known")
        if not is_known(parameter) or parameter.type == "Python":
            unknown.update(parameter.top)
            continue
        layer = make(parameter, phase)
        lost = [name for name in parameter.bottom if name not in known]
        stray = [name for name in lost if name not in unknown]
        if stray:
            what = f"layer '{layer.name}' ({layer.type}): its bottom '{stray[0]}' is no top of an earlier layer"
            found.problems.append(Problem(what))
        if lost:
            unknown.update(parameter.top)
            continue
        try:
            made = _shaped(layer, [known[name] for name in parameter.bottom])
        except CellsegError as error:
            found.problems.append(Problem(str(error)))
            unknown.update(parameter.top)
            continue
        found.steps[number], numbers[number] = made, len(numbers)
        tops = enumerate(zip(made.tops, made.top_shapes))
        known.update({name: (numbers[number], place, side, made.strides) for place, (name, side) in tops})
    return found


def is_known(parameter):
    """Whether the engine has a layer's type."""
    return parameter.type in (FORKS[parameter.fork].types if parameter.fork else TYPES)


def _shaped(layer, before):
    if layer.TOPS == (0, 0):
        return Step(layer, tuple(layer.parameter.bottom), (), tuple(one[:2] for one in before), (), before[0][3])
    if not layer.SHAPED_BY_FILES:
        return step(layer, before)
    layer.check_numbers()
    layer.setup([one[2] for one in before])
    layer.open()
    return step(layer, before)


def _input_shapes(parameter, found):
    """Shapes of the tops of a layer without bottoms, as far as it says them; one with files opens them."""
    if not is_known(parameter):
        return []
    layer = make(parameter, found.phase)
    try:
        layer.check_numbers()
        layer.setup([])
        if layer.SHAPED_BY_FILES:
            layer.open()
        return [tuple(one) or None for one in layer.reshape([])]
    except CellsegError as error:
        found.notes.append(str(error))
        return []


def _take_inputs(found, known, unknown, tops, shapes):
    """Take the tops of a layer without bottoms; those without a shape are not known."""
    for number, top in enumerate(tops):
        shape = shapes[number] if number < len(shapes) else None
        found.inputs[top] = shape
        if shape:
            known[top] = (-1, 0, shape, _IMAGE)
        else:
            unknown.add(top)
            found.notes.append(f"the shape of '{top}' is not known" + "; --shape says it" * (len(found.inputs) == 1))
