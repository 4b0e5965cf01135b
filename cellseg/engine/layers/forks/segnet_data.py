"""DenseImageData: images with a label for each pixel, from a list of pairs of files."""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from cellseg.engine.later import context, later, torch
from cellseg.engine.layers.base import Layer, shown

_random = later("cellseg.engine.torch.random")


class DenseImageData(Layer):
    """Batches of images, channels in the order blue, green, red, and of their labels, one after the other as listed.

    The list is put into another order as Caffe does, from its own stream. Images are not resized, cut or mirrored: the
    fork itself refuses two of these.
    """

    BOTTOMS = (0, 0)
    TOPS = (2, 2)
    SHAPED_BY_FILES = True

    def setup(self, bottom_shapes):
        p, change = self.parameter.dense_image_data_param, self.parameter.transform_param
        if p.batch_size < 1:
            self.fail(f"batch_size is {p.batch_size}; it must be 1 or more")
        if p.new_height or p.new_width:
            self.fail("new_height and new_width are not supported; write the images in that size")
        if change.crop_size or change.mirror or change.mean_file:
            self.fail(
                "crop_size, mirror and mean_file are not supported; give mean_value, and images as they are to be"
            )
        if len(change.mean_value) not in (0, 1, 3 if p.is_color else 1):
            self.fail("mean_value is given once, or once for each channel")

    def open(self):
        p = self.parameter.dense_image_data_param
        self.pairs, self.place, self.stream = self._listed(p.source), 0, None
        if p.shuffle:
            self.stream = _random.MersenneTwister(int(context.random.raw(1)[0]))
            self._shuffle()
        if p.rand_skip:
            self.place = int(context.random.raw(1)[0]) % p.rand_skip
            if self.place >= len(self.pairs):
                self.fail(f"rand_skip would pass over {self.place} of {len(self.pairs)} images")
        self.first = self._read(self.pairs[self.place])

    def reshape(self, bottom_shapes):
        many, (image, labels) = self.parameter.dense_image_data_param.batch_size, self.first
        return [(many, *image.shape), (many, *labels.shape)]

    def forward(self, bottoms, weights, down, learn):
        found = []
        for _ in range(self.parameter.dense_image_data_param.batch_size):
            found.append(self._read(self.pairs[self.place]))
            if found[-1][0].shape != found[0][0].shape:
                sizes = " and ".join(shown(image.shape[1:]) for image, _ in (found[0], found[-1]))
                self.fail(f"the images of a batch differ in size: {sizes}; give one size, or batch_size: 1")
            self.place += 1
            if self.place == len(self.pairs):
                self.place = 0
                if self.stream:
                    self._shuffle()
        return [torch.from_numpy(np.stack(part)).to(context.device) for part in zip(*found)]

    def backward(self, top_gradients):
        return [], []

    def state(self):
        """dict: what the layer's next batches depend on, in values that JSON can hold."""
        stream = self.stream.state() if self.stream else None
        return {"pairs": [list(pair) for pair in self.pairs], "place": self.place, "stream": stream}

    def set_state(self, state):
        """Go on from where `state` was taken."""
        self.pairs, self.place = [tuple(pair) for pair in state["pairs"]], state["place"]
        if self.stream and state["stream"]:
            self.stream.set_state(state["stream"])

    def _listed(self, source):
        try:
            words = Path(source).read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError) as error:
            self.fail(f"source {source} cannot be read ({getattr(error, 'strerror', None) or 'no text'})")
        if not words or len(words) % 2:
            self.fail(f"source {source} lists {len(words)} files; it must list pairs of an image and its labels")
        return list(zip(words[::2], words[1::2]))

    def _shuffle(self):
        """The order that Boost's uniform numbers give from the layer's stream."""
        for last in range(len(self.pairs) - 1, 0, -1):
            width, left = divmod(2**32 - 1, last + 1)
            width += left == last
            other = last + 1
            while other > last:
                other = int(self.stream.raw(1)[0]) // width
            self.pairs[last], self.pairs[other] = self.pairs[other], self.pairs[last]

    def _read(self, pair):
        """An image as CxHxW after scale and mean, and its labels as 1xHxW."""
        p, change = self.parameter.dense_image_data_param, self.parameter.transform_param
        image = self._opened(p.root_folder + pair[0], "RGB" if p.is_color else "L")
        labels = self._opened(p.root_folder + pair[1], None)
        image = image[..., ::-1].transpose(2, 0, 1) if p.is_color else image[None]
        if image.shape[1:] != labels.shape:
            self.fail(f"{pair[0]} is {shown(image.shape[1:])}, but its labels {pair[1]} are {shown(labels.shape)}")
        means = np.array(list(change.mean_value) or [0], np.float32).reshape(-1, 1, 1)
        return (image - means) * np.float32(change.scale), labels[None]

    def _opened(self, path, mode):
        """A picture as float32; labels, for which `mode` is None, must be grey values of 8 bits."""
        try:
            with Image.open(path) as picture:
                kind, values = picture.mode, np.asarray(picture.convert(mode or "L"), np.float32)
        except (OSError, UnidentifiedImageError, ValueError) as error:
            self.fail(f"{path} cannot be read ({getattr(error, 'strerror', None) or 'no picture'})")
        if mode is None and kind != "L":
            self.fail(f"{path}: labels must be grey values of 8 bits, not of the kind '{kind}'")
        return values
