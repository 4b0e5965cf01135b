"""Layers that read images one by one and transform them: ImageData and Data."""

import numpy as np

from cellseg.engine.databases import Records, read_datum
from cellseg.engine.image_list import Listing, read_labelled
from cellseg.engine.later import context, later, torch
from cellseg.engine.layers.base import shown
from cellseg.engine.layers.data import TRAIN, _Source
from cellseg.engine.pictures import read_picture, resized
from cellseg.engine.transform import Transformer
from cellseg.errors import CellsegError

#: What once stood beside a layer's own fields, where Caffe now passes over it.
_MOVED = ("scale", "mean_file", "crop_size", "mirror")
_random, _log = later("cellseg.engine.torch.random"), later("cellseg.engine.torch.log")


def _twister():
    """A stream of its own, seeded by the next word of the process's."""
    return _random.MersenneTwister(int(context.random.raw(1)[0]))


class _Images(_Source):
    """A batch of images of one size, the first of which says which, with something beside each.

    A subclass says how it begins (`_begin`), what comes next (`_read`), and goes on (`_advance`). The process's random
    stream is used as by Caffe: the transformation is seeded twice, and the thread that reads ahead once.
    """

    SHAPED_BY_FILES = True
    #: The field that holds the layer's own parameters.
    PARAMETER = None

    def setup(self, bottom_shapes):
        self.own = getattr(self.parameter, self.PARAMETER)
        if self.own.batch_size < 1:
            self.fail(f"batch_size is {self.own.batch_size}; it must be 1 or more")
        for field in _MOVED:
            if field in type(self.own).DESCRIPTOR.fields_by_name and self.own.HasField(field):
                _log.info(
                    f"{self.name}: {field} in {self.PARAMETER} does nothing, as in Caffe; it is for transform_param"
                )

    def open(self):
        self.transform = self._from_files(Transformer, self.parameter.transform_param, self.phase)
        self.transform.seed()
        self._from_files(self._begin)
        self.transform.seed()
        context.random.raw(1)
        name, image, _ = self._from_files(self._read)
        shape = self._from_files(self.transform.shape, image.shape, name)
        self.first = [shape, self._beside(shape)]

    def reshape(self, bottom_shapes):
        shapes = [(self.own.batch_size, *shape) for shape in self.first]
        return self._sized(shapes[: len(self.parameter.top)])

    def forward(self, bottoms, weights, down, learn):
        found = [self._from_files(self._one) for _ in range(self.own.batch_size)]
        for image, *_ in found:
            if image.shape != found[0][0].shape:
                sizes = " and ".join(shown(one.shape) for one in (found[0][0], image))
                self.fail(f"the images of a batch differ in size: {sizes}; give one size, crop_size, or batch_size: 1")
        parts = list(zip(*found))[: len(self.parameter.top)]
        return [torch.from_numpy(np.stack(part)).to(context.device) for part in parts]

    def state(self):
        return {"transform": self.transform.state(), "place": self._place()}

    def set_state(self, state):
        try:
            self._from_files(self._go_to, state["place"])
            self.transform.set_state(state["transform"])
        except CellsegError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            self.fail(f"not a state of this layer ({error})")

    def _one(self):
        name, image, beside = self._read()
        self.transform.shape(image.shape, name)
        window = self.transform.window(*image.shape[1:])
        self._advance()
        return self.transform.image(image, window), self._cut(beside, window)

    def _beside(self, shape):
        """The shape of what lies beside an image of some shape: a number."""
        return ()

    def _cut(self, beside, window):
        """What lies beside an image, where the window is."""
        return np.float32(beside)


class _ListedImages(_Images):
    """The images that a list names."""

    def _begin(self):
        p = self.own
        if bool(p.new_height) != bool(p.new_width):
            self.fail("new_height and new_width must be given both, or none")
        entries = self._entries()
        self.listing = Listing(p.source, entries, _twister() if p.shuffle else None)
        if p.rand_skip:
            self.listing.skip(int(context.random.raw(1)[0]) % p.rand_skip)

    def _advance(self):
        self.listing.advance()

    def _place(self):
        return self.listing.state()

    def _go_to(self, place):
        self.listing.set_state(place)

    def _opened(self, name, resize=resized):
        """An image as (C, H, W), in the size that the layer asks for."""
        image = read_picture(self.own.root_folder + name, self.own.is_color)
        if self.own.new_height:
            image = resize(image, self.own.new_height, self.own.new_width)
        return image.transpose(2, 0, 1)


class ImageData(_ListedImages):
    """Batches of the images that a list names, and their labels."""

    TOPS = (2, 2)
    PARAMETER = "image_data_param"

    def _entries(self):
        return read_labelled(self.own.source)

    def _read(self):
        name, label = self.listing.now()
        return name, self._opened(name), label


class Data(_Images):
    """Batches of the records of a database, LMDB or LevelDB, in the order of their keys, and their labels."""

    TOPS = (1, 2)
    PARAMETER = "data_param"

    def _begin(self):
        change = self.parameter.transform_param
        if change.force_color and change.force_gray:
            self.fail("force_color and force_gray are both given; keep one")
        self.colour = False if change.force_gray else True if change.force_color else None
        backend = type(self.own).DB.Name(self.own.backend)
        self.records = Records(self.own.source, backend)
        self.turn = 0

    def _read(self):
        while self.phase == TRAIN and self.turn % context.world_size != context.rank:
            self._advance()  # another process has it
        key, value = self.records.now()
        return read_datum(value, f"record {key!r} in {self.own.source}", self.colour)

    def _advance(self):
        self.records.advance()
        self.turn += 1

    def _place(self):
        return {"key": self.records.key(), "turn": self.turn}

    def _go_to(self, place):
        self.records.go_to(place["key"])
        self.turn = int(place["turn"])
