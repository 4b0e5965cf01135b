"""What the classes of Python layers derive from, and calling them: pycaffe's ``caffe.Layer``."""

import importlib
import sys
import traceback

from cellseg.engine.torch.blob import Blob
from cellseg.errors import CellsegError


class Blobs(list):
    """A list of parameters that can grow."""

    def add_blob(self, *shape):
        """Have one more parameter, of zeros.

        Parameters
        ----------
        *shape : int

        Returns
        -------
        Blob
        """
        self.append(Blob(shape))
        return self[-1]


class Layer:
    """A layer in Python. A subclass has the methods that its net calls, which get lists of blobs.

    `setup` (bottom, top) once; `reshape` (bottom, top) before each pass, to give the tops their shapes; `forward`
    (bottom, top) to fill the tops' ``data``; `backward` (top, propagate_down, bottom) to fill the ``diff`` of the
    bottoms for which `propagate_down` is true, and to add to that of `blobs`.

    Parameters
    ----------
    parameter : LayerParameter
        Its part of the net prototxt.

    Attributes
    ----------
    param_str : str
        The text that the prototxt gives it.
    phase : int
        `TRAIN` (0) or `TEST` (1).
    blobs : Blobs
        Its parameters; `setup` may add some.
    type : str
        "Python".
    """

    type = "Python"

    def __init__(self, parameter):
        self.blobs = Blobs()
        self.param_str, self.phase = parameter.python_param.param_str, parameter.phase

    @property
    def param_str_(self):
        """str: `param_str` as scripts from before Caffe 1.0 call it."""
        return self.param_str


class PythonLayerError(CellsegError):
    """What a user's own layer has raised, in one line; `details` is its traceback."""

    def __init__(self, message, error):
        super().__init__(message)
        self.details = "".join(traceback.format_exception(error)).rstrip()


def make(layer):
    """Import the module that a layer names, and make an object of its class.

    The folder of the script, or the working folder of ``python -m``, and those of ``PYTHONPATH`` are looked through, as
    by any import. From now on ``import caffe`` gives the engine, unless the process has a Caffe already.

    Parameters
    ----------
    layer : cellseg.engine.layers.python.Python

    Returns
    -------
    Layer

    Raises
    ------
    CellsegError
        If it cannot be imported, or the module has no such class.
    """
    p = layer.parameter.python_param
    if not p.module or not p.layer:
        layer.fail("python_param gives no module or no layer; name a module and a class in it")
    if "caffe" not in sys.modules:
        place = importlib.import_module("cellseg.engine.pycaffe.place")  # it imports this module
        place.put(importlib.import_module("cellseg.engine.pycaffe"))
    if importlib.util.find_spec(p.module.partition(".")[0]) is None:
        layer.fail(f"there is no module '{p.module}' on Python's path; add its folder to PYTHONPATH")
    module = _own(layer, f"module '{p.module}'", importlib.import_module, p.module)
    kind = getattr(module, p.layer, None)
    if not (isinstance(kind, type) and issubclass(kind, Layer)):
        layer.fail(f"module '{p.module}' has no class '{p.layer}' that derives from this engine's caffe.Layer")
    made = _own(layer, f"{p.module}.{p.layer}", kind, layer.parameter)
    if not hasattr(made, "blobs"):
        layer.fail(f"{p.module}.{p.layer}.__init__ must call caffe.Layer.__init__(self, parameter)")
    made.param_str, made.phase = p.param_str, layer.phase
    return made


def call(layer, method, *arguments):
    """Call a method of a layer's object.

    Raises
    ------
    CellsegError
        One line that names layer, module, method and what was raised.
    """
    p = layer.parameter.python_param
    function = getattr(layer.object, method, None)
    if function is None:
        layer.fail(f"class {p.module}.{p.layer} has no method '{method}'")
    _own(layer, f"{p.module}.{p.layer}.{method}", function, *arguments)


def _own(layer, what, function, *arguments):
    """Call code of the user's."""
    try:
        return function(*arguments)
    except Exception as error:
        error.with_traceback(error.__traceback__.tb_next)  # from the user's first line on
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise PythonLayerError(f"layer '{layer.name}' (Python): {what} raised {said}", error) from error
