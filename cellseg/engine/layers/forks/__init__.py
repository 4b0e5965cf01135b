"""Layer types and fields that forks of Caffe added: a module for each fork, or for each family that shares its layers.

Each module holds `ABOUT`, which models need it; `FIELDS`, what it adds to Caffe's schema, in the form of the table of
`cellseg.engine.caffe_schema`, without numbers; and the layer types as public classes. Forks give different layers one
name; `cellseg.engine.forks` chooses for each layer of a net.
"""

import importlib
import pkgutil
import re
from typing import NamedTuple

from cellseg.engine.layers.base import Layer


class Fork(NamedTuple):
    """A fork.

    Attributes
    ----------
    about : str
        Which models need it.
    fields : str
        What it adds to the schema.
    types : dict of str to type
        Its layer classes by name.
    """

    about: str
    fields: str
    types: dict

    @property
    def names(self):
        """set of (str, str): messages and fields that it adds."""
        message, found = "", set()
        for line in self.fields.splitlines():
            words = line.split()
            if line[:1].strip():
                message = words[0]
            elif words and words[0] != "enum":
                found.add((message, words[1]))
        return found


def _forks():
    """The forks by name, that of their module; modules without fields are their helpers."""
    found = {}
    for _, name, _ in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{name}")
        if hasattr(module, "FIELDS"):
            classes = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Layer)]
            own = {one.__name__: one for one in classes if one.__module__.startswith(__name__)}
            own = {name: one for name, one in own.items() if name[0] != "_"}
            found[name] = Fork(module.ABOUT, module.FIELDS, own)
    return found


def old_name(name):
    """A layer type as files of the form V1 name it: ROIPooling is ROI_POOLING there."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).upper()


FORKS = _forks()
#: Types that forks added, by their old names.
OLD_NAMES = {old_name(name): name for fork in FORKS.values() for name in fork.types}
