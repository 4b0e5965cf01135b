"""Reading a prototxt to its end, whatever the engine does not know in it: all of that in one list."""

import re
from typing import NamedTuple

from cellseg.engine import elsewhere, fork_schema, forks
from cellseg.engine.layers import TYPES
from cellseg.engine.layers.forks import FORKS
from cellseg.engine.prototxt import TOKEN, parse, read_text
from cellseg.engine.upgrade import upgrade_net, upgrade_solver
from cellseg.errors import CellsegError

_MOST = 200  # unknown fields of one file
_UNKNOWN = re.compile(r"(?s).*?: (\w+) has no field '(.*?)'")
_NO_VALUE = re.compile(r".*?: (\w+)(?:, a type of .*?,)? is none of ")
_OPENING, _CLOSING = "{<[", "}>]"


class Problem(NamedTuple):
    """Something that the engine does not support.

    Attributes
    ----------
    what : str
        A line, with the place.
    origin : str
        The fork that has it, "stock Caffe", or an empty string where that is not known.
    """

    what: str
    origin: str = ""


def survey_net(path):
    """Read a net prototxt as `cellseg.engine.prototxt.read_net` does, but go on after what is not supported.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    net : NetParameter
        Without the fields that are not known. Layers of unknown types are in it.
    problems : list of Problem

    Raises
    ------
    CellsegError
        If the file cannot be read, is no prototxt, or is of an older form that cannot be brought up to date.
    """
    net, problems = _parsed(path, "NetParameter")
    try:
        upgrade_net(net, path)
    except CellsegError as error:
        if not problems:
            raise
        return type(net)(name=net.name), [*problems, Problem(str(error))]  # an old layer whose type is not known
    if not net.layer:
        raise CellsegError(f"{path}: holds no layers; give a net prototxt")
    return net, [*problems, *_of_layers(net)]


def survey_solver(path):
    """The same for a solver, as `cellseg.engine.prototxt.read_solver` reads it; also for nets in it."""
    solver, problems = _parsed(path, "SolverParameter")
    upgrade_solver(solver, path)
    for net in (solver.net_param, solver.train_net_param, *solver.test_net_param):
        problems += _of_layers(net)
    return solver, problems


def _of_layers(net):
    """What is not supported about the types of layers."""
    problems = [Problem(line) for line in forks.assign(net)]
    known = {*TYPES, *(name for fork in FORKS.values() for name in fork.types)}
    for layer in net.layer:
        if layer.type not in known:
            what = f"layer '{layer.name}': the type '{layer.type}' is not supported"
            problems.append(Problem(what, elsewhere.of_type(layer.type)))
    return list(dict.fromkeys(problems))


def _parsed(path, name):
    """A file as a message of the schema with the forks' fields, and what had to be left out."""
    content, problems = read_text(path), []
    text = content.decode("utf-8", "surrogateescape")
    while True:
        try:
            return parse(text, fork_schema.messages()[name], path), problems
        except CellsegError as error:
            field, value = _UNKNOWN.match(str(error)), _NO_VALUE.match(str(error))
            if not (field or value) or not hasattr(error, "place") or len(problems) >= _MOST:
                raise
            origin = elsewhere.of_field(*field.groups())[0] if field else elsewhere.of_old_type(value[1])
            problems.append(Problem(_without_file(error, path), origin))
            text = _without(text, error.place, is_value=not field)


def _without_file(error, path):
    line, column, words = str(error).removeprefix(f"{path}:").split(":", 2)
    return f"line {line}, column {column}:{words}"


def _without(text, place, is_value):
    """A text in which spaces stand for the field at a line and column, or for the one whose value stands there."""
    tokens = [match for match in TOKEN.finditer(text) if not match[0].isspace() and match[0][0] != "#"]
    line, column = place
    offset = sum(len(one) + 1 for one in text.split("\n")[: line - 1]) + column - 1
    first = next(number for number, token in enumerate(tokens) if token.start() >= offset)
    if is_value:
        first = max(number for number in range(first) if tokens[number][0][0].isalpha())
    last = _end(tokens, first)
    start, end = tokens[first].start(), tokens[last].end()
    return text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]


def _end(tokens, first):
    """The last token of the field that starts at a token."""
    number, depth = first + 1, 0
    while number < len(tokens):
        word = tokens[number][0]
        depth += (word in _OPENING) - (word in _CLOSING)
        if depth <= 0 and word not in (":", "-"):
            break
        number += 1
    while number + 1 < len(tokens) and tokens[number][0][0] in "\"'" and tokens[number + 1][0][0] in "\"'":
        number += 1
    return min(number, len(tokens) - 1)
