"""What every layer type says about itself: fields, shapes, what it sees, how it runs, its gradient, its ONNX form."""

import math

from cellseg.engine.later import context, later, torch
from cellseg.errors import CellsegError

#: A range of rows or columns: all of them, at every size.
EVERYTHING = (-float("inf"), float("inf"))

_blob, _fillers = later("cellseg.engine.torch.blob"), later("cellseg.engine.torch.fillers")


class Layer:
    """One layer of a net.

    A layer type is a subclass. It needs two methods to run: `reshape`, from bottom shapes to top shapes, and `compute`,
    from bottom tensors to top tensors in differentiable operations. The backward pass follows from `compute`; a layer
    that knows a cheaper one overrides `forward` and `backward`. Two more methods say what the rest of the package
    asks: `sees` (or just `whole`), which rows and columns of the bottoms a value of the top depends on, and `onnx`,
    the same function as ONNX nodes.

    Making a layer, `setup` and `reshape` do not need PyTorch; `open` and the passes do.

    Parameters
    ----------
    parameter : LayerParameter
        Its part of the net prototxt.
    phase : int
        `cellseg.engine.torch.TRAIN` (0) or `TEST` (1).

    Attributes
    ----------
    name, type : str
    shapes : list of tuple of int
        Of its parameters, known after `setup`.
    params : list of Blob
        Its parameters, made in `open`.
    """

    #: Least and largest number of bottoms and of tops (None: any).
    BOTTOMS = (1, 1)
    TOPS = (1, 1)
    #: A loss layer: its first top has loss weight 1 unless the prototxt says otherwise.
    LOSS = False
    #: It compares scores with labels; nets for use do without.
    SCORES = False
    #: Whether it gives rows that it picks by comparing numbers, so that rounding decides which.
    PICKS = False
    #: Whether its second bottom holds regions of the images in the first.
    REGIONS = False
    #: Indices of the bottoms to which nothing can be propagated (labels).
    NO_GRADIENT = ()
    #: Whether `backward` reads the values of the tops, so that the next layer must not overwrite them.
    BACKWARD_NEEDS_TOPS = True
    #: Number of classes that the labels, its second bottom, are of, and the label that is passed over.
    classes = ignored = None
    #: Whether `open` comes before `reshape`, which asks the layer's files.
    SHAPED_BY_FILES = False
    #: Whether it reads and writes the blobs of its bottoms and tops itself (`connect`). It is shaped before each pass,
    #: and its tops keep what they hold.
    WORKS_ON_BLOBS = False
    #: Whether a resumed run finds it as at the start, because what it holds beside parameters is not kept.
    STARTS_ANEW = False
    #: Whether a bottom may be its own top.
    MAY_BE_IN_PLACE = True
    #: Of neighbouring units of the top in the bottom, for rows and columns; a fraction where the layer enlarges.
    stride = (1, 1)
    #: Of its window, for rows and columns.
    kernel = None

    def __init__(self, parameter, phase):
        self.parameter = parameter
        self.name, self.type, self.phase = parameter.name, parameter.type, phase
        self.shapes, self.params = [], []
        self._fillers = []
        self._graph = None

    def check_numbers(self):
        """Refuse a number of bottoms or tops that the type does not take; a loss may leave its top out."""
        tops = list(self.parameter.top) or ["(automatic)"] * self.LOSS
        for kind, names, bounds in (("bottom", self.parameter.bottom, self.BOTTOMS), ("top", tops, self.TOPS)):
            least, most = bounds
            if len(names) < least or (most is not None and len(names) > most):
                upto = "" if least == most else " or more" if most is None else f" to {most}"
                self.fail(f"takes {least}{upto} {kind}s, has {len(names)}")

    def connect(self, bottoms, tops):
        """Take the blobs (list of Blob), of a layer that works on them itself; called before `setup`."""

    def setup(self, bottom_shapes):
        """Check the layer's fields and say which parameters it has (`add_param`); called once, before `reshape`.

        Parameters
        ----------
        bottom_shapes : list of tuple of int
        """

    def open(self):
        """Make what running needs: the parameters, filled; called once, after `setup`."""
        for shape, filler in zip(self.shapes, self._fillers):
            blob = _blob.Blob(shape)
            blob.tensor = self.filled(filler, shape)
            self.params.append(blob)

    def reshape(self, bottom_shapes):
        """Say the shapes of the tops, or refuse those of the bottoms with `fail`.

        Called before the first forward pass and whenever a bottom's shape has changed.

        Returns
        -------
        list of tuple of int
        """
        raise NotImplementedError

    def whole(self, axis):
        """Whether a value of a top depends on the bottoms along a whole axis (2: rows, 3: columns); asked by `sees`."""
        return True

    def sees(self, axis, low, high, top=0):
        """Which rows or columns of the bottoms, all images NxCxHxW, a range of those of a top depends on.

        Parameters
        ----------
        axis : {2, 3}
            Rows or columns.
        low, high : int
            First and last one of the top.
        top : int
            Which top.

        Returns
        -------
        list of (low, high) or None
            For each bottom: the range, which may reach beyond the image; `EVERYTHING`; None if it does not depend on
            that bottom's values.
        """
        return [EVERYTHING if self.whole(axis) else (low, high)] * len(self.parameter.bottom)

    def products(self, bottom_shapes, top_shapes):
        """How many products of two numbers, added up, a forward pass takes: those of convolutions and inner products.

        Parameters
        ----------
        bottom_shapes, top_shapes : list of tuple of int

        Returns
        -------
        int
            0 for layers of other types, whose work is small beside that.
        """
        return 0

    def onnx(self, graph, bottoms, tops):
        """Add the layer to an ONNX graph as it runs in testing.

        What the shapes of the bottoms decide must be computed in the graph, or be refused with `graph.fail`: the graph
        takes images of any size.

        Parameters
        ----------
        graph : cellseg.export.onnx_graph.Graph
        bottoms, tops : list of str
            Names of the values.
        """
        graph.fail(self, f"type {self.type} has no form in ONNX")

    def compute(self, bottoms, weights):
        """The layer's function in differentiable torch operations.

        Parameters
        ----------
        bottoms : list of torch.Tensor
            Never to be written to.
        weights : list of torch.Tensor
            The values of `params`.

        Returns
        -------
        list of torch.Tensor
        """
        raise NotImplementedError

    def forward(self, bottoms, weights, down, learn):
        """`compute`, remembering what `backward` needs.

        Parameters
        ----------
        bottoms, weights : list of torch.Tensor
            Without history.
        down, learn : list of bool
            For which bottoms and weights `backward` will be asked for gradients.

        Returns
        -------
        list of torch.Tensor
            Without history.
        """
        self._graph = None
        if not any(down) and not any(learn):
            with torch.no_grad():
                return self.compute(bottoms, weights)
        bottoms = [b.detach().requires_grad_(d) for b, d in zip(bottoms, down)]
        weights = [w.detach().requires_grad_(g) for w, g in zip(weights, learn)]
        with torch.enable_grad():
            tops = self.compute(bottoms, weights)
        self._graph = bottoms, weights, tops
        return [top.detach() for top in tops]

    def backward(self, top_gradients):
        """Gradients of the last `forward`.

        Parameters
        ----------
        top_gradients : list of (torch.Tensor or None)
            None: zero.

        Returns
        -------
        bottom_gradients, weight_gradients : list of (torch.Tensor or None)
            None where `forward` was not asked for one, or where it is zero.
        """
        if self._graph is None:
            self.fail("cannot run backward before it has run forward")
        bottoms, weights, tops = self._graph
        wanted = [x for x in (*bottoms, *weights) if x.requires_grad]
        pairs = [(top, g.to(top.dtype)) for top, g in zip(tops, top_gradients) if g is not None and top.requires_grad]
        found = iter(
            torch.autograd.grad(
                [top for top, _ in pairs], wanted, [g for _, g in pairs], retain_graph=True, allow_unused=True
            )
            if pairs
            else [None] * len(wanted)
        )
        return tuple([next(found) if x.requires_grad else None for x in group] for group in (bottoms, weights))

    def add_param(self, shape, filler):
        """Have a parameter of that shape, filled by `filler` (`cellseg.engine.torch.fillers.fill`)."""
        self.shapes.append(tuple(map(int, shape)))
        self._fillers.append(filler)

    def filled(self, filler, shape):
        """A new tensor, filled."""
        try:
            return torch.from_numpy(_fillers.fill(filler, shape, context.random)).to(context.device)
        except CellsegError as error:
            self.fail(str(error))

    @property
    def blobs(self):
        """list of Blob: `params`, as pycaffe calls them."""
        return self.params

    def fail(self, message):
        """Raise a `CellsegError` that names the layer."""
        raise CellsegError(f"layer '{self.name}' ({self.type}): {message}")

    def axis(self, index, shape, field="axis"):
        """A possibly negative axis index as one from 0, refused if `shape` has no such axis."""
        if not -len(shape) <= index < len(shape):
            self.fail(f"{field} {index} is not an axis of the shape {shown(shape)}")
        return index % len(shape)


def shown(shape):
    """A shape as Caffe's users know it: 10x32x128x128."""
    return "x".join(map(str, shape)) or "scalar"


def check_size(shape):
    """Refuse shapes that Caffe refuses: negative lengths, more than 32 axes, more than 2^31 - 1 numbers."""
    if len(shape) > 32 or any(side < 0 for side in shape) or math.prod(shape) > 2**31 - 1:
        raise CellsegError(f"a blob cannot have the shape {tuple(shape)}")
