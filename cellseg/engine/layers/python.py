"""Python: a layer that is a class in a module of the user's, which the net names."""

from cellseg.engine.later import later
from cellseg.engine.layers.base import Layer
from cellseg.errors import CellsegError

_user = later("cellseg.engine.torch.python_layer")
TRAIN = 0


class Python(Layer):
    """A class of the user's, with the methods `setup`, `reshape`, `forward` and `backward`.

    Its module is imported when a net that runs is built, and at no other time: what follows a net without running it
    refuses it.
    """

    BOTTOMS = TOPS = (0, None)
    WORKS_ON_BLOBS = True
    STARTS_ANEW = True

    def connect(self, bottoms, tops):
        self.bottoms, self.tops = bottoms, tops

    def setup(self, bottom_shapes):
        """Import the module, make the object, and let it set itself up."""
        p = self.parameter.python_param
        if not hasattr(self, "tops"):
            self.fail(f"runs the module '{p.module}', and cannot be followed without running it")
        self.object = _user.make(self)
        self._call("setup", self.bottoms, self.tops)
        self.params = self.object.blobs
        self.shapes = [blob.shape for blob in self.params]

    def open(self):
        """Nothing: `setup` has made the parameters."""

    def reshape(self, bottom_shapes):
        self._call("reshape", self.bottoms, self.tops)
        return [top.shape for top in self.tops]

    def forward(self, bottoms, weights, down, learn):
        self._down = list(down)
        self._call("forward", self.bottoms, self.tops)
        return [top.tensor for top in self.tops]

    def backward(self, top_gradients):
        """Let the object write the gradients of bottoms and of its parameters."""
        self._call("backward", self.tops, self._down, self.bottoms)
        return [bottom.gradient for bottom in self.bottoms], [None] * len(self.params)

    def _call(self, method, *arguments):
        _user.call(self, method, *arguments)


def refuse_code(layers, name):
    """Refuse a net with a layer that would run code: models are data.

    Parameters
    ----------
    layers : sequence of LayerParameter
    name : str or path
        What to call the net: its file.

    Raises
    ------
    CellsegError
    """
    for layer in layers:
        if layer.type == "Python":
            raise CellsegError(
                f"{name}: layer '{layer.name}' runs code (the Python module '{layer.python_param.module}'), but a "
                "model is data; if you trust it, run the net in a script, with cellseg.engine.load"
            )
