"""Files of public models that are odd but right: parameters without axes, inputs twice, a solver that only tests."""

import numpy as np
import pytest
from engines import run

from cellseg import engine
from cellseg.engine import schema
from cellseg.errors import CellsegError

INPUT = 'layer { name: "in" type: "Input" top: "data" input_param { shape { dim: [1, 2, 4, 4] } } }\n'
SCALARS = """
layer { name: "slope" type: "PReLU" bottom: "data" top: "a"
  prelu_param { channel_shared: true filler { type: "constant" value: 0.25 } } }
layer { name: "factor" type: "Scale" bottom: "a" top: "b"
  scale_param { num_axes: 0 filler { type: "constant" value: 3 } } }
layer { name: "shift" type: "Bias" bottom: "b" top: "c"
  bias_param { num_axes: 0 filler { type: "constant" value: 2 } } }
"""
TRAIN = """
layer { name: "data" type: "DummyData" top: "data" top: "wanted" dummy_data_param { shape { dim: [2, 3] }
  data_filler { type: "constant" value: -1 } data_filler { type: "constant" value: 1 } } }
layer { name: "slope" type: "PReLU" bottom: "data" top: "a" prelu_param { channel_shared: true } }
layer { name: "loss" type: "EuclideanLoss" bottom: "a" bottom: "wanted" top: "loss" }
"""
SOLVER = (
    'net: "train.prototxt" base_lr: 0.1 momentum: 0.9 snapshot: 0 snapshot_after_train: false snapshot_prefix: "%s" '
)
FILES = {
    "scalars": INPUT + SCALARS,
    "twice": 'input: "data"\n'
    + INPUT
    + 'layer { name: "p" type: "Power" bottom: "data" top: "c" power_param { scale: 5 } }',
    "train": TRAIN,
    "tests": SOLVER % "none" + 'lr_policy: "poly" max_iter: 0 test_iter: 1 test_interval: 1',
    "learns-caffe": SOLVER % "caffe" + 'lr_policy: "fixed" max_iter: 4',
    "learns-torch": SOLVER % "torch" + 'lr_policy: "fixed" max_iter: 4',
}
#: Writes what it makes under the engine's name, and reads what the other one made, where that is there.
SCRIPT = """
import glob, os
me, other = given["me"], given["other"]
def ones(name, weights=None):
    net = caffe.Net(name, caffe.TEST) if weights is None else caffe.Net(name, caffe.TEST, weights=weights)
    net.blobs["data"].data[...] = given["x"]
    net.forward()
    found[f"{name} {os.path.splitext(weights)[1] if weights else ''}"] = net.blobs["c"].data.copy()
    return net
ones("twice.prototxt")
net = ones("scalars.prototxt")
for i, blobs in enumerate(net.params.values()):
    blobs[0].data[...] = i + 0.5
net.save(me + ".caffemodel")
net.save_hdf5(me + ".caffemodel.h5")
for weights in glob.glob(other + ".caffemodel*"):
    ones("scalars.prototxt", weights)
solver = caffe.get_solver("tests.prototxt")
solver.solve()
found["iterations"] = np.array([solver.iter])
solver = caffe.get_solver("learns-" + me + ".prototxt")
solver.step(2)
solver.snapshot()
for state in glob.glob(other + "_iter_2.solverstate"):
    solver.restore(state)
solver.step(2)
found["slope"] = solver.net.params["slope"][0].data.copy()
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the script finds: real Caffe, the embedded engine on its files, real Caffe on those of the engine."""
    folder = tmp_path_factory.mktemp("odd")
    for name, text in FILES.items():
        (folder / f"{name}.prototxt").write_text(text)
    x = np.linspace(-3, 3, 32).reshape(1, 2, 4, 4)
    names = [("caffe", "torch"), ("torch", "caffe"), ("caffe", "torch")]
    results = [run(me, folder, SCRIPT, me=me, other=other, x=x)[0] for me, other in names]
    return folder, results


def test_both_give_the_same_on_files_of_both(found):
    _, (alone, ours, theirs) = found
    assert sorted(ours) == sorted(theirs) and len(ours) == 6 and len(alone) == 4
    assert ours["slope"].shape == () and ours["iterations"] == [0]
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-6, err_msg=name)
    for name in alone:
        np.testing.assert_allclose(ours[name], alone[name], rtol=1e-6, err_msg=name)


def test_a_scalar_of_an_older_form_is_read(found):
    """Files of 2014 give every shape as four numbers."""
    folder, _ = found
    weights = schema.NetParameter.FromString((folder / "caffe.caffemodel").read_bytes())
    for layer in weights.layer:
        for blob in layer.blobs:
            blob.ClearField("shape")
            blob.num = blob.channels = blob.height = blob.width = 1
    (folder / "old.caffemodel").write_bytes(weights.SerializeToString())
    net = engine.load("torch").Net(str(folder / "scalars.prototxt"), 1, weights=str(folder / "old.caffemodel"))
    assert [float(blobs[0].data) for blobs in net.params.values()] == [0.5, 1.5, 2.5]


def test_a_rate_that_falls_to_the_end_needs_one(found, monkeypatch):
    folder, _ = found
    monkeypatch.chdir(folder)
    solver = engine.load("torch").get_solver("tests.prototxt")
    with pytest.raises(CellsegError, match="'poly' needs a max_iter of 1 or more"):
        solver.step(1)
