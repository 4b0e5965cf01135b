"""Reading and writing Caffe's text files: nets and solvers."""

import difflib
import re
from pathlib import Path

import numpy as np
from google.protobuf import text_format

from cellseg.engine import elsewhere, fork_schema, forks
from cellseg.engine.caffe_schema import MESSAGES
from cellseg.engine.upgrade import upgrade_net, upgrade_solver
from cellseg.errors import CellsegError

# Caffe's own tokens: protobuf's Python parser takes more (1_0, 0b1, +1, exotic spaces) and knows fewer escapes.
_ESCAPE = r"\\(?:[abfnrtv\\'\"]|[0-3][0-7]{2}|[0-7]{1,2}(?![0-7])|[xX][0-9a-fA-F]{1,2})"
_DECIMAL = r"(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)"
#: One token of a prototxt, or the space between two.
TOKEN = re.compile(
    "|".join(
        [
            r"[ \n\t\r\v\f]+",
            r"#[^\n\0]*",
            r"[A-Za-z_][A-Za-z0-9_]*",
            rf"(?P<number>0[xX][0-9a-fA-F]+|0[0-7]+|{_DECIMAL}(?:[eE][+-]?[0-9]+)?[fF]?)(?![A-Za-z0-9_.])",
            *(rf"{quote}[^{quote}\\\n\0]*(?:{_ESCAPE}[^{quote}\\\n\0]*)*{quote}" for quote in "\"'"),
            r"[][{}<>:,;.-]",
        ]
    )
)
_LONGEST_NUMBER = 1000
_PRINTED_FLOAT = re.compile(r"^( *\w+: )(-?[0-9]+(?:\.[0-9]+(?:e[+-]?[0-9]+)?|e[+-]?[0-9]+))$", re.MULTILINE)


def parse(text, message_class, name):
    """Read a text as a message, as strictly as Caffe does.

    What Caffe takes and this refuses: texts that are not UTF-8, the escapes ``\\u``, ``\\U`` and ``\\?``, a space
    between a minus and its number, and numbers of more than 1000 digits.

    Parameters
    ----------
    text : str or bytes
        Bytes that are not UTF-8 may stand in comments only.
    message_class : type
        One of `cellseg.engine.caffe_schema.MESSAGES`.
    name : str or path
        What to call the text in errors: its file.

    Returns
    -------
    message_class

    Raises
    ------
    CellsegError
        With name, line and column (from 1, a tab is one) of the first mistake: of syntax, a field that the message
        does not have or has already, a value that the field does not take.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    _check_tokens(text, name)
    message = message_class()
    try:
        text_format.Parse(text, message)
    except text_format.ParseError as error:
        line, column = error.GetLine() or 1, error.GetColumn() or 1
        raise _error(name, line, column, _explained(error, text.split("\n")[line - 1], message)) from error
    missing = message.FindInitializationErrors()
    if missing:
        raise CellsegError(f"{name}: {missing[0]} is missing; Caffe needs it")
    return message


def read_net(path):
    """Read a net prototxt; one of an older form is brought up to date (`cellseg.engine.upgrade`).

    If it uses layers or fields that forks of Caffe added, each layer says of which it is (`cellseg.engine.forks`).

    Parameters
    ----------
    path : str or path

    Returns
    -------
    caffe_schema.NetParameter, or that of `cellseg.engine.fork_schema`
        With at least one `layer`, and without `layers`, `input`, `input_shape` and `input_dim`.

    Raises
    ------
    CellsegError
        If it cannot be read or upgraded, or has no layers.
    """
    net = _parsed(path, "NetParameter", lambda read: [read])
    upgrade_net(net, path)
    if not net.layer:
        raise CellsegError(f"{path}: holds no layers; give a net prototxt")
    _choose([net], path)
    return net


def read_solver(path):
    """Read a solver prototxt; one of an older form is brought up to date (`cellseg.engine.upgrade`).

    Parameters
    ----------
    path : str or path

    Returns
    -------
    caffe_schema.SolverParameter, or that of `cellseg.engine.fork_schema`
        With `snapshot_prefix`, and exactly one of `net`, `net_param`, `train_net` and `train_net_param`.

    Raises
    ------
    CellsegError
        If it cannot be read or upgraded, or does not give one net to train.
    """
    solver = _parsed(path, "SolverParameter", _nets)
    fields = ("net", "net_param", "train_net", "train_net_param")
    given = [field for field in fields if solver.HasField(field) and getattr(solver, field) != ""]
    if not given:
        raise CellsegError(f'{path}: a solver without a net; add a line net: "..." with the path of a net prototxt')
    if len(given) > 1:
        raise CellsegError(f"{path}: gives the net to train twice ({' and '.join(given)}); keep one")
    upgrade_solver(solver, path)
    _choose(_nets(solver), path)
    return solver


def _nets(solver):
    """The nets that a solver holds."""
    return [solver.net_param, solver.train_net_param, *solver.test_net_param]


def _parsed(path, name, nets):
    """A file as a message of stock Caffe's schema, or of that with the forks' fields if it needs those.

    `nets` finds the nets in it. Of two errors the one that stands later in the file counts.
    """
    content = read_text(path)
    try:
        stock = parse(content, MESSAGES[name], path)
    except CellsegError as error:
        if not re.search(" has no field '| is none of ", str(error)):
            raise
        try:
            return parse(content, fork_schema.messages()[name], path)
        except CellsegError as other:
            raise max(error, other, key=lambda one: getattr(one, "place", (0, 0))) from None
    if not any(map(forks.needed, nets(stock))):
        return stock
    return fork_schema.messages()[name].FromString(stock.SerializeToString())


def _choose(nets, path):
    for net in nets:
        if not isinstance(net, MESSAGES["NetParameter"]):
            forks.choose(net, path)


def to_text(message):
    """A message as the text of a prototxt, as Caffe prints it.

    Parameters
    ----------
    message : protobuf message

    Returns
    -------
    str
        ASCII; `parse` gives the same message back.
    """
    return _PRINTED_FLOAT.sub(_as_caffe_prints, text_format.MessageToString(message, as_utf8=False))


def _as_caffe_prints(match):
    """A number with the digits that every float has (6, a double 15), or with all (9, 17) if these do not suffice."""
    few, all_, kind = (15, 17, np.float64) if "double" in match[1] else (6, 9, np.float32)
    value = kind(match[2])
    short = f"{value:.{few}g}"
    subnormal = kind is np.float32 and 0 < abs(value) < np.finfo(kind).tiny
    return match[1] + (short if kind(short) == value and not subnormal else f"{value:.{all_}g}")


def read_text(path):
    """A file's bytes, or only the first ones of a file that is no text."""
    try:
        with open(Path(path), "rb") as file:
            start = file.read(1 << 16)
            return start if b"\0" in start else start + file.read()
    except (OSError, ValueError) as error:
        raise CellsegError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error


