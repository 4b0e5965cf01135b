"""Which fork of Caffe each layer of a net is of: chosen by its type and the fields that it uses.

``CELLSEG_FORK`` names a fork to take wherever it has the layer; commands set it by ``--fork``.
"""

import os

from cellseg.engine.fork_option import VARIABLE
from cellseg.engine.fork_schema import added
from cellseg.engine.layers import TYPES
from cellseg.engine.layers.forks import FORKS
from cellseg.errors import CellsegError


def wanted():
    """The fork that the user names, or an empty string.

    Raises
    ------
    CellsegError
        If there is none of that name.
    """
    name = os.environ.get(VARIABLE, "")
    if name and name not in FORKS:
        raise CellsegError(f"no fork is called '{name}'; there are: {', '.join(FORKS)}")
    return name


def needed(net):
    """Whether a net that stock Caffe's schema can say has a layer type of a fork, or the user names a fork."""
    types = {layer.type for layer in net.layer} - set(TYPES)
    return bool(wanted()) or any(types & set(fork.types) for fork in FORKS.values())


def choose(net, name):
    """Set the field `fork` of the layers that are not stock Caffe's, in place.

    Parameters
    ----------
    net : NetParameter
        Of `cellseg.engine.fork_schema`.
    name : str or path
        What to call it in errors: its file.

    Raises
    ------
    CellsegError
        If no fork has a layer's type with its fields, or several differing ones have.
    """
    for problem in assign(net):
        raise CellsegError(f"{name}: {problem}")


def assign(net):
    """The same without an error.

    Parameters
    ----------
    net : NetParameter

    Returns
    -------
    list of str
        Why layers have no fork that fits: a line for each.
    """
    undecided, taken, preferred, problems = [], set(), wanted(), []
    for layer in net.layer:
        able, where = _able(layer), f"layer '{layer.name}' ({layer.type}): "
        if not able:
            problems.append(where + _misfit(layer))
            continue
        if layer.fork and layer.fork not in able:
            problems.append(f"{where}no layer of the fork '{layer.fork}'")
            layer.ClearField("fork")
            continue
        choices = [fork for fork in (layer.fork, preferred) if fork and fork in able]
        choices += able if len(able) == 1 or able[0] == "" else []
        if choices:
            layer.fork = choices[0]
            taken.add(layer.fork)
        else:
            undecided.append((layer, able))
    for layer, able in undecided:
        fitting = [fork for fork in able if fork in taken]
        if len(fitting) == 1:
            layer.fork = fitting[0]
        else:
            problems.append(
                f"layer '{layer.name}' ({layer.type}): the forks {' and '.join(able)} have such a layer, and they "
                "differ; say which by --fork NAME"
            )
    return problems


def _able(layer):
    """The forks that have a layer with its fields; an empty string for stock Caffe, and for what none has."""
    fields = added(layer)
    able = [fork for fork, one in FORKS.items() if layer.type in one.types and fields <= one.names]
    if not fields and (layer.type in TYPES or not able):
        able.insert(0, "")
    return able


def _misfit(layer):
    """Why no fork has a layer with its fields."""
    where = [f"{field} (of {', '.join(_having(message, field))})" for message, field in sorted(added(layer))]
    return f"no fork has this type with the fields {', '.join(where)}"


def _having(message, field):
    return [fork for fork, one in FORKS.items() if (message, field) in one.names]


def used(net):
    """The forks that a net's layers are of.

    Returns
    -------
    dict of str to list of str
        Fork to the types that are its.
    """
    found = {}
    for layer in net.layer:
        if getattr(layer, "fork", ""):
            types = found.setdefault(layer.fork, [])
            types += [layer.type] * (layer.type not in types)
    return found


def in_words(net):
    """What to tell the user of a net's forks: a line for each.

    Returns
    -------
    list of str
    """
    return [
        f"{', '.join(types)}: as in the fork '{fork}' ({FORKS[fork].about}); --fork NAME takes another"
        for fork, types in used(net).items()
    ]
