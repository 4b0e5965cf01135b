"""Networks layer by layer: real Caffe's numbers before and behind each layer, and the embedded engine on the same ones.

Whole passes cannot be compared number by number. Where two values of a pooling window are equal but for rounding, or
a ReLU's bottom is 0 but for rounding, the gradient goes this way or that, as the BLAS kernel's rounding decides. Here
each layer of the engine gets Caffe's own bottoms and top gradients, bit for bit, so that both decide alike.
"""

import numpy as np
from rounding import rounding

from cellseg.engine.torch import Net, set_random_seed

#: A pycaffe script for `engines.run`. For each of `cases` (name: prototxt, seed, phase, classes) it writes NAME.npz:
#: "data LAYER BLOB" behind each forward step, "gradient LAYER BLOB" before and "down LAYER BLOB" behind each backward
#: step, "param LAYER INDEX" at first, "after" at last, and their gradients.
CAFFE = """
def steps(text, seed, phase, classes):
    open("net.prototxt", "w").write(text)
    caffe.set_random_seed(seed)
    net = caffe.Net("net.prototxt", phase)
    names, values, rng = list(net._layer_names), {}, np.random.RandomState(seed)

    def note(kind, layer, blobs, attribute="data"):
        for name, blob in blobs:
            values["%s %s %s" % (kind, layer, name)] = getattr(blob, attribute).copy()

    def named(names):
        return [(name, net.blobs[name]) for name in names]

    for layer, blobs in net.params.items():
        note("filled", layer, enumerate(blobs))
        if net.layer_dict[layer].type == "BatchNorm":
            blobs[0].data[...], blobs[1].data[...], blobs[2].data[...] = 0.1, rng.rand(*blobs[1].data.shape) + 0.5, 1
        elif phase == caffe.TRAIN and net.layer_dict[layer].type == "Deconvolution" and blobs[0].data.shape[1] == 1:
            pass  # a fixed upsampling: the engine computes it and the convolution behind it as one
        elif phase == caffe.TRAIN:
            for blob in blobs:
                blob.data[...] = rng.randn(*blob.data.shape) * (2.0 / max(1, blob.data[0].size)) ** 0.5
        note("param", layer, enumerate(blobs))
    for name in net.inputs:
        shape = net.blobs[name].data.shape
        if name == "label" and classes:
            net.blobs[name].data[...] = rng.choice(classes, shape)
        elif name == "weights":
            net.blobs[name].data[...] = rng.rand(*shape) * 0.2 + np.eye(shape[-1])
        else:
            net.blobs[name].data[...] = rng.randn(*shape)
    for layer in names:
        net.forward(start=layer, end=layer)
        note("data", layer, named(net.top_names[layer]))
    for layer, blobs in net.params.items():
        note("after", layer, enumerate(blobs))
    for layer in reversed(names) if phase == caffe.TRAIN else ():
        note("gradient", layer, named(net.top_names[layer]), "diff")
        net.backward(start=layer, end=layer)
        note("down", layer, named(net.bottom_names[layer]), "diff")
    for layer, blobs in net.params.items():
        note("param gradient", layer, enumerate(blobs), "diff")
    for kind, names in (("layers", names), ("blobs", net.blobs), ("outputs", net.outputs)):
        values[kind] = np.frombuffer(" ".join(names).encode(), np.uint8)
    return values

for name, case in given["cases"].items():
    np.savez(name + ".npz", **steps(*case))
"""

#: Operations for a number of a layer that adds up nothing long: an activation, a window of 3x3, a softmax, a power.
FEW = 16
_WINDOWS = ("Convolution", "Deconvolution", "InnerProduct")


