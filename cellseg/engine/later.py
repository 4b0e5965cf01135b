"""PyTorch, imported when a layer first computes.

What only asks layers for shapes, fields or ONNX forms neither needs PyTorch nor waits for it. Runs on Python 3.9 too.
"""

import importlib


class later:
    """A module, or an object in it, that is imported when one of its attributes is first asked for.

    Parameters
    ----------
    module : str
    name : str, optional
        Of the object.
    """

    def __init__(self, module, name=None):
        self._module, self._name = module, name

    def __getattr__(self, attribute):
        found = importlib.import_module(self._module)
        return getattr(getattr(found, self._name) if self._name else found, attribute)


torch, functional = later("torch"), later("torch.nn.functional")
#: `cellseg.engine.torch.context.context`
context = later("cellseg.engine.torch.context", "context")
