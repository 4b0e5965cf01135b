"""Nets: layers in order, the blobs between them, and the passes through them; pycaffe's ``Net``."""

import itertools
from collections import OrderedDict, defaultdict

import numpy as np
import torch

from cellseg.engine import prototxt
from cellseg.engine.layers.base import shown
from cellseg.engine.torch import memory, snapshot
from cellseg.engine.torch.building import Building
from cellseg.engine.torch.context import context
from cellseg.engine.torch.log import info
from cellseg.engine.torch.scripting import Scripting, Watched
from cellseg.engine.transfer import same_shape
from cellseg.engine.weights import read_weights
from cellseg.errors import CellsegError
from cellseg.files import replacing

TRAIN, TEST = 0, 1


class Net(Scripting):
    """A net of one phase.

    Parameters
    ----------
    network_file : str or path
        Net prototxt.
    phase : int
        `TRAIN` or `TEST`. The older order, weights second and phase third, is understood too.
    level : int, optional
    stages : sequence of str, optional
        For the rules of the layers.
    weights : str or path, optional
        Weights to copy by name.

    Raises
    ------
    CellsegError
        If the prototxt cannot be read, a layer is not supported, or shapes do not fit; with the layer's name.
    """

    def __init__(self, network_file, phase, level=0, stages=None, weights=None):
        if not isinstance(phase, int):
            phase, level, weights = level, 0, phase
        self._build(prototxt.read_net(network_file), phase, level, stages or ())
        if weights is not None:
            self.copy_from(weights)

    @classmethod
    def from_parameter(cls, parameter, phase, level=0, stages=()):
        """Make a net from a NetParameter that has been read already."""
        net = cls.__new__(cls)
        net._build(parameter, phase, level, stages)
        return net

    @property
    def blobs(self):
        """OrderedDict of str to Blob: all blobs by name, in the order in which they are made."""
        return self._blobs

    @property
    def params(self):
        """OrderedDict of str to list of Blob: the parameters of the layers that have any."""
        return OrderedDict((step.layer.name, step.layer.params) for step in self._steps if step.layer.params)

    @property
    def layers(self):
        """list of Layer: with ``type`` and ``blobs``; of Python layers the script's own objects."""
        return [getattr(step.layer, "object", step.layer) for step in self._steps]

    @property
    def layer_dict(self):
        """OrderedDict of str to Layer: `layers` by name."""
        return OrderedDict(zip(self._layer_names, self.layers))

    @property
    def steps(self):
        """list of Step: the engine's own layers in their places."""
        return self._steps

    @property
    def _layer_names(self):
        return [step.layer.name for step in self._steps]

    @property
    def top_names(self):
        """OrderedDict of str to list of str: each layer's tops."""
        return OrderedDict((step.layer.name, step.top_names) for step in self._steps)

    @property
    def bottom_names(self):
        """OrderedDict of str to list of str: each layer's bottoms."""
        return OrderedDict((step.layer.name, step.bottom_names) for step in self._steps)

    @property
    def blob_loss_weights(self):
        """OrderedDict of str to float: the loss weight of each blob."""
        weights = OrderedDict((name, 0.0) for name in self._blobs)
        for step in self._steps:
            weights.update({name: weight for name, weight in zip(step.top_names, step.loss_weights) if weight})
        return weights

    def forward(self, blobs=None, start=None, end=None, **kwargs):
        """Run the layers from `start` to `end`.

        Parameters
        ----------
        blobs : list of str, optional
            Blobs to return beside the outputs.
        start, end : str, optional
            Layer names; by default the first and the last.
        **kwargs : ndarray
            Values for all inputs, by name.

        Returns
        -------
        dict of str to ndarray
            The outputs (with `end`, that layer's tops) and `blobs`.
        """
        first, last = self._index(start, 0), self._index(end, len(self._steps) - 1)
        wanted = self._steps[last].top_names if end is not None else self.outputs
        if kwargs:
            if set(kwargs) != set(self.inputs):
                raise CellsegError(f"the net's inputs are {', '.join(self.inputs)}, but given are {', '.join(kwargs)}")
            for name, value in kwargs.items():
                shape = self._blobs[name].shape
                if np.shape(value)[:1] != shape[:1]:
                    raise CellsegError(
                        f"input '{name}': {shown(np.shape(value))} given, but the blob is {shown(shape)}"
                    )
                self._blobs[name].data[...] = value
        self.run_forward(first, last)
        return {name: self._blobs[name].data for name in dict.fromkeys([*wanted, *(blobs or ())])}

    def forward_only(self, names):
        """Run all layers, and let go of each blob as soon as no further layer needs it.

        That takes far less memory than `forward`. Such a pass cannot run backward.

        Parameters
        ----------
        names : sequence of str
            Blobs that are kept, besides the inputs; the others read as zeros.
        """
        if self._hooks:  # they may look at any blob
            self.run_forward(record=False)
            return
        self._start()
        last = {blob: step for step in self._steps for blob in (*step.bottoms, *step.tops)}
        done = defaultdict(list)
        for step in self._steps:
            for blob in step.passing:
                if blob not in map(self._blobs.get, names):
                    done[last[blob]].append(blob)
        with memory.enough():
            for part in self._plan:
                part.forward(False)
                part.forget()
                for blob in itertools.chain(*(done[step] for step in part.steps)):
                    blob.let_go()

    def backward(self, diffs=None, start=None, end=None, **kwargs):
        """Run the layers backward from `start` to `end`.

        Parameters
        ----------
        diffs : list of str, optional
            Blobs whose gradients to return beside those of the inputs.
        start, end : str, optional
            Layer names; by default the last and the first.
        **kwargs : ndarray
            Gradients of outputs, by name.

        Returns
        -------
        dict of str to ndarray
            Gradients of the inputs (with `end`, of that layer's bottoms) and `diffs`.
        """
        last, first = self._index(start, len(self._steps) - 1), self._index(end, 0)
        wanted = self._steps[first].bottom_names if end is not None else self.inputs
        for name, value in kwargs.items():
            if name not in self.outputs:
                raise CellsegError(f"'{name}' is no output of the net; outputs are {', '.join(self.outputs)}")
            self._blobs[name].diff[...] = value
        self.run_backward(last, first)
        return {name: self._blobs[name].diff for name in dict.fromkeys([*wanted, *(diffs or ())])}

    def reshape(self):
        """Let the shapes of all blobs follow those of the inputs."""
        for step in self._steps:
            step.shape()
        memory.check(self._steps, self.phase)
        self._checked = self._input_shapes()

    def clear_param_diffs(self):
        """Set the gradients of all parameters to zero."""
        for blob in self.parameters.learnable:
            blob.gradient = None

    def set_input_arrays(self, data, labels):
        """Give the first layer, of type MemoryData, what its next batches are to hold.

        Parameters
        ----------
        data : ndarray of shape (N, C, H, W)
            N a multiple of the layer's batch size.
        labels : ndarray of shape (N,) or (N, 1, 1, 1)

        Raises
        ------
        CellsegError
            If the layer is another, or the arrays do not fit it.
        """
        first = self._steps[0].layer
        if first.type != "MemoryData":
            first.fail("set_input_arrays needs a net whose first layer is of type MemoryData")
        first.set_arrays(data, labels)

    def copy_from(self, weights):
        """Copy weights by layer name, as Caffe does: layers that the file lacks stay as they are.

        Parameters
        ----------
        weights : str or path
            ``.caffemodel`` or ``.caffemodel.h5``.

        Raises
        ------
        CellsegError
            If the file is unreadable, or the blobs of a layer of the same name differ in number or shape.
        """
        named = {}
        for step in self._steps:
            named.setdefault(step.layer.name, step.layer)
        for name, arrays in read_weights(weights).items():
            if name not in named:
                info(f"Ignoring source layer {name}")
                continue
            targets = named[name].params
            if len(arrays) != len(targets):
                advice = "give weights of the same architecture, or rename the layer to leave it as initialised"
                if named[name].type == "BatchNorm" and len(arrays) == 5:
                    advice = "five are those of NVIDIA's BatchNorm, which --fork nvidia (or CELLSEG_FORK=nvidia) takes"
                raise CellsegError(
                    f"{weights}: layer '{name}' has {len(arrays)} blobs, but the net's has {len(targets)}; {advice}"
                )
            for array, target in zip(arrays, targets):
                if not same_shape(array.shape, target.shape):
                    raise CellsegError(
                        f"{weights}: layer '{name}' has the shape {shown(array.shape)}, but the net needs "
                        f"{shown(target.shape)}; give weights of the same architecture, or rename the layer to leave "
                        f"it as initialised"
                    )
                target.data[...] = array.reshape(target.shape)

    def load_hdf5(self, weights):
        """`copy_from` for the HDF5 form."""
        self.copy_from(weights)

    def share_with(self, other):
        """Use the parameters of another net, layer by layer of the same name; they stay the same from then on."""
        mine = {step.layer.name: step.layer for step in reversed(self._steps)}
        for step in other._steps:
            if step.layer.name not in mine:
                continue
            targets = mine[step.layer.name].params
            if [blob.shape for blob in targets] != [blob.shape for blob in step.layer.params]:
                raise CellsegError(f"layer '{step.layer.name}': its parameters have other shapes in the other net")
            for target, blob in zip(targets, step.layer.params):
                target.share_data(blob)

    def save(self, path):
        """Write the weights as a ``.caffemodel``; beside `path` first, then renamed."""
        with replacing(path) as beside:
            snapshot.write_weights(beside, self)

    def save_hdf5(self, path):
        """Write the weights as a ``.caffemodel.h5``."""
        with replacing(path) as beside:
            snapshot.write_weights_hdf5(beside, self)

    def run_forward(self, first=0, last=None, record=True):
        """Run the layers with index `first` to `last`; with `record` so that they can run backward.

        Returns
        -------
        torch.Tensor
            The sum of all losses, weighted. It stays on the device.
        """
        last = len(self._steps) - 1 if last is None else last
        if first == 0 and last == len(self._steps) - 1:
            self._start()
        with memory.enough():
            losses = [loss for step in self._range(first, last) for loss in step.forward(record)]
        return torch.stack(losses).sum() if losses else torch.zeros((), device=context.device)

    def run_backward(self, last=None, first=0):
        """Run the layers backward, from index `last` down to `first`."""
        with memory.enough():
            for step in reversed(self._range(first, len(self._steps) - 1 if last is None else last)):
                step.backward()

    def _start(self):
        """Prepare a pass through the whole net."""
        if self._checked != self._input_shapes():
            self.reshape()
        for step in self._steps:
            step.let_go()

    def _build(self, parameter, phase, level, stages):
        if phase not in (TRAIN, TEST):
            raise CellsegError(f"the phase is {phase}; give caffe.TRAIN ({TRAIN}) or caffe.TEST ({TEST})")
        self.phase, self.name = phase, parameter.name
        self._hooks = defaultdict(list)
        with memory.enough():
            built = Building(parameter, phase, level, stages)
        self._parameter, self._blobs, self._steps, self._plan = built.parameter, built.blobs, built.steps, built.plan
        self.parameters, self.inputs, self.outputs = built.parameters, built.inputs, built.outputs
        self._checked = self._input_shapes()

    def check_memory(self, histories):
        """Refuse a training for which the memory does not do; see `cellseg.engine.torch.memory.check`."""
        memory.check(self._steps, self.phase, histories)

    def _input_shapes(self):
        return [self._blobs[name].shape for name in self.inputs]

    def _range(self, first, last):
        """What runs from one layer to another; a fused step that is not wholly among them runs as single layers."""
        within, chosen = self._steps[first : last + 1], []
        if self._hooks:
            return [Watched(step, number, self._hooks) for number, step in enumerate(within, first)]
        for step in self._plan:
            parts = [part for part in step.steps if part in within]
            chosen += [step] if len(parts) == len(step.steps) else parts
        return chosen

    def _index(self, name, default):
        if name is None:
            return default
        if name not in self._layer_names:
            raise CellsegError(f"the net has no layer '{name}'; it has {', '.join(self._layer_names)}")
        return self._layer_names.index(name)
