"""Blobs: arrays with a gradient, seen as numpy arrays from Python and as tensors from the layers."""

import math

import torch

from cellseg.engine.layers.base import check_size
from cellseg.engine.torch.context import context


class _Array:
    """One array in two places: a tensor on the device, and a numpy array once Python asked for it.

    On the CPU in single precision both are the same memory. Elsewhere the numpy array is a copy, made when Python
    looks at it, and taken back when a layer next needs the tensor, as with Caffe's synchronised memory.
    """

    def __init__(self):
        self._tensor = None  # None: zeros
        self._host = None  # numpy array that Python may have written to
        self._later = None  # function that computes the tensor

    def tensor(self, shape):
        """The values for a layer, zeros at first."""
        if self._host is not None:
            self._tensor, self._host = torch.from_numpy(self._host).to(context.device), None
        elif self._later is not None:
            self._tensor, self._later = self._later(), None
        elif self._tensor is None:
            self._tensor = torch.zeros(shape, device=context.device)
        return self._tensor if self._tensor.shape == shape else self._tensor.view(shape)

    def known(self, shape):
        """The values, or None for zeros that nobody asked for yet."""
        blank = self._tensor is None and self._host is None and self._later is None
        return None if blank else self.tensor(shape)

    def set(self, tensor=None, later=None):
        """Take a layer's result, None for zeros, or a function that computes it when somebody looks."""
        self._tensor, self._host, self._later = tensor, None, later

    def numpy(self, shape):
        """The values for Python, single precision, writable, in C order, so that a flat view of them is one too."""
        if self._host is None:
            tensor = self.tensor(shape)
            if tensor.device.type == "cpu" and tensor.dtype == torch.float32:
                if not tensor.is_contiguous():
                    tensor = self._tensor = tensor.contiguous()
                return tensor.numpy()
            self._host = tensor.float().cpu().contiguous().numpy()
        return self._host.reshape(shape)


class Blob:
    """An array of float32 with a gradient of the same shape; pycaffe's ``Blob``.

    Layers use `tensor` and `gradient`; scripts use `data` and `diff`. A numpy view that a script keeps of a layer's
    output holds the values of the pass in which it was taken; those of inputs and parameters stay live.

    Parameters
    ----------
    shape : sequence of int
    """

    def __init__(self, shape=()):
        self._data, self._diff = _Array(), _Array()
        self._shape = tuple(int(side) for side in shape)
        check_size(self._shape)

    @property
    def shape(self):
        """tuple of int: the lengths of its axes."""
        return self._shape

    @property
    def count(self):
        """int: how many numbers it holds."""
        return math.prod(self._shape)

    @property
    def data(self):
        """ndarray: the values; writing to it changes them."""
        return self._data.numpy(self._shape)

    @property
    def diff(self):
        """ndarray: the gradient; writing to it changes it."""
        return self._diff.numpy(self._shape)

    @property
    def tensor(self):
        """torch.Tensor: the values, on the device."""
        return self._data.tensor(self._shape)

    @tensor.setter
    def tensor(self, value):
        self._shape = tuple(value.shape)
        self._data.set(value)

    @property
    def gradient(self):
        """torch.Tensor: the gradient, on the device."""
        return self._diff.tensor(self._shape)

    @gradient.setter
    def gradient(self, value):
        self._diff.set(value)

    @property
    def gradient_or_none(self):
        """torch.Tensor or None: the gradient; None if it is zero because nothing has set it."""
        return self._diff.known(self._shape)

    def add_gradient(self, value):
        """Add to the gradient; `value` may be somebody else's tensor, and is not changed later."""
        known = self.gradient_or_none
        self._diff.set(value if known is None else known + value)

    def later(self, function):
        """Let the values be what `function` gives, once somebody looks."""
        self._data.set(later=function)

    def later_gradient(self, function):
        """The same for the gradient."""
        self._diff.set(later=function)

    def let_go(self):
        """Forget the values; they read as zeros until they are set again."""
        self._data.set()

    def share(self, other):
        """Have values and gradient in common with another blob of as many numbers."""
        self._data, self._diff = other._data, other._diff

    def shares_with(self, other):
        """Whether the values are those of another blob."""
        return self._data is other._data

    def share_data(self, other):
        """Have the values in common with another blob of as many numbers."""
        self._data = other._data

    def reshape(self, *shape):
        """Change the lengths of its axes; the values are kept where their number stays the same, else zero."""
        shape = tuple(int(side) for side in shape)
        if shape == self._shape:
            return
        check_size(shape)
        if math.prod(shape) == self.count:
            self._data.set(self.tensor.reshape(shape))
            self._diff.set(self.gradient.reshape(shape))
        else:
            self._data, self._diff = _Array(), _Array()
        self._shape = shape

    num = property(lambda self: self._legacy(0), doc="int: length of axis 0, or 1.")
    channels = property(lambda self: self._legacy(1), doc="int: length of axis 1, or 1.")
    height = property(lambda self: self._legacy(2), doc="int: length of axis 2, or 1.")
    width = property(lambda self: self._legacy(3), doc="int: length of axis 3, or 1.")

    def _legacy(self, axis):
        return self._shape[axis] if axis < len(self._shape) else 1
