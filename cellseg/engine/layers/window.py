"""Windows that slide over images: kernel, stride, pad and dilation of Convolution, Deconvolution and Pooling."""

from typing import NamedTuple


class Window(NamedTuple):
    """Lengths for rows and columns.

    Attributes
    ----------
    kernel, stride, pad, dilation : (int, int)
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]
    dilation: tuple[int, int]

    @property
    def extent(self):
        """(int, int): from the first to the last pixel of a window."""
        return tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel))


def read_window(layer, parameter, kernel=None):
    """Read the fields of a ConvolutionParameter or PoolingParameter.

    Each length is given once, as ``<name>_h`` and ``<name>_w``, or, where the field repeats, twice. Stride is 1 and pad
    0 where they are not given.

    Parameters
    ----------
    layer : Layer
        For errors.
    parameter : ConvolutionParameter or PoolingParameter
    kernel : int, optional
        Its side where it is not given; by default it must be.

    Returns
    -------
    Window
    """
    dilation = tuple(getattr(parameter, "dilation", ()))
    if len(dilation) > 2:
        layer.fail(f"dilation must be given once or twice, is given {len(dilation)} times")
    lengths = [_pair(layer, parameter, *name) for name in (("kernel", kernel), ("stride", 1), ("pad", 0))]
    window = Window(*lengths, (dilation * 2)[:2] or (1, 1))
    if min(*window.kernel, *window.stride, *window.dilation) < 1:
        layer.fail("kernel, stride and dilation must be 1 or more")
    return window


def _pair(layer, parameter, name, default):
    field = "kernel_size" if name == "kernel" else name
    value, both = getattr(parameter, field), [parameter.HasField(f"{name}_{side}") for side in "hw"]
    repeated = not isinstance(value, int)
    values = list(value) if repeated else [value] if parameter.HasField(field) else []
    if name == "kernel" and values and not repeated and not all(both):
        both = [False, False]  # Caffe passes over half a pair here
    if any(both):
        # A Convolution's pad may be given for one side alone; a missing kernel or stride is 0, and refused.
        if values or not (repeated or all(both)):
            layer.fail(f"give {field}, or both {name}_h and {name}_w")
        return getattr(parameter, f"{name}_h"), getattr(parameter, f"{name}_w")
    if len(values) > 2 or (not values and default is None):
        layer.fail(f"{field} must be given once{' or twice' * repeated}, or as {name}_h and {name}_w")
    return tuple((values * 2)[:2]) or (default, default)
