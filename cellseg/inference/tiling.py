"""A network over an image of any size, window by window, with the result that the whole image at once would give."""

import numpy as np

from cellseg.engine.geometry import reach, read_steps
from cellseg.inference.network import turned, turned_back

# Bytes that an engine which keeps all blobs holds while a net runs, for each number in them; of one that lets go of
# them, for each number that is needed at a time, the top that is being made counted three times.
_BYTES_A_NUMBER, _BYTES_A_LIVE_NUMBER, _PARTS = 5, 8, 2


class Tiles:
    """A network's maps (see `cellseg.inference.network.Network`), band by band, from overlapping windows.

    An output pixel depends on the image up to the net's reach away. So each window is read with a margin of the reach
    and begins where the net's poolings do, at a multiple of its stride; what the margin's edge falsifies is cut off.

    Parameters
    ----------
    network : cellseg.inference.network.Network
    orientations : {1, 8}
        Over which the output is averaged.
    side : int, optional
        Of a window with its margin, in pixels; by default as large as `memory` allows.
    memory : int
        Bytes for the network.

    Attributes
    ----------
    margin, side : int
        Of a window: its margin, and its side without it.
    """

    def __init__(self, network, orientations=1, side=None, memory=5 << 28):
        steps = read_steps(network.deploy)
        self.network, self.orientations = network, orientations
        self.margin = -(-reach(steps) // network.stride) * network.stride
        side = side or int((memory / _bytes_a_pixel(steps, network.keeps_blobs)) ** 0.5)
        self.side = max((side - 2 * self.margin) // network.stride, 1) * network.stride

    def bands(self, height):
        """The bands of rows, first and end, in which an image of that height is done."""
        return _equal_parts(height, self.side)

    def maps(self, plane, scale, top, bottom):
        """The maps in the rows from `top` to `bottom`.

        Parameters
        ----------
        plane : cellseg.images.source.Plane or alike
        scale : cellseg.data.normalisation.Scale
            What is made of its grey values.
        top, bottom : int

        Returns
        -------
        ndarray of shape (M, bottom - top, W), float32
        """
        width = plane.shape[1]
        band = np.empty((self.network.maps, bottom - top, width), np.float32)
        for left, right in _equal_parts(width, self.side):
            band[:, :, left:right] = self._window(plane, scale, (top, bottom, left, right))
        return band

    def _window(self, plane, scale, window):
        passes = [self._pass(plane, scale, window, way) for way in range(self.orientations)]
        return passes[0] if len(passes) == 1 else np.mean(passes, axis=0, dtype=np.float32)

    def _pass(self, plane, scale, window, way):
        """The output in a window for one orientation of the whole image, in the rows and columns of the turned one."""
        shape = tuple(plane.shape) if way % 2 == 0 else tuple(plane.shape[::-1])
        top, bottom, left, right = _turned_window(window, plane.shape, way)
        first_row, end_row = self._with_margin(top, bottom, shape[0])
        first_column, end_column = self._with_margin(left, right, shape[1])
        pixels = plane.read(*_window_back((first_row, end_row, first_column, end_column), shape, way))
        output = self.network(np.ascontiguousarray(turned(scale(pixels)[None], way)))[0]
        inner = output[:, top - first_row : bottom - first_row, left - first_column : right - first_column]
        return turned_back(inner, way)

    def _with_margin(self, first, end, length):
        stride = self.network.stride
        first = max(first - self.margin, 0) // stride * stride
        return first, min(-(-(end + self.margin) // stride) * stride, length)


def _equal_parts(length, most):
    """First and end of as few parts as possible of at most so many pixels: the fewer, the less margin is read."""
    count = -(-length // most)
    ends = [length * number // count for number in range(count + 1)]
    return list(zip(ends, ends[1:], strict=False))


def _bytes_a_pixel(steps, keeps_blobs):
    """What a net takes for each pixel of the image; layers that work in place take nothing."""
    last = {step.top: step for step in steps}
    numbers = {name: step.channels / float(step.stride) ** 2 for name, step in last.items()}
    if keeps_blobs:
        return _BYTES_A_NUMBER * (1 + sum(numbers.values()))
    unmade = {name for name, step in last.items() if _unmade(step, last, steps)}
    ends = {name: number for number, step in enumerate(steps) for name in (*step.bottoms, step.top)}
    live, most = {"data": 1}, 0
    for number, step in enumerate(steps):
        live[step.top] = 0 if step.top in unmade else numbers[step.top]
        most = max(most, sum(live.values()) + _PARTS * live[step.top])
        live = {name: count for name, count in live.items() if ends[name] > number}
    return most * _BYTES_A_LIVE_NUMBER


def _unmade(step, last, steps):
    """Whether the engine leaves out a blob: it is upsampled, perhaps joined with others, and then convolved."""
    users = [other for other in steps if step.top in other.bottoms]
    kinds = [user.kind for user in users]
    if step.kind == "Concat":
        return kinds == ["Convolution"] and last[step.bottoms[0]].kind == "Deconvolution"
    return step.kind == "Deconvolution" and (
        kinds == ["Convolution"] or kinds == ["Concat"] and _unmade(users[0], last, steps)
    )


def _turned_window(window, shape, way):
    """Where a window (top, bottom, left, right) of an image of that shape lies in the image `turned` that way."""
    (top, bottom, left, right), (height, width) = window, shape
    if way >= 4:
        left, right = width - right, width - left
    for _ in range(way % 4):
        top, bottom, left, right = width - right, width - left, top, bottom
        height, width = width, height
    return top, bottom, left, right


def _window_back(window, shape, way):
    """Undo `_turned_window`; the shape is the turned image's."""
    (top, bottom, left, right), (height, width) = window, shape
    for _ in range(way % 4):
        top, bottom, left, right = left, right, height - bottom, height - top
        height, width = width, height
    if way >= 4:
        left, right = width - right, width - left
    return top, bottom, left, right