class Steps:
    """A net of the embedded engine beside what real Caffe found.

    Parameters
    ----------
    path : path
        The net's prototxt.
    theirs : dict of str to ndarray
        What `CAFFE` found.
    seed, phase : int
        As given to it.

    Attributes
    ----------
    worst : dict of str to (float, str)
        For each kind of comparison the largest difference, as a part of its tolerance, and where.
    fused : list of tuple of str
        Types of the layers that the engine computed as one.
    """

    def __init__(self, path, theirs, seed, phase):
        self.path, self.theirs, self.seed, self.phase = path, theirs, seed, phase
        self.worst, self.compared, self.fused = {}, 0, []

    def compare_all(self):
        """Each layer by itself, those that the engine computes as one, whole passes; raises where they differ."""
        net = self._net()
        for kind, names in (("layers", net._layer_names), ("blobs", net.blobs), ("outputs", net.outputs)):
            assert bytes(self.theirs[kind]).decode().split() == list(names), kind
        layers = list(net._layer_names)
        before = self._before(net)
        for layer in layers:
            self._forward(net, "one layer", before, layer)
        for layer, blobs in net.params.items():
            for index, blob in enumerate(blobs):
                self._check("running sums", blob.data, f"after {layer} {index}", _sum_terms(net, layer))
        if self.phase == 0:
            for layer in reversed(layers):
                self._backward(net, "one layer", layer)
            self._whole_backward(net)
        for fused in net._plan:
            names = [step.layer.name for step in fused.steps]
            if len(names) > 1:
                self.fused.append(tuple(step.layer.type for step in fused.steps))
                self._forward(net, "layers as one", before, *names)
                if self.phase == 0:
                    self._backward(net, "layers as one", *names)
        self._whole_forward()

    def _net(self):
        """The engine's net, with Caffe's parameters and inputs."""
        set_random_seed(self.seed)
        net = Net(self.path, self.phase)
        for layer, blobs in net.params.items():
            for index, blob in enumerate(blobs):
                np.testing.assert_array_equal(blob.data, self.theirs[f"filled {layer} {index}"], f"{layer} {index}")
                blob.data[...] = self.theirs[f"param {layer} {index}"]
        for layer in net._layer_names:
            if net.layer_dict[layer].type == "Input":
                for name in net.top_names[layer]:
                    net.blobs[name].data[...] = self.theirs[f"data {layer} {name}"]
        return net

    def _before(self, net):
        """For each layer Caffe's values of its bottoms when it ran; a later layer may have worked on them in place."""
        now, before = {}, {}
        for layer in net._layer_names:
            before[layer] = {name: now[name] for name in net.bottom_names[layer]}
            now.update({name: self.theirs[f"data {layer} {name}"] for name in net.top_names[layer]})
        return before

    def _forward(self, net, kind, before, *layers):
        first, last = layers[0], layers[-1]
        for layer in reversed(layers):
            for name, array in before[layer].items():
                net.blobs[name].data[...] = array
        if net.layer_dict[first].type != "Input":
            net.forward(start=first, end=last)
        terms = sum(_top_terms(net, layer) for layer in layers)
        for name in net.top_names[last]:
            self._check(f"values of {kind}", net.blobs[name].data, f"data {last} {name}", terms)
            net.blobs[name].data[...] = self.theirs[f"data {last} {name}"]

    def _backward(self, net, kind, *layers):
        """The layers backward; `_forward` has run them."""
        first, last = layers[0], layers[-1]
        for name in net.top_names[last]:
            net.blobs[name].diff[...] = self.theirs[f"gradient {last} {name}"]
        net.clear_param_diffs()
        net.backward(start=last, end=first)
        terms = sum(_bottom_terms(net, layer) for layer in layers)
        for name in net.bottom_names[first]:
            self._check(f"gradients of {kind}", net.blobs[name].diff, f"down {first} {name}", terms)
        for layer in set(layers) & set(net.params):
            for index, blob in enumerate(net.params[layer]):
                expected = f"param gradient {layer} {index}"
                self._check(f"gradients of {kind}", blob.diff, expected, _param_terms(net, layer))

    def _whole_backward(self, net):
        """One pass from the losses to the first layer; which way gradients go is known from the layers' bottoms."""
        net.clear_param_diffs()
        net.backward()
        behind = 0
        for layer in reversed(net._layer_names):
            for index, blob in enumerate(net.params.get(layer, ())):
                terms = behind + _param_terms(net, layer)
                self._check("gradients of a whole pass", blob.diff, f"param gradient {layer} {index}", terms)
            behind += _bottom_terms(net, layer)

    def _whole_forward(self):
        """One pass from the inputs on; the values do not jump at ties."""
        net = self._net()
        net.forward()
        terms, last = 0, {}
        for layer in net._layer_names:
            terms += _top_terms(net, layer)
            last.update(dict.fromkeys(net.top_names[layer], (layer, terms)))
        for name, (layer, terms) in last.items():
            self._check("values of a whole pass", net.blobs[name].data, f"data {layer} {name}", terms)

    def _check(self, kind, ours, name, terms):
        theirs = self.theirs[name]
        assert ours.shape == theirs.shape, (name, ours.shape, theirs.shape)
        assert np.isfinite(theirs).all(), name
        self.compared += theirs.size
        largest = np.abs(theirs).max(initial=0)
        if not largest:
            assert not ours.any(), name
            return
        part = float(np.abs(ours - theirs).max() / largest / rounding(terms))
        self.worst[kind] = max(self.worst.get(kind, (0, "")), (part, f"{name}, {terms} terms"))
        assert part <= 1, f"{kind}: {name} is off by {part:.3g} times what {terms} roundings explain"


def _sum_terms(net, layer):
    """Numbers for each channel of a layer's first bottom."""
    shape = net.blobs[net.bottom_names[layer][0]].data.shape
    return int(np.prod(shape)) // shape[1]


def _top_terms(net, layer):
    """How many numbers make one of a layer's tops."""
    kind = net.layer_dict[layer].type
    if kind in _WINDOWS:
        weight = net.params[layer][0].data
        return weight[:, 0].size if kind == "Deconvolution" else weight[0].size
    if kind == "BatchNorm":
        return FEW + _sum_terms(net, layer)
    if kind.endswith("Loss"):
        return FEW + net.blobs[net.bottom_names[layer][0]].data.size
    return FEW


def _bottom_terms(net, layer):
    """The same for the gradients of its bottoms."""
    kind = net.layer_dict[layer].type
    if kind in _WINDOWS:
        weight = net.params[layer][0].data
        return weight[0].size if kind == "Deconvolution" else weight[:, 0].size
    return FEW + _sum_terms(net, layer) if kind == "BatchNorm" else FEW


def _param_terms(net, layer):
    """The same for those of its parameters: one term for each place where they are used."""
    shape = net.blobs[net.top_names[layer][0]].data.shape
    return max(int(np.prod(shape)) // shape[1], _sum_terms(net, layer))
