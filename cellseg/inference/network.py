"""The maps that a deploy net gives for images of any size: the probability of cell, and the distance if it has that.

With real Caffe the net is held by a child process, of the Python that has it (`cellseg.engine.process`); this module
runs there, too, and so under Python 3.9.
"""

import contextlib
import os

import numpy as np

from cellseg import engine
from cellseg.engine import process
from cellseg.engine.names import kind_of
from cellseg.engine.transfer import INITIALISED, plan_transfer
from cellseg.engine.weights import read_weights
from cellseg.errors import CellsegError
from cellseg.progress import bar

_LOG_LEVEL = "GLOG_minloglevel"


def predict(engine_name, deploy, weights, images, batch=10, orientations=1):
    """Run a deploy net.

    Parameters
    ----------
    engine_name : str
        See `cellseg.engine.load`.
    deploy, weights : str or path
        Deploy prototxt (blob ``data`` in, two-class ``prob`` out, ``distance`` if it has that) and ``.caffemodel``.
    images : sequence of ndarray of shape (H, W)
        Normalised grey values. Sizes may differ; an image whose sides are no multiple of the net's stride is
        extended by reflection and the result cut back.
    batch : int
        Largest number of images of the same size a pass.
    orientations : {1, 8}
        8 to average over the quarter turns of each image and of its mirror image, each turned back.

    Returns
    -------
    maps : list of ndarray of shape (M, H, W), float32
        See `Network`.
    engine : dict
        See `cellseg.engine.describe`.

    Raises
    ------
    CellsegError
        If the weights do not fill the net, or its output is not two maps of the input's size.
    """
    result = []
    with open_network(engine_name, deploy, weights) as network, bar("image")(total=len(images)) as progress:
        for start, stop in _runs(images, batch):
            stack = np.stack(images[start:stop])
            passes = [turned_back(network(turned(stack, way)), way) for way in range(orientations)]
            result.extend(np.mean(passes, axis=0, dtype=np.float32))
            progress.update(len(stack))
    return result, network.engine


def open_network(engine_name, deploy, weights):
    """Load a deploy net with its weights.

    Parameters
    ----------
    engine_name, deploy, weights
        As in `predict`, with its errors.

    Returns
    -------
    Network
        In this process for the embedded engine; for real Caffe one that asks a child process.
    """
    from cellseg.engine.layers.python import refuse_code  # here, since Caffe's Python has this module alone
    from cellseg.engine.prototxt import read_net

    refuse_code(read_net(deploy).layer, deploy)
    if kind_of(engine_name) == "caffe":
        return _NetworkInChild(engine_name, deploy, weights)
    return Network(engine_name, deploy, weights)


def run_net(engine_name, deploy, weights, batches):
    """Run any net that has inputs. To be called through `cellseg.engine.process.call`.

    Parameters
    ----------
    engine_name, deploy, weights : str
    batches : sequence of dict of str to ndarray
        Values of the inputs, by name.

    Returns
    -------
    outputs : list of dict of str to ndarray
        All outputs of the net, for each batch.
    engine : dict
        See `cellseg.engine.describe`.
    """
    caffe = engine.load(engine_name)
    net = caffe.Net(str(deploy), caffe.TEST)
    net.copy_from(str(weights))
    outputs = []
    for batch in batches:
        for name, values in batch.items():
            net.blobs[name].reshape(*values.shape)
            net.blobs[name].data[...] = values
        net.forward()
        outputs.append({name: net.blobs[name].data.copy() for name in net.outputs})
    return outputs, engine.describe(caffe)


