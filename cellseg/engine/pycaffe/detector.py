"""``caffe.Detector``: what a net says of windows of images."""

import numpy as np

from cellseg.engine.pycaffe import io
from cellseg.engine.pycaffe.classifier import transformer_for
from cellseg.engine.torch.net import TEST, Net
from cellseg.errors import CellsegError


class Detector(Net):
    """A net that takes one input of images and gives classes for each window.

    Parameters
    ----------
    model_file, pretrained_file : str or path
        Deploy prototxt and weights.
    mean, input_scale, raw_scale, channel_swap : optional
        See `cellseg.engine.pycaffe.io.Transformer`.
    context_pad : int, optional
        How many pixels of what the net sees are surroundings of the window, on each side; what lies beyond the image
        is the mean.
    """

    def __init__(
        self,
        model_file,
        pretrained_file,
        mean=None,
        input_scale=None,
        raw_scale=None,
        channel_swap=None,
        context_pad=None,
    ):
        super().__init__(model_file, TEST, weights=pretrained_file)
        self.transformer = transformer_for(self, mean, input_scale, raw_scale, channel_swap)
        self.configure_crop(context_pad)

    def configure_crop(self, context_pad):
        """Say how many pixels are surroundings."""
        name = self.inputs[0]
        channels, *size = self.blobs[name].shape[1:]
        self.crop_dims, self.context_pad = np.array([*size, channels]), context_pad
        if context_pad and 2 * context_pad >= min(size):
            raise CellsegError(f"context_pad {context_pad} leaves nothing of an input of {size[0]}x{size[1]}")
        nothing = np.zeros((channels, *size), np.float32)
        self.crop_mean = nothing.transpose(1, 2, 0)
        if name in self.transformer.mean:
            scale = self.transformer.input_scale.get(name, 1)
            self.crop_mean = self.transformer.deprocess(name, nothing * scale).reshape(*size, channels)

    def detect_windows(self, images_windows):
        """What the net says of windows.

        Parameters
        ----------
        images_windows : iterable of (str, sequence of (top, left, bottom, right))
            Files of images, and windows of each.

        Returns
        -------
        list of dict
            One a window: ``window``, ``prediction`` (the net's first output) and ``filename``.
        """
        name = self.inputs[0]
        asked = [(str(file), window) for file, windows in images_windows for window in windows]
        images = {file: io.load_image(file).astype(np.float32) for file in dict.fromkeys(file for file, _ in asked)}
        if not asked:
            return []
        ready = [self.transformer.preprocess(name, self.crop(images[file], window)) for file, window in asked]
        predictions = self.forward_all(**{name: np.array(ready)})[self.outputs[0]]
        predictions = predictions.reshape(predictions.shape[0], *(side for side in predictions.shape[1:] if side != 1))
        return [
            {"window": window, "prediction": prediction, "filename": file}
            for (file, window), prediction in zip(asked, predictions)
        ]

    def detect_selective_search(self, image_fnames):
        """Refused: the proposals come from a MATLAB program."""
        raise CellsegError(
            "detect_selective_search needs selective search in MATLAB; find windows otherwise and call detect_windows"
        )

    def crop(self, im, window):
        """Cut a window out of an image.

        Parameters
        ----------
        im : ndarray, HxWxK
        window : (top, left, bottom, right)

        Returns
        -------
        ndarray of float32, HxWxK
            Of the window's size; with surroundings, of the size of the input.
        """
        top, left, bottom, right = (int(side) for side in window)
        if not self.context_pad:
            return im[top:bottom, left:right]
        made = self.crop_mean.copy()
        rows = self._span(top, bottom, im.shape[0], made.shape[0])
        columns = self._span(left, right, im.shape[1], made.shape[1])
        if rows and columns:
            (first, last, low, high), (first_column, last_column, near, far) = rows, columns
            inside = im[first:last, first_column:last_column]
            made[low:high, near:far] = io.resize_image(inside, (high - low, far - near))
        return made

    def _span(self, start, stop, length, size):
        """Along one axis: which part of the image to take, and where it lies in what the net sees; None if nowhere."""
        half = (stop - start) / 2 * size / (size - 2 * self.context_pad)
        low, high = round((start + stop) / 2 - half), round((start + stop) / 2 + half)
        first, last = max(low, 0), min(high, length)
        scale = size / (high - low) if high > low else 0
        inner = round((first - low) * scale), round((last - low) * scale)
        return (first, last, *inner) if last > first and inner[1] > inner[0] else None
