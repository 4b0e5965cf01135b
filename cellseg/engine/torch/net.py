"""Nets: layers in order, the blobs between them, and the passes through them; pycaffe's ``Net``."""

from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
import torch

from cellseg.engine import prototxt
from cellseg.engine.torch import graph, layers, snapshot
from cellseg.engine.torch.blob import Blob
from cellseg.engine.torch.context import context
from cellseg.engine.torch.labels import check_labels
from cellseg.engine.torch.layers.base import Layer, shown
from cellseg.engine.torch.log import info
from cellseg.engine.torch.sharing import Parameters
from cellseg.engine.torch.upsampling import UpsampledConvolution, fits
from cellseg.engine.transfer import same_shape
from cellseg.engine.weights import read_weights
from cellseg.errors import CellsegError

TRAIN, TEST = 0, 1


@dataclass
class Step:
    """One layer in its place in a net.

    Attributes
    ----------
    layer : Layer
    bottoms, tops : list of Blob
    bottom_names, top_names : list of str
    loss_weights : list of float
        One a top; 0 for tops that are no loss.
    down : list of bool
        For each bottom, whether it gets a gradient.
    learn : list of bool
        For each parameter, whether it gets one.
    backward : bool
        Whether the layer runs backward at all.
    shapes : list of tuple of int
        Bottom shapes for which the layer was last shaped.
    """

    layer: Layer
    bottoms: list
    tops: list
    bottom_names: list
    top_names: list
    loss_weights: list = field(default_factory=list)
    down: list = field(default_factory=list)
    learn: list = field(default_factory=list)
    backward: bool = False
    shapes: list = None

    @property
    def has_gradients(self):
        """bool: whether running backward gives any gradient."""
        return self.backward and (any(self.down) or any(self.learn))