class Network:
    """A deploy net with its weights, in an engine that is loaded into this very process; see `open_network`.

    Call it with normalised images (N, H, W) of one size; it gives their maps (N, M, H, W) as float32: the probability
    of cell, 0 to 1, and, if the net has a blob ``distance``, how far a pixel is from the edge of its cell
    (`cellseg.data.targets.distance_map`). Images whose sides are no multiple of `stride` are extended by reflection and
    the result cut back.

    Attributes
    ----------
    engine : dict
        See `cellseg.engine.describe`.
    stride : int
        How much smaller than the input the smallest maps of the net are.
    maps : int
        M, 1 or 2.
    keeps_blobs : bool
        See `cellseg.engine.keeps_blobs`.
    deploy : str or path
    """

    def __init__(self, engine_name, deploy, weights):
        caffe = engine.load(engine_name)
        self.engine = engine.describe(caffe)
        self.deploy = deploy
        with _without_log():
            self._net = caffe.Net(str(deploy), caffe.TEST)
            _check_complete(self._net, weights, deploy)
            self._net.copy_from(str(weights))
        for name in ("data", "prob"):
            if name not in self._net.blobs:
                raise CellsegError(f"{deploy}: has no blob '{name}'; a deploy net takes 'data' and gives 'prob'")
        self.stride, self.keeps_blobs = _stride(self._net), engine.keeps_blobs(self._net)
        self.maps = 2 if "distance" in self._net.outputs else 1

    def __call__(self, stack):
        height, width = stack.shape[1:]
        margins = [(0, -side % self.stride) for side in (height, width)]
        padded = np.pad(stack, [(0, 0), *margins], mode="symmetric")
        data = self._net.blobs["data"]
        data.reshape(len(padded), 1, *padded.shape[1:])
        data.data[...] = padded[:, None]
        with _without_log():
            engine.forward_only(self._net, ("prob", "distance")[: self.maps])
        size = padded.shape[1:]
        maps = [self._output("prob", 2, len(padded), size)[:, 1:]]
        if self.maps > 1:
            maps.append(self._output("distance", 1, len(padded), size))
        return np.concatenate(maps, axis=1)[:, :, :height, :width].copy()

    def _output(self, name, channels, images, size):
        output = self._net.blobs[name].data
        if output.shape != (images, channels, *size):
            shapes = f"gives {output.shape[1:]} for {size}"
            raise CellsegError(f"{self.deploy}: '{name}' {shapes}; give a two-class net")
        return output

    def close(self):
        """End what the network needs besides memory."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class _NetworkInChild(Network):
    """The same, held by a child process."""

    def __init__(self, engine_name, deploy, weights):
        self._checked = 0
        self._check_memory(deploy)
        self._child = process.Child(engine_name)
        try:
            self.engine, self.stride, self.maps, self.keeps_blobs = self._child.call(
                _open, engine_name, deploy, weights
            )
        except BaseException:
            self.close()
            raise
        self.deploy = deploy

    def __call__(self, stack):
        if stack.size > self._checked:
            self._check_memory(
                self.deploy, (len(stack), 1, *(-(-side // self.stride) * self.stride for side in stack.shape[1:]))
            )
            self._checked = stack.size
        return self._child.call(_run, stack)

    def _check_memory(self, deploy, shape=None):
        from cellseg.engine.fits import check_net  # here, since Caffe's Python has this module alone

        check_net(deploy, shape)

    def close(self):
        self._child.close()


_opened: list = []  # in a child: its network


def _open(engine_name, deploy, weights):
    _opened[:] = [Network(engine_name, deploy, weights)]
    return _opened[0].engine, _opened[0].stride, _opened[0].maps, _opened[0].keeps_blobs


def _run(stack):
    return _opened[0](stack)


def turned(stack, way):
    """Orientation number `way`, 0 to 7, of images (..., H, W): quarter turns, from 4 on of their mirror images."""
    return np.rot90(stack[..., ::-1] if way >= 4 else stack, way % 4, axes=(-2, -1))


def turned_back(stack, way):
    """Undo `turned`."""
    back = np.rot90(stack, -(way % 4), axes=(-2, -1))
    return back[..., ::-1] if way >= 4 else back


@contextlib.contextmanager
def _without_log():
    """Keep the engine from writing what it builds to the terminal, unless ``GLOG_minloglevel`` asks for it."""
    asked = _LOG_LEVEL in os.environ
    os.environ.setdefault(_LOG_LEVEL, "2")
    try:
        yield
    finally:
        if not asked:
            del os.environ[_LOG_LEVEL]


def _check_complete(net, weights, deploy):
    """Every parameter must come from the weights; Caffe would leave the others as initialised, without a word."""
    shapes = {layer: [blob.data.shape for blob in blobs] for layer, blobs in net.params.items()}
    for row in plan_transfer(read_weights(weights), shapes, str(weights)):
        if row.status == INITIALISED:
            raise CellsegError(f"{weights}: has no weights for layer '{row.layer}' of {deploy}; give its own net")


def _stride(net):
    """How much smaller than the input the net's smallest maps are: input sides must be multiples of it."""
    height = net.blobs["data"].shape[2]
    return max(height // blob.shape[2] for blob in net.blobs.values() if len(blob.shape) == 4)


def _runs(images, batch):
    """Index ranges of at most `batch` neighbouring images of one size."""
    start = 0
    for index in range(1, len(images) + 1):
        if index == len(images) or index - start == batch or images[index].shape != images[start].shape:
            yield start, index
            start = index
