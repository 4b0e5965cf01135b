"""Python layers, unchanged, on real Caffe and on the engine: the kinds of fully convolutional nets and of detectors."""

import sys

import numpy as np
import pytest
from caffe_server import CaffeServer
from PIL import Image
from test_parity_data import on_torch

RNG = np.random.default_rng(6)

#: As in scripts for segmentation: images and labels from files, tops shaped anew for each, a loss.
SEGMENTATION = '''
import ast
import os

import caffe
import numpy as np
from PIL import Image


class Pairs(caffe.Layer):
    """Reads an image and its labels, one pair a pass, each of a size of its own."""

    def setup(self, bottom, top):
        params = ast.literal_eval(self.param_str)
        self.folder, self.names = params["folder"], params["names"]
        self.random = np.random.RandomState(params["seed"])
        if len(top) != 2 or len(bottom):
            raise Exception("two tops: data and label")
        self.place = 0

    def reshape(self, bottom, top):
        image = Image.open(os.path.join(self.folder, self.names[self.place] + ".png"))
        self.data = np.array(image, dtype=np.float32)[:, :, ::-1].transpose((2, 0, 1)) - 100
        label = Image.open(os.path.join(self.folder, self.names[self.place] + "_label.png"))
        self.label = np.array(label, dtype=np.uint8)[np.newaxis, ...]
        top[0].reshape(1, *self.data.shape)
        top[1].reshape(1, *self.label.shape)

    def forward(self, bottom, top):
        top[0].data[...] = self.data
        top[1].data[...] = self.label
        self.place = self.random.randint(0, len(self.names))

    def backward(self, top, propagate_down, bottom):
        pass

    def give(self, order):
        """What a script does to the layer of its net."""
        self.names = [self.names[number] for number in order]


class Squares(caffe.Layer):
    """Half of the mean square of what lies between its bottoms, with a factor that it learns."""

    def setup(self, bottom, top):
        if len(bottom) != 2:
            raise Exception("Need two inputs to compute distance.")
        self.blobs.add_blob(1)
        self.blobs[0].data[...] = 1.5

    def reshape(self, bottom, top):
        if bottom[0].count != bottom[1].count:
            raise Exception("Inputs must have the same dimension.")
        self.diff = np.zeros_like(bottom[0].data, dtype=np.float32)
        top[0].reshape(1)

    def forward(self, bottom, top):
        self.diff[...] = self.blobs[0].data * bottom[0].data - bottom[1].data
        top[0].data[...] = np.sum(self.diff ** 2) / bottom[0].num / 2.0 + 0 * self.phase

    def backward(self, top, propagate_down, bottom):
        scale = top[0].diff[0] / bottom[0].num
        self.blobs[0].diff[...] += np.sum(self.diff * bottom[0].data) * scale
        for i in range(2):
            if not propagate_down[i]:
                continue
            sign = self.blobs[0].data[0] if i == 0 else -1
            bottom[i].diff[...] = sign * self.diff * scale
'''

#: As in scripts for detectors: settings as text, tops of a number of rows that only the forward pass knows.
DETECTION = '''
import caffe
import numpy as np


class Rows(caffe.Layer):
    """The places with a high score, a row each: image, x, y, and the score of each channel."""

    def setup(self, bottom, top):
        key, _, value = self.param_str.partition(":")
        self.threshold = float(value)
        assert key == "'threshold'", key
        top[0].reshape(1, 3)
        if len(top) > 1:
            top[1].reshape(1, bottom[0].channels, 1, 1)

    def reshape(self, bottom, top):
        """Reshaping happens during the call to forward."""

    def forward(self, bottom, top):
        assert bottom[0].data.shape[0] == 1
        scores = bottom[0].data[0]
        y, x = np.nonzero(scores.max(axis=0) > self.threshold)
        rows = np.hstack([np.zeros((len(x), 1)), np.stack([x, y], axis=1)]).astype(np.float32, copy=False)
        top[0].reshape(*(rows.shape))
        top[0].data[...] = rows
        if len(top) > 1:
            top[1].reshape(len(rows), scores.shape[0], 1, 1)
            top[1].data[...] = scores[:, y, x].T[:, :, None, None]

    def backward(self, top, propagate_down, bottom):
        """This layer does not propagate gradients."""
'''

