"""Layers that make data: Input, DummyData, MemoryData and HDF5Data."""

import numpy as np

from cellseg.engine.later import context, later, torch
from cellseg.engine.layers.base import Layer, check_size, shown
from cellseg.engine.transform import Transformer
from cellseg.errors import CellsegError

_rows, _log = later("cellseg.engine.torch.hdf5_rows"), later("cellseg.engine.torch.log")
TRAIN = 0


class _Source(Layer):
    """A layer without bottoms. `state` and `set_state` are for a resume that goes on in mid-epoch."""

    BOTTOMS = (0, 0)
    TOPS = (1, None)

    def backward(self, top_gradients):
        return [], []

    def state(self):
        """dict: what the layer's next batches depend on, in values that JSON can hold."""
        return {}

    def set_state(self, state):
        """Go on from where `state` was taken."""

    def _from_files(self, function, *arguments):
        """What a function reads from files; its errors get the layer's name."""
        try:
            return function(*arguments)
        except CellsegError as error:
            self.fail(str(error))

    def _one_each(self, field, values):
        """Values of a field that may be given once for all tops."""
        values, tops = list(values), len(self.parameter.top)
        if len(values) not in (1, tops):
            self.fail(f"{field} must be given once or for each of {tops} tops, is given {len(values)} times")
        return values * tops if len(values) == 1 else values

    def _sized(self, shapes):
        for shape in shapes:
            try:
                check_size(shape)
            except CellsegError as error:
                self.fail(str(error))
        return shapes


class Input(_Source):
    """Tops that Python fills, or whoever feeds the net."""

    def reshape(self, bottom_shapes):
        shapes = [tuple(shape.dim) for shape in self.parameter.input_param.shape]
        return self._sized(self._one_each("shape", shapes) if shapes else [()] * len(self.parameter.top))

    def forward(self, bottoms, weights, down, learn):
        """Nothing: the tops keep what they hold."""
        return []


class DummyData(_Source):
    """Tops that fillers fill: constants once, others anew at each pass."""

    def setup(self, bottom_shapes):
        p, tops = self.parameter.dummy_data_param, len(self.parameter.top)
        if len(p.data_filler) not in (0, 1, tops):
            self.fail(f"data_filler must be given not at all, once, or for each of {tops} tops")
        self.fillers = self._one_each("data_filler", p.data_filler) if p.data_filler else [None] * tops
        legacy = [p.num, p.channels, p.height, p.width]
        if any(legacy):
            if p.shape:
                self.fail("both shape and num, channels, height, width are given; keep shape")
            names = ("num", "channels", "height", "width")
            self.sizes = list(zip(*(self._one_each(name, sides) for name, sides in zip(names, legacy))))
        else:
            self.sizes = [tuple(shape.dim) for shape in self._one_each("shape", p.shape)]
        self._sized(self.sizes)

    def open(self):
        self.constants = [self._filled(top) if self._is_constant(top) else None for top in range(len(self.sizes))]

    def reshape(self, bottom_shapes):
        return self.sizes

    def forward(self, bottoms, weights, down, learn):
        return [self._filled(top) if values is None else values for top, values in enumerate(self.constants)]

    def _is_constant(self, top):
        return self.fillers[top] is None or self.fillers[top].type == "constant"

    def _filled(self, top):
        if self.fillers[top] is None:
            return torch.zeros(self.sizes[top], device=context.device)
        return self.filled(self.fillers[top], self.sizes[top])


class MemoryData(_Source):
    """Batches of the arrays that a script gives: ``net.set_input_arrays(data, labels)``."""

    TOPS = (2, 2)
    STARTS_ANEW = True
    arrays = None

    def setup(self, bottom_shapes):
        p = self.parameter.memory_data_param
        self.shape = p.batch_size, p.channels, p.height, p.width
        if 0 in self.shape:
            self.fail(f"batch_size, channels, height and width are {shown(self.shape)}; each must be 1 or more")

    def open(self):
        transform = self._from_files(Transformer, self.parameter.transform_param, self.phase)
        transform.seed()  # as Caffe does, which uses it no further
        if self.parameter.HasField("transform_param"):
            _log.info(f"{self.name}: arrays are taken as they are, without transform_param, as by Caffe")

    def reshape(self, bottom_shapes):
        return self._sized([self.shape, self.shape[:1]])

    def set_arrays(self, data, labels):
        """Take arrays, which are not copied: see `cellseg.engine.torch.net.Net.set_input_arrays`."""
        data, labels = (np.asarray(array, np.float32) for array in (data, labels))
        if data.ndim != 4 or data.shape[1:] != self.shape[1:]:
            self.fail(f"data is {shown(data.shape)}; it must be N x {shown(self.shape[1:])}")
        if labels.shape not in ((len(data),), (len(data), 1, 1, 1)):
            self.fail(f"labels are {shown(labels.shape)}; there must be one for each of {len(data)} images")
        if not len(data) or len(data) % self.shape[0]:
            self.fail(f"{len(data)} images are no multiple of batch_size {self.shape[0]}")
        self.arrays, self.place = (data, labels.reshape(-1)), 0

    def forward(self, bottoms, weights, down, learn):
        if self.arrays is None:
            self.fail("has no data; call net.set_input_arrays(data, labels) before the first pass")
        rows = slice(self.place, self.place + self.shape[0])
        self.place = rows.stop % len(self.arrays[1])
        data, labels = (torch.tensor(array[rows], device=context.device) for array in self.arrays)
        return [data, labels.reshape(-1, 1, 1, 1)]  # whose shape is another before the first pass


class HDF5Data(_Source):
    """Batches of rows from the HDF5 files of a list; see `cellseg.engine.torch.hdf5_rows`."""

    SHAPED_BY_FILES = True

    def setup(self, bottom_shapes):
        p = self.parameter.hdf5_data_param
        if self.parameter.HasField("transform_param"):
            self.fail("does not transform data; take transform_param out, and write the files as the net needs them")
        if p.batch_size < 1:
            self.fail(f"batch_size is {p.batch_size}; it must be 1 or more")

    def open(self):
        p = self.parameter.hdf5_data_param
        self.rows = self._from_files(_rows.HDF5Rows, p.source, list(self.parameter.top), p.shuffle, context.rand)

    def reshape(self, bottom_shapes):
        return self._sized([(self.parameter.hdf5_data_param.batch_size, *shape) for shape in self.rows.shapes])

    def forward(self, bottoms, weights, down, learn):
        share = (context.rank, context.world_size) if self.phase == TRAIN else (0, 1)
        return self._from_files(self.rows.take, self.parameter.hdf5_data_param.batch_size, *share)

    def require_classes(self, top, classes, ignore=None):
        """Refuse files, now and whenever one is loaded, in which a top holds labels that are none of the classes."""
        self._from_files(self.rows.require_classes, top, classes, ignore)

    def state(self):
        return self.rows.state()

    def set_state(self, state):
        self._from_files(self.rows.set_state, state)
