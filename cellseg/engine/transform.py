"""What `transform_param` does to each image of a data layer: its place and mirror image, its mean, its scale."""

from typing import NamedTuple

import numpy as np

from cellseg.engine.blob_file import read_blob
from cellseg.engine.later import context, later
from cellseg.engine.layers.base import shown
from cellseg.errors import CellsegError

_random = later("cellseg.engine.torch.random")
_TRAIN = 0


class Window(NamedTuple):
    """The part of an image that a net gets.

    Attributes
    ----------
    row, column : int
        Of its first pixel.
    height, width : int
    mirrored : bool
        Left and right change places.
    """

    row: int
    column: int
    height: int
    width: int
    mirrored: bool


class Transformer:
    """The transformation, with a random stream of its own.

    Parameters
    ----------
    parameter : TransformationParameter
    phase : int
        In TRAIN (0) windows lie anywhere, in TEST in the middle.

    Raises
    ------
    CellsegError
        If fields contradict each other, or the mean file cannot be read.
    """

    def __init__(self, parameter, phase):
        self.parameter, self.phase, self.stream = parameter, phase, None
        self._mean = None
        if parameter.mean_file:
            if parameter.mean_value:
                raise CellsegError("mean_file and mean_value are both given; keep one")
            self._mean = read_blob(parameter.mean_file)
            if self._mean.ndim != 4 or len(self._mean) != 1:
                raise CellsegError(
                    f"mean_file {parameter.mean_file} is {shown(self._mean.shape)}; it must be 1 x channels x rows x "
                    "columns"
                )

    def seed(self):
        """Start the random stream anew, from a word of the process's; nothing if nothing is random."""
        if self.parameter.mirror or (self.phase == _TRAIN and self.parameter.crop_size):
            self.stream = _random.MersenneTwister(int(context.random.raw(1)[0]))

    def shape(self, shape, name):
        """The shape that an image will have.

        Parameters
        ----------
        shape : (int, int, int)
            Channels, rows, columns.
        name : str
            What to call the image in errors.

        Returns
        -------
        (int, int, int)

        Raises
        ------
        CellsegError
            If it is smaller than `crop_size`, or the mean does not fit.
        """
        p, (channels, *sides) = self.parameter, shape
        if p.crop_size and min(sides) < p.crop_size:
            raise CellsegError(f"{name} is {shown(sides)}, smaller than crop_size {p.crop_size}; make it larger")
        if len(p.mean_value) not in (0, 1, channels):
            raise CellsegError(f"mean_value is given {len(p.mean_value)} times, but {name} has {channels} channels")
        if self._mean is not None and self._mean.shape[1:] != tuple(shape):
            raise CellsegError(
                f"{name} is {shown(shape)}, but the mean in {p.mean_file} is {shown(self._mean.shape[1:])}; they must "
                "have one size"
            )
        return channels, *([p.crop_size] * 2 if p.crop_size else sides)

    def window(self, height, width):
        """Choose a window, where it is random by the next words of the stream."""
        p = self.parameter
        mirrored = p.mirror and bool(self._below(2))
        if not p.crop_size:
            return Window(0, 0, height, width, mirrored)
        spare = height - p.crop_size, width - p.crop_size
        row, column = [self._below(side + 1) if self.phase == _TRAIN else side // 2 for side in spare]
        return Window(row, column, p.crop_size, p.crop_size, mirrored)

    def cut(self, values, window):
        """The window of an array (C, H, W), for labels too."""
        rows = slice(window.row, window.row + window.height)
        part = values[:, rows, window.column : window.column + window.width]
        return part[..., ::-1] if window.mirrored else part

    def image(self, values, window):
        """The window of an image, less its mean, times the scale.

        Parameters
        ----------
        values : ndarray of shape (C, H, W)
        window : Window

        Returns
        -------
        ndarray of shape (C, height, width), float32
        """
        p, found = self.parameter, self.cut(values, window).astype(np.float32)
        if self._mean is not None:
            found -= self.cut(self._mean[0], window)
        elif p.mean_value:
            found -= np.array(p.mean_value, np.float32).reshape(-1, 1, 1)
        if p.scale != 1:
            found *= np.float32(p.scale)
        return found

    def state(self):
        """dict or None: where the stream is."""
        return self.stream and self.stream.state()

    def set_state(self, state):
        """Go on from where `state` was taken."""
        if self.stream and state:
            self.stream.set_state(state)

    def _below(self, end):
        return int(self.stream.raw(1)[0]) % end
