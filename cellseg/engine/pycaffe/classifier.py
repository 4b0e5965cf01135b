"""``caffe.Classifier``: what a net says of whole images."""

import numpy as np

from cellseg.engine.pycaffe import io
from cellseg.engine.torch.net import TEST, Net
from cellseg.errors import CellsegError


def transformer_for(net, mean, input_scale, raw_scale, channel_swap):
    """A Transformer for the first input of a net, from HxWxK; what is None is left out."""
    name = net.inputs[0]
    made = io.Transformer({name: net.blobs[name].shape})
    made.set_transpose(name, (2, 0, 1))
    for value, set_value in (
        (mean, made.set_mean),
        (input_scale, made.set_input_scale),
        (raw_scale, made.set_raw_scale),
        (channel_swap, made.set_channel_swap),
    ):
        if value is not None:
            set_value(name, value)
    return made


class Classifier(Net):
    """A net that takes one input of images and gives classes.

    Parameters
    ----------
    model_file, pretrained_file : str or path
        Deploy prototxt and weights.
    image_dims : (int, int), optional
        Height and width to which images are brought before windows are cut; by default those of the input.
    mean, input_scale, raw_scale, channel_swap : optional
        See `cellseg.engine.pycaffe.io.Transformer`.
    """

    def __init__(
        self,
        model_file,
        pretrained_file,
        image_dims=None,
        mean=None,
        input_scale=None,
        raw_scale=None,
        channel_swap=None,
    ):
        super().__init__(model_file, TEST, weights=pretrained_file)
        self.transformer = transformer_for(self, mean, input_scale, raw_scale, channel_swap)
        self.crop_dims = np.array(self.blobs[self.inputs[0]].shape[2:])
        self.image_dims = self.crop_dims if image_dims is None else image_dims

    def predict(self, inputs, oversample=True):
        """What the net says of images.

        Parameters
        ----------
        inputs : sequence of ndarray, HxWxK
        oversample : bool
            Whether to take the mean over ten windows of each image (`cellseg.engine.pycaffe.io.oversample`), or the
            window at its centre alone.

        Returns
        -------
        ndarray, NxC
            The net's first output for each image.
        """
        if not len(inputs):
            raise CellsegError("Classifier.predict: give one image or more")
        images = np.array([io.resize_image(image, tuple(self.image_dims)) for image in inputs])
        if oversample:
            images = io.oversample(images, self.crop_dims)
        else:
            top, left = (int(side / 2 - crop / 2) for side, crop in zip(self.image_dims, self.crop_dims))
            images = images[:, top : top + self.crop_dims[0], left : left + self.crop_dims[1]]
        name = self.inputs[0]
        ready = np.array([self.transformer.preprocess(name, image) for image in images])
        predictions = self.forward_all(**{name: ready})[self.outputs[0]]
        return predictions.reshape(len(inputs), 10, -1).mean(1) if oversample else predictions
