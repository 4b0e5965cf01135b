"""What every layer is: parameters set up once, shapes that follow the input, a forward and a backward pass."""

import torch

from cellseg.engine.torch.blob import Blob
from cellseg.engine.torch.context import context
from cellseg.engine.torch.fillers import fill
from cellseg.errors import CellsegError


class Layer:
    """One layer of a net.

    A kind of layer is a subclass that says how many bottoms and tops it takes and gives two methods: `reshape`, from
    bottom shapes to top shapes, and `compute`, from bottom tensors to top tensors in differentiable operations. The
    backward pass follows from `compute`; a layer that knows a cheaper one overrides `forward` and `backward`.

    Parameters
    ----------
    parameter : LayerParameter
        Its part of the net prototxt.
    phase : int
        `cellseg.engine.torch.TRAIN` (0) or `TEST` (1).

    Attributes
    ----------
    name, type : str
    params : list of Blob
        Its parameters, made in `setup`.
    """

    #: Least and largest number of bottoms and of tops (None: any).
    BOTTOMS = (1, 1)
    TOPS = (1, 1)
    #: A loss layer: its first top has loss weight 1 unless the prototxt says otherwise.
    LOSS = False
    #: Indices of the bottoms to which nothing can be propagated (labels).
    NO_GRADIENT = ()
    #: Whether a bottom may be its own top.
    MAY_BE_IN_PLACE = True

    def __init__(self, parameter, phase):
        self.parameter = parameter
        self.name, self.type, self.phase = parameter.name, parameter.type, phase
        self.params = []
        self._graph = None

    def setup(self, bottom_shapes):
        """Check the layer's fields and make its parameters (`add_param`); called once, before `reshape`.

        Parameters
        ----------
        bottom_shapes : list of tuple of int
        """

    def reshape(self, bottom_shapes):
        """Say the shapes of the tops, or refuse those of the bottoms with `fail`.

        Called before the first forward pass and whenever a bottom's shape has changed.

        Returns
        -------
        list of tuple of int
        """
        raise NotImplementedError

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
        """Make a parameter blob and fill it (`cellseg.engine.torch.fillers.fill`)."""
        blob = Blob(shape)
        try:
            blob.tensor = torch.from_numpy(fill(filler, blob.shape, context.random)).to(context.device)
        except CellsegError as error:
            self.fail(str(error))
        self.params.append(blob)

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
