"""Caffe's schema with the fields that forks added, for texts that hold some.

Forks give one number to different fields. Texts do not show them; what is written in binary form has numbers here that
no fork has, so that every Caffe passes over those fields.
"""

import functools
import itertools
import re

from cellseg.engine import caffe_schema
from cellseg.engine.layers.forks import FORKS, OLD_NAMES

#: The first of the numbers of these fields.
FIRST = 20000
# Which fork a layer is of: a text may say it, `cellseg.engine.forks` does.
_CHOICE = "\nLayerParameter\n    string fork\n"


@functools.cache
def messages():
    """The message classes.

    Returns
    -------
    dict of str to type
        Caffe's and those of forks, by name; of a pool of their own.
    """
    numbers = itertools.count(FIRST)
    tables = "\n".join([_CHOICE, *(fork.fields for fork in FORKS.values())])
    tables += tables.replace("\nLayerParameter\n", "\nV1LayerParameter\n") + _old_types()
    return caffe_schema.build(re.sub(r"(?m)^    (?!enum )", lambda _: f"    {next(numbers)} ", tables))


def _old_types():
    """The types of forks as values of the enum that files of the form V1 use."""
    values = (f"{name}={number}" for number, name in enumerate(OLD_NAMES, start=FIRST))
    return f"\nV1LayerParameter\n    enum LayerType {' '.join(values)}\n"


def net_class(layers):
    """The class of nets that can hold some layers.

    Parameters
    ----------
    layers : list of LayerParameter
        All of one schema.

    Returns
    -------
    type
    """
    stock = all(isinstance(layer, caffe_schema.LayerParameter) for layer in layers)
    return caffe_schema.NetParameter if stock else messages()["NetParameter"]


def added(message):
    """The fields that forks added and that a message uses, in what it holds, too.

    Returns
    -------
    set of (str, str)
        Names of message and field.
    """
    found = set()
    for field, value in message.ListFields():
        if field.number >= FIRST and field.name != "fork":
            found.add((message.DESCRIPTOR.name, field.name))
        if field.message_type:
            for part in value if hasattr(value, "extend") else [value]:
                found |= added(part)
    return found
