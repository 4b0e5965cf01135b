"""A net prototxt: inputs, layers with their shapes, parameters, receptive fields, memory, multiply-adds, problems."""

import math

from cellseg.engine import forks
from cellseg.engine.caffe_schema import TEST, TRAIN
from cellseg.engine.follow import follow, is_known
from cellseg.engine.geometry import field
from cellseg.engine.graph import included
from cellseg.engine.layers import make
from cellseg.engine.survey import survey_net
from cellseg.errors import CellsegError

PHASES = ("TRAIN", "TEST")
_BYTES = 4  # a number


def inspect_net(path, phase=None, shape=None):
    """What a net prototxt holds.

    Parameters
    ----------
    path : str or path
    phase : {"TRAIN", "TEST"}, optional
        By default TRAIN for nets with a loss, else TEST.
    shape : tuple of int, optional
        Of the first input, in place of the net's own.

    Returns
    -------
    dict
        Plain values, as `cellseg inspect --json` prints them.

    Raises
    ------
    CellsegError
        If the file is no net prototxt; what the engine does not support is in the result.
    """
    net, problems = survey_net(path)
    phase = _phase(net) if phase is None else PHASES.index(phase)
    try:
        followed = follow(net, phase, shape)
    except CellsegError as error:
        raise CellsegError(f"{path}: {error}") from error
    if any(one.what.startswith("line ") for one in problems):
        followed.notes.append("what is not supported is left out: other shapes may follow from it")
    unsupported = [one._asdict() for one in [*problems, *followed.problems]]
    return {"kind": "net", "name": net.name, **facts(net, followed), "unsupported": unsupported}


def facts(net, followed):
    """What can be said of a net that was followed.

    Parameters
    ----------
    net : NetParameter
    followed : Followed

    Returns
    -------
    dict
    """
    steps, rows = followed.steps, [_row(followed, number) for number in range(len(followed.layers))]
    parameters = _parameters(followed)
    numbers = sum(math.prod(shape) for shape, _ in parameters)
    known = len(steps) + len(followed.sources) == len(rows) and not followed.notes
    return {
        "phase": PHASES[followed.phase],
        "inputs": {name: shape and list(shape) for name, shape in followed.inputs.items()},
        "layers": rows,
        "layers_of_other_phases": len(net.layer) - len(rows),
        "forks": forks.used(net),
        "parameters": numbers,
        "trainable": sum(math.prod(shape) for shape, learns in parameters if learns),
        "multiply_adds": sum(row["multiply_adds"] for row in rows),
        "bytes_of_a_forward_pass": _BYTES * (numbers + _values(followed)),
        "bytes_of_a_training_pass": 2 * _BYTES * (numbers + _values(followed)),
        "all_shapes_known": known,
        "outputs": _outputs(followed),
        "notes": followed.notes,
    }


def _phase(net):
    """TRAIN for a net with a loss, else TEST."""
    layers = included(net, TRAIN).layer
    losses = [layer for layer in layers if (make(layer, TRAIN).LOSS if is_known(layer) else "Loss" in layer.type)]
    return TRAIN if losses else TEST


def _row(followed, number):
    layer, made = followed.layers[number], followed.steps.get(number)
    shapes = [list(shape) for shape in made.top_shapes] if made else None
    if number in followed.sources:
        shapes = [followed.inputs[top] and list(followed.inputs[top]) for top in layer.top]
    return {
        "name": layer.name,
        "type": layer.type,
        "fork": layer.fork,
        "bottoms": list(layer.bottom),
        "tops": list(layer.top),
        "shapes": shapes,
        "parameters": [list(shape) for shape in made.shapes] if made else [],
        "multiply_adds": made.layer.products(_bottom_shapes(followed, made), made.top_shapes) if made else 0,
    }


def _bottom_shapes(followed, made):
    steps = list(followed.steps.values())
    inputs = iter([followed.inputs.get(name) for name in made.layer.parameter.bottom])
    return [steps[step].top_shapes[top] if step >= 0 else given for (step, top), given in zip(made.sources, inputs)]


def _parameters(followed):
    """The shape of each parameter and whether it is learnt; one that layers share counts once."""
    found, named = [], set()
    for made in followed.steps.values():
        specs = list(made.layer.parameter.param)
        for number, shape in enumerate(made.shapes):
            name = specs[number].name if number < len(specs) else ""
            if name not in named:
                found.append((shape, number >= len(specs) or specs[number].lr_mult != 0))
            named.update(filter(None, [name]))
    return found


def _values(followed):
    """How many numbers the blobs hold; a layer in place makes none."""
    sizes = {name: math.prod(shape) for name, shape in followed.inputs.items() if shape is not None}
    for made in followed.steps.values():
        sizes.update({name: math.prod(shape) for name, shape in zip(made.tops, made.top_shapes)})
    return sum(sizes.values())


def _outputs(followed):
    """Blobs that no layer reads: shape; for images also the stride, and the side of what a unit sees."""
    unread = {}
    for number, layer in enumerate(followed.layers):
        for name in layer.bottom:
            unread.pop(name, None)
        unread.update({name: (followed.steps.get(number), place) for place, name in enumerate(layer.top)})
    steps, found = list(followed.steps.values()), {}
    for name, (made, place) in unread.items():
        facts = {"shape": None}
        if made and made.top_shapes:
            facts["shape"] = list(made.top_shapes[place])
            if place == 0 and len(made.top_shapes[0]) == 4:
                seen = field(steps, made)
                strides = [float(side) if side.denominator > 1 else int(side) for side in made.strides]
                facts.update(stride=strides, sees=None if math.isinf(seen) else int(seen))
        found[name] = facts
    return found
