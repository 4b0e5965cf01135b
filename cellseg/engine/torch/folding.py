"""A BatchNorm and a Scale as part of the weights of the convolution before them."""

import torch


class Folding:
    """Weights with which a convolution gives what the BatchNorm and the Scale behind it make of its top in testing.

    Parameters
    ----------
    convolution : Convolution
    norm : BatchNorm
        That takes the running sums.
    scale : Scale, optional
        Of each channel, with a bias.
    """

    def __init__(self, convolution, norm, scale=None):
        self.convolution, self.norm, self.scale = convolution, norm, scale
        self._layers = [layer for layer in (convolution, norm, scale) if layer]
        self._kept = self._folded = None

    def holds(self):
        """Say whether this is the device to gain on."""
        return self.norm.params[0].tensor.device.type == "cpu"

    def weights(self):
        """The weights of now, folded; anew only if a parameter of the layers has changed since the last time.

        Scripts write to parameters as to any array, so nothing but the values tells whether they have.

        Returns
        -------
        list of torch.Tensor
            Weights and bias of the convolution.
        """
        now = [param.tensor for layer in self._layers for param in layer.params]
        if self._kept is None or not all(map(torch.equal, now, self._kept)):
            self._kept, self._folded = [values.clone() for values in now], self._fold()
        return self._folded

    def plain(self):
        """The convolution's own parameters for which `weights` was last called; a copy that nobody changes."""
        return self._kept[: len(self.convolution.params)]

    def _fold(self):
        factor, shift = self.norm.factors()
        weight, *bias = (param.tensor.double() for param in self.convolution.params)
        if bias:
            shift = shift + factor * bias[0]
        if self.scale:
            scale, offset = (param.tensor.double() for param in self.scale.params)
            factor, shift = factor * scale, shift * scale + offset
        return [(weight * factor[:, None, None, None]).float(), shift.float()]