class Net:
    """A net of one phase.

    Parameters
    ----------
    network_file : str or path
        Net prototxt.
    phase : int
        `TRAIN` or `TEST`. The older order, weights second and phase third, is understood too.
    weights : str or path, optional
        Weights to copy by name.
    level : int, optional
    stages : sequence of str, optional
        For the rules of the layers.

    Raises
    ------
    CellsegError
        If the prototxt cannot be read, a layer is not supported, or shapes do not fit; with the layer's name.
    """

    def __init__(self, network_file, phase, weights=None, level=0, stages=None):
        if not isinstance(phase, int):
            phase, weights = weights, phase
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
        """list of Layer: with ``type`` and ``blobs``."""
        return [step.layer for step in self._steps]

    @property
    def layer_dict(self):
        """OrderedDict of str to Layer."""
        return OrderedDict((step.layer.name, step.layer) for step in self._steps)

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
            self._shape(step)

    def clear_param_diffs(self):
        """Set the gradients of all parameters to zero."""
        for blob in self.parameters.learnable:
            blob.gradient = None

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
                raise CellsegError(
                    f"{weights}: layer '{name}' has {len(arrays)} blobs, but the net's has {len(targets)}; "
                    f"give weights of the same architecture, or rename the layer to leave it as initialised"
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
        snapshot.write_weights(path, self)

    def save_hdf5(self, path):
        """Write the weights as a ``.caffemodel.h5``."""
        snapshot.write_weights_hdf5(path, self)

    def run_forward(self, first=0, last=None, record=True):
        """Run the layers with index `first` to `last`; with `record` so that they can run backward.

        Returns
        -------
        torch.Tensor
            The sum of all losses, weighted. It stays on the device.
        """
        last = len(self._steps) - 1 if last is None else last
        if first == 0 and last == len(self._steps) - 1:
            self._let_go()
        losses, index = [], first
        while index <= last:
            pair = self._pairs.get(index) if index < last else None
            self._paired.discard(index)
            if pair and pair.holds():
                self._run_pair(index, pair, record)
                self._paired.add(index)
                index += 1
            else:
                self._run(self._steps[index], record)
            step = self._steps[index]
            losses += [(top.tensor.float() * top.gradient).sum() for top, w in zip(step.tops, step.loss_weights) if w]
            index += 1
        return torch.stack(losses).sum() if losses else torch.zeros((), device=context.device)

    def run_backward(self, last=None, first=0):
        """Run the layers backward, from index `last` down to `first`."""
        index = len(self._steps) - 1 if last is None else last
        while index >= first:
            step = self._steps[index]
            if index - 1 in self._paired and step.has_gradients:
                if index > first:
                    self._pair_backward(index - 1)
                    index -= 2
                    continue
                self._unpair(index - 1)
            elif index in self._paired and step.has_gradients:
                self._unpair(index)
            if step.has_gradients:
                self._step_backward(step)
            index -= 1

    def _build(self, parameter, phase, level, stages):
        if phase not in (TRAIN, TEST):
            raise CellsegError(f"the phase is {phase}; give caffe.TRAIN ({TRAIN}) or caffe.TEST ({TEST})")
        self.phase, self.name = phase, parameter.name
        self._parameter = graph.with_splits(graph.included(parameter, phase, level, stages))
        self._blobs, self._steps = OrderedDict(), []
        self.parameters = Parameters()
        unused, self.inputs = OrderedDict(), []
        gradient_at = {}
        for layer_parameter in self._parameter.layer:
            step = self._add_step(layer_parameter, unused, gradient_at)
            if step.layer.type == "Input":
                self.inputs += step.top_names
        self.outputs = sorted(unused)
        graph.prune(self._steps, self._parameter.force_backward)
        self._find_pairs()
        check_labels(self._steps)
        for step in self._steps:
            info(f"{step.layer.name} {'needs' if step.backward else 'does not need'} backward computation.")
        for name in self.outputs:
            info(f"This network produces output {name}")
        info("Network initialization done.")

    def _add_step(self, parameter, unused, gradient_at):
        """Make a layer, find its bottoms, make its tops, and shape it."""
        layer = layers.make(parameter, self.phase)
        info(f"Creating Layer {layer.name}")
        bottom_names = list(parameter.bottom)
        bottoms = [self._blobs[name] for name in bottom_names]
        for name in bottom_names:
            unused.pop(name, None)
        tops, top_names = [], list(parameter.top)
        if layer.LOSS and not top_names:
            top_names = ["(automatic)"]
        for kind, names, (least, most) in (("bottom", bottom_names, layer.BOTTOMS), ("top", top_names, layer.TOPS)):
            if len(names) < least or most is not None and len(names) > most:
                bound = (
                    f"{least}" if least == most else f"{least} to {most}" if most is not None else f"{least} or more"
                )
                layer.fail(f"takes {bound} {kind}s, has {len(names)}")
        for i, name in enumerate(top_names):
            if i < len(bottom_names) and name == bottom_names[i]:
                if not layer.MAY_BE_IN_PLACE:
                    layer.fail(f"cannot work in place; give its top another name than its bottom '{name}'")
                tops.append(bottoms[i])
            else:
                if name in self._blobs and name != "(automatic)":
                    layer.fail(f"its top '{name}' is made by an earlier layer already; give it another name")
                tops.append(Blob())
                self._blobs[name] = tops[i]
            if parameter.top:
                unused[name] = True
        step = Step(layer, bottoms, tops, bottom_names, top_names)
        if parameter.propagate_down and len(parameter.propagate_down) != len(bottoms):
            layer.fail(f"propagate_down is given for {len(parameter.propagate_down)} of {len(bottoms)} bottoms")
        layer.setup([bottom.shape for bottom in bottoms])
        step.learn = self.parameters.add(layer)
        self._weigh(step)
        self._shape(step)
        inherited = [gradient_at.get(id(bottom), False) for bottom in bottoms]
        step.backward = any(inherited) or any(step.learn)
        step.down = list(parameter.propagate_down) or inherited
        step.down = [down and i not in layer.NO_GRADIENT for i, down in enumerate(step.down)]
        gradient_at.update({id(top): step.backward for top in tops})
        if hasattr(layer, "in_place"):
            layer.in_place = bool(tops) and bool(bottoms) and tops[0] is bottoms[0] and self._may_overwrite(tops[0])
        self._steps.append(step)
        return step

    def _may_overwrite(self, blob):
        """Whether the layers that made a blob so far do without its values in their backward pass."""
        return all(
            step.layer.type in ("Convolution", "Deconvolution", "InnerProduct")
            for step in self._steps
            if any(top is blob for top in step.tops)
        )

    @staticmethod
    def _weigh(step):
        layer, given = step.layer, list(step.layer.parameter.loss_weight)
        if given and len(given) != len(step.tops):
            layer.fail(f"loss_weight is given for {len(given)} of {len(step.tops)} tops")
        step.loss_weights = given or [float(layer.LOSS and i == 0) for i in range(len(step.tops))]

    def _shape(self, step):
        """Shape a layer's tops after its bottoms, where those have changed."""
        shapes = [bottom.shape for bottom in step.bottoms]
        if shapes == step.shapes or (not step.bottoms and step.shapes is not None):
            return
        found = step.layer.reshape(shapes)
        for top, shape in zip(step.tops, found):
            top.reshape(*shape)
        step.shapes = shapes
        for top, weight in zip(step.tops, step.loss_weights):
            if weight:
                top.gradient = torch.full(top.shape, weight, device=context.device)
        for name, top in zip(step.top_names, step.tops):
            info(f"Top shape: {' '.join(map(str, top.shape))} ({top.count}) {name}")

    def _let_go(self):
        """Free the memory of the last pass for the one that begins, which computes all of it anew."""
        for step in self._steps:
            for top in step.tops:
                if step.bottoms and not any(top is bottom for bottom in step.bottoms):
                    top.let_go()

    def _run(self, step, record):
        if step.layer.type == "Input":
            return
        self._shape(step)
        backward = record and step.backward
        down, learn = (step.down, step.learn) if backward else ([False] * len(step.down), [False] * len(step.learn))
        weights = [param.tensor for param in step.layer.params]
        results = step.layer.forward([bottom.tensor for bottom in step.bottoms], weights, down, learn)
        for top, result in zip(step.tops, results):
            top.tensor = result

    def _step_backward(self, step):
        bottoms, weights = step.layer.backward([top.gradient_or_none for top in step.tops])
        for bottom, gradient, down in zip(step.bottoms, bottoms, step.down):
            if down:
                bottom.gradient = gradient
        self._accumulate(step, weights)

    @staticmethod
    def _accumulate(step, gradients):
        for param, gradient, learn in zip(step.layer.params, gradients, step.learn):
            if learn and gradient is not None:
                param.add_gradient(gradient)

    def _find_pairs(self):
        """Upsamplings whose only use is the convolution behind them."""
        self._pairs, self._paired = {}, set()
        for index, (first, second) in enumerate(zip(self._steps, self._steps[1:])):
            alone = len(second.bottoms) == len(first.tops) == len(first.bottoms) == len(second.tops) == 1
            if alone and second.bottoms[0] is first.tops[0] and not any(first.learn):
                used = sum(any(bottom is first.tops[0] for bottom in step.bottoms) for step in self._steps)
                if used == 1 and fits(first.layer, second.layer):
                    self._pairs[index] = UpsampledConvolution(first.layer, second.layer)

    def _run_pair(self, index, pair, record):
        first, second = self._steps[index], self._steps[index + 1]
        self._shape(first)
        self._shape(second)
        backward = record and second.backward
        down = backward and first.backward and second.down[0] and first.down[0]
        learn = [backward and learn for learn in second.learn]
        second.tops[0].tensor = pair.forward(first.bottoms[0].tensor, down, learn)
        first.tops[0].later(pair.between())

    def _pair_backward(self, index):
        pair, first, second = self._pairs[index], self._steps[index], self._steps[index + 1]
        gradient = second.tops[0].gradient
        bottom, weights = pair.backward(gradient)
        if bottom is not None:
            first.bottoms[0].gradient = bottom
        if second.down[0]:
            first.tops[0].later_gradient(pair.between_gradient(gradient))
        self._accumulate(second, weights)

    def _unpair(self, index):
        """Run two layers that were computed as one again, each for itself."""
        self._paired.discard(index)
        self._run(self._steps[index], True)
        self._run(self._steps[index + 1], True)

    def _index(self, name, default):
        if name is None:
            return default
        if name not in self._layer_names:
            raise CellsegError(f"the net has no layer '{name}'; it has {', '.join(self._layer_names)}")
        return self._layer_names.index(name)