def _check_tokens(text, name):
    position = 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None or len(match["number"] or "") > _LONGEST_NUMBER:
            line, column = text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
            raise _error(name, line, column, _unknown_token(text[position : position + 20]))
        position = match.end()


def _unknown_token(text):
    shown = repr(text.split("\n")[0])
    if text[0] in "\"'":
        return f"the text {shown} has no end on its line, or an unknown escape"
    if text[0] == "\ufeff":
        return "a byte order mark, which Caffe does not take; save the file as plain UTF-8"
    if not text[0].isprintable():
        return f"the character {text[0]!r} does not belong in a prototxt; give a text file"
    return f"{shown} is not understood"


def _explained(error, line, message):
    """What protobuf's parser found wrong, without the place and the line that it quotes."""
    text = re.sub(r"^\d+(:\d+)? : ", "", str(error))
    for quoted in (f"'{line}': ", "'': "):
        text = text[len(quoted) :] if text.startswith(quoted) else text
    unknown = re.match(r'Message type "caffe\.(\w+)" has no field named "([^"]*)"', text)
    if unknown:
        return f"{unknown[1]} has no field '{unknown[2]}'{_hint(message, *unknown.groups())}"
    twice = re.match(r'Message type "caffe\.(\w+)" should not have multiple "(\w+)" fields', text)
    if twice:
        return f"{twice[1]} takes one '{twice[2]}', and this is the second"
    value = re.match(r'Enum type "caffe\.([\w.]+)" has no value (?:named|with number) (.*)\.', text)
    if value:
        scope, _, name = value[1].rpartition(".")
        enums = message.DESCRIPTOR.file.message_types_by_name[scope] if scope else message.DESCRIPTOR.file
        origin = elsewhere.of_old_type(value[2]) if name == "LayerType" else ""
        known = ", ".join(enums.enum_types_by_name[name].values_by_name)
        return f"{value[2]}{origin and f', a type of {origin},'} is none of {known}"
    if "codec can't" in text:
        return "a text that is not UTF-8"
    return text.replace("caffe.", "").rstrip(".")


def _hint(message, owner, field):
    """What may be meant by a field that a message does not have: a fork's, or one of nearly that name."""
    fork, instead = elsewhere.of_field(owner, field)
    if fork:
        return f", which is of {fork}" + (f"; today it is '{instead}'" if instead else "")
    fields = message.DESCRIPTOR.file.message_types_by_name[owner].fields_by_name
    close = difflib.get_close_matches(field, list(fields), 1)
    return f"; is it '{close[0]}'?" if close else ""


def _error(name, line, column, message):
    """A CellsegError of one printable line, whatever the text holds."""
    message = message if len(message) < 300 else f"{message[:300]}..."
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in f"{name}:{line}:{column}: {message}")
    made = CellsegError(shown)
    made.place = line, column
    return made