NET = """
layer { name: "pairs" type: "Python" top: "data" top: "label" python_param {
  module: "segmentation" layer: "Pairs" param_str: "%s" } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" param { lr_mult: 1 } param { lr_mult: 2 }
  convolution_param { num_output: 2 kernel_size: 3 pad: 1 weight_filler { type: "gaussian" std: 0.01 } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "rows" type: "Python" bottom: "conv" top: "rows" top: "scores" propagate_down: false
  python_param { module: "boxes.detection" layer: "Rows" param_str: "'threshold': 0" } }
layer { name: "fc" type: "InnerProduct" bottom: "scores" top: "fc" param { lr_mult: 0 } param { lr_mult: 0 }
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "score" type: "Convolution" bottom: "conv" top: "score" convolution_param {
  num_output: 1 kernel_size: 1 weight_filler { type: "gaussian" std: 0.1 } } }
layer { name: "squares" type: "Python" bottom: "score" bottom: "label" top: "loss" loss_weight: 0.5
  python_param { module: "segmentation" layer: "Squares" } }
"""

SCRIPT = """
import sys
sys.path.insert(0, given["path"])
for name, text in (("net", given["net"]), ("solver", given["solver"])):
    with open(name + ".prototxt", "w") as file:
        file.write(text)
solver = caffe.SGDSolver("solver.prototxt")
solver.net.layers[0].give([2, 0, 1, 1])
for turn in range(5):
    solver.step(1)
    for name, blob in solver.net.blobs.items():
        found["%s %d" % (name, turn)] = blob.data.copy()
    for name, blobs in solver.net.params.items():
        for number, blob in enumerate(blobs):
            found["%s %d %d" % (name, number, turn)] = blob.data.copy()
            found["%s diff %d %d" % (name, number, turn)] = blob.diff.copy()
solver.net.save("weights")
net = caffe.Net("net.prototxt", caffe.TEST)
net.copy_from("weights")
found["learnt"] = net.params["squares"][0].data.copy()
found["types"] = np.array([len(net.layers), [layer.type for layer in net.layers].count("Python")])
"""


@pytest.fixture(scope="module")
def caffe():
    with CaffeServer() as server:
        yield server


def test_layers_of_segmentation_and_detection(caffe, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setitem(sys.modules, "caffe", None)  # as it is again afterwards
    del sys.modules["caffe"]
    (tmp_path / "boxes").mkdir()
    (tmp_path / "boxes/__init__.py").write_text("")
    (tmp_path / "boxes/detection.py").write_text(DETECTION)
    (tmp_path / "segmentation.py").write_text(SEGMENTATION)
    for name, (height, width) in {"a": (5, 7), "b": (8, 6), "c": (9, 9)}.items():
        Image.fromarray(RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(tmp_path / f"{name}.png")
        Image.fromarray(RNG.integers(0, 3, (height, width), dtype=np.uint8)).save(tmp_path / f"{name}_label.png")
    given = {
        "path": str(tmp_path),
        "net": NET % {"folder": str(tmp_path), "names": ["a", "b", "c"], "seed": 1},
        "solver": 'net: "net.prototxt" base_lr: 1e-4 lr_policy: "fixed" momentum: 0.9 random_seed: 2 '
        "snapshot_after_train: false",
    }
    theirs = caffe.script(SCRIPT, **given)
    (tmp_path / "work").mkdir()
    ours = on_torch(tmp_path / "work", SCRIPT, **given)
    assert set(ours) == set(theirs)
    assert len({theirs[f"data {turn}"].shape for turn in range(5)}) > 1
    assert len({theirs[f"rows {turn}"].shape for turn in range(5)}) > 1
    for name, values in theirs.items():
        assert ours[name].shape == values.shape, name
        scale = np.abs(values).max(initial=0) or 1
        assert np.abs(ours[name] - values).max(initial=0) <= 1e-5 * scale, name
    assert theirs["learnt"] != 1.5
