"""``caffe.io.Transformer``: from an image to what a net takes, and back."""

import numpy as np


def resize_image(im, new_dims, interp_order=1):
    """Change the size of an image.

    Parameters
    ----------
    im : ndarray, HxWxK
    new_dims : (int, int)
        Height and width.
    interp_order : int
        Of the splines: 0 takes the nearest pixel, 1 is linear.

    Returns
    -------
    ndarray of float32
        Images of 1 and 3 channels are smoothed where they become smaller, others are sampled.
    """
    if im.ndim != 3:
        raise ValueError(f"the image has the shape {im.shape}; it is to have rows, columns and channels")
    if im.shape[-1] not in (1, 3):
        from scipy.ndimage import zoom

        scales = [new / old for new, old in zip(new_dims, im.shape)]
        return zoom(im, (*scales, 1), order=interp_order).astype(np.float32)
    low, high = im.min(), im.max()
    if not high > low:
        return np.full((*new_dims, im.shape[-1]), low, np.float32)
    from skimage.transform import resize

    span = high - low
    return (resize((im - low) / span, tuple(new_dims), order=interp_order, mode="constant") * span + low).astype(
        np.float32
    )


class Transformer:
    """What is done to images before a net takes them.

    In this order: resize, move axes, swap channels, multiply (`set_raw_scale`), subtract the mean, multiply
    (`set_input_scale`).

    Parameters
    ----------
    inputs : dict of str to tuple of int
        The shape of each input of a net, NxKxHxW.
    """

    def __init__(self, inputs):
        self.inputs = inputs
        self.transpose, self.channel_swap = {}, {}
        self.raw_scale, self.mean, self.input_scale = {}, {}, {}

    def preprocess(self, in_, data):
        """Make an image what an input takes.

        Parameters
        ----------
        in_ : str
            Name of the input.
        data : ndarray, HxWxK

        Returns
        -------
        ndarray of float32
        """
        self._check(in_)
        values = data.astype(np.float32, copy=False)
        if data.shape[:2] != tuple(self.inputs[in_][2:]):
            values = resize_image(values, self.inputs[in_][2:])
        if in_ in self.transpose:
            values = values.transpose(self.transpose[in_])
        if in_ in self.channel_swap:
            values = values[list(self.channel_swap[in_])]
        if in_ in self.raw_scale:
            values = values * np.float32(self.raw_scale[in_])
        if in_ in self.mean:
            values = (values - self.mean[in_]).astype(np.float32)
        return values * np.float32(self.input_scale[in_]) if in_ in self.input_scale else values

    def deprocess(self, in_, data):
        """Undo `preprocess`, but for the size.

        Parameters
        ----------
        in_ : str
        data : ndarray, KxHxW or 1xKxHxW

        Returns
        -------
        ndarray of float32, HxWxK
        """
        self._check(in_)
        values = data.squeeze().astype(np.float32)
        if in_ in self.input_scale:
            values = values / np.float32(self.input_scale[in_])
        if in_ in self.mean:
            values = (values + self.mean[in_]).astype(np.float32)
        if in_ in self.raw_scale:
            values = values / np.float32(self.raw_scale[in_])
        if in_ in self.channel_swap:
            values = values[np.argsort(self.channel_swap[in_])]
        return values.transpose(np.argsort(self.transpose[in_])) if in_ in self.transpose else values

    def set_transpose(self, in_, order):
        """Say the order of the axes, for instance (2, 0, 1) from HxWxK to KxHxW."""
        self._check(in_)
        if len(order) != len(self.inputs[in_]) - 1:
            raise Exception("Transpose order needs to have the same number of dimensions as the input.")
        self.transpose[in_] = order

    def set_channel_swap(self, in_, order):
        """Say the order of the channels, for instance (2, 1, 0) from RGB to BGR; axis 0 after `set_transpose`."""
        self._check(in_)
        if len(order) != self.inputs[in_][1]:
            raise Exception("Channel swap needs to have the same number of dimensions as the input channels.")
        self.channel_swap[in_] = order

    def set_raw_scale(self, in_, scale):
        """Multiply before the mean is subtracted: 255 for a mean of grey values and images from 0 to 1."""
        self._check(in_)
        self.raw_scale[in_] = scale

    def set_mean(self, in_, mean):
        """Subtract a mean.

        Parameters
        ----------
        in_ : str
        mean : ndarray
            One number a channel, or an image KxHxW or HxW, which is brought to the size of the input.

        Raises
        ------
        ValueError
            If it has another number of channels, or more axes.
        """
        self._check(in_)
        mean, channels, size = np.asarray(mean), self.inputs[in_][1], tuple(self.inputs[in_][2:])
        if mean.ndim not in (1, 2, 3):
            raise ValueError(f"Mean shape invalid: {mean.shape}; it is K, HxW or KxHxW")
        if mean.ndim != 2 and len(mean) != channels:
            raise ValueError(f"Mean channels incompatible with input: {len(mean)} for {channels}.")
        if mean.ndim == 1:
            mean = mean[:, None, None]
        elif mean.shape[-2:] != size:
            channel_last = np.moveaxis(mean, 0, -1) if mean.ndim == 3 else mean[..., None]
            resized = np.moveaxis(resize_image(channel_last, size), -1, 0)
            mean = resized if mean.ndim == 3 else resized[0]
        self.mean[in_] = mean

    def set_input_scale(self, in_, scale):
        """Multiply after the mean is subtracted."""
        self._check(in_)
        self.input_scale[in_] = scale

    def _check(self, in_):
        if in_ not in self.inputs:
            raise Exception(f"{in_} is not one of the net inputs: {self.inputs}")
