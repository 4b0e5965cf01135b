"""The written networks against real Caffe: its own generator, its own shapes, its own command line."""

import math
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from support import ROOT, blobs, caffe_program, on_caffe

from cellseg.engine.caffe_schema import NetParameter
from cellseg.engine.geometry import parameter_shapes, trainable_parameters
from cellseg.network import Fcn, UNet, deploy_net, training_net

pytestmark = pytest.mark.caffe


#: The report's network written with pycaffe's own NetSpec, layer by layer.
NETSPEC = """
def netspec():
    from caffe import layers as L

    n = caffe.NetSpec()

    def conv(bottom, maps, kernel=3):
        xavier, zero = {"type": "xavier"}, {"type": "constant", "value": 0}
        pad = kernel // 2
        return L.Convolution(
            bottom, num_output=maps, pad=pad, kernel_size=kernel, weight_filler=xavier, bias_filler=zero
        )

    def up(bottom, maps):
        parameters = {"num_output": maps, "bias_term": False, "pad": 1, "kernel_size": 4, "group": maps, "stride": 2}
        parameters["weight_filler"] = {"type": "bilinear"}
        return L.Deconvolution(bottom, param={"lr_mult": 0, "decay_mult": 0}, convolution_param=parameters)

    def pool(bottom):
        return L.Pooling(bottom, pool=caffe.params.Pooling.MAX, kernel_size=2, stride=2)

    n.data = L.Input(input_param={"shape": {"dim": [1, 1, 128, 128]}})
    n.conv1 = conv(n.data, 32)
    n.relu_conv1 = L.ReLU(n.conv1, in_place=True)
    n.pool1 = pool(n.relu_conv1)
    n.conv2 = conv(n.pool1, 64)
    n.relu_conv2 = L.ReLU(n.conv2, in_place=True)
    n.pool2 = pool(n.relu_conv2)
    n.conv3 = conv(n.pool2, 128)
    n.relu_conv3 = L.ReLU(n.conv3, in_place=True)
    n.pool3 = pool(n.relu_conv3)
    n.conv4 = conv(n.pool3, 512)
    n.relu_conv4 = L.ReLU(n.conv4, in_place=True)
    n.upsample1 = up(n.relu_conv4, 512)
    n.unconv1 = conv(n.upsample1, 128)
    n.relu_unconv1 = L.ReLU(n.unconv1, in_place=True)
    n.upsample2 = up(n.relu_unconv1, 128)
    n.unconv2 = conv(n.upsample2, 64)
    n.relu_unconv2 = L.ReLU(n.unconv2, in_place=True)
    n.upsample3 = up(n.relu_unconv2, 64)
    n.unconv3 = conv(n.upsample3, 32)
    n.relu_unconv3 = L.ReLU(n.unconv3, in_place=True)
    n.score = conv(n.relu_unconv3, 2, kernel=1)
    n.prob = L.Softmax(n.score)
    return n.to_proto()

found["text"] = str(netspec())
"""


def parse(text):
    return text_format.Parse(text, NetParameter())


@pytest.fixture(scope="module")
def netspec():
    return parse(on_caffe(NETSPEC)["text"])


def test_deploy_net_equals_netspec(netspec):
    ours = parse((ROOT / "prototxt" / "deploy.prototxt").read_text())
    assert [str(layer) for layer in ours.layer] == [str(layer) for layer in netspec.layer]


def test_training_net_has_the_same_layers_between_data_and_loss(netspec):
    deploy = {layer.name: str(layer) for layer in netspec.layer if layer.name not in ("data", "prob")}
    for stage in ("pretrain", "finetune"):
        net = parse((ROOT / "prototxt" / f"{stage}.prototxt").read_text())
        layers = {layer.name: str(layer) for layer in net.layer}
        assert {name: layers.pop(name) for name in deploy} == deploy
        assert sorted(layers) == ["accuracy", "data", "loss"]
        kinds = [layer.type for layer in net.layer if layer.name not in deploy]
        assert kinds == ["HDF5Data", "HDF5Data", "SoftmaxWithLoss", "Accuracy"]


@pytest.mark.parametrize(
    "variant", [Fcn(), Fcn(poolings=2, kernel=5), Fcn(features=8, score_kernel=3), UNet(), UNet(2, 5, 6)]
)
def test_caffe_allocates_the_shapes_and_sizes_that_we_say(variant, tmp_path):
    (tmp_path / "net.prototxt").write_text(deploy_net(variant, "net", 64, 32))
    script = """
net = caffe.Net(given["deploy"], caffe.TEST)
found["shapes"] = {name: [tuple(blob.data.shape) for blob in blobs] for name, blobs in net.params.items()}
found["prob"] = []
for size in given["sizes"]:
    net.blobs["data"].reshape(1, 1, *size)
    net.forward()
    found["prob"].append(net.blobs["prob"].data.copy())
"""
    sizes = [(2**variant.poolings, 5 * 2**variant.poolings), (128, 128)]
    found = on_caffe(script, deploy=str(tmp_path / "net.prototxt"), sizes=sizes)
    shapes = found["shapes"]
    assert shapes == parameter_shapes(variant)
    fixed = ("upsample", "bn_")
    learned = [shape for name, blobs in shapes.items() if not name.startswith(fixed) for shape in blobs]
    assert sum(map(math.prod, learned)) == trainable_parameters(variant)
    for size, probability in zip(sizes, found["prob"], strict=True):
        assert probability.shape == (1, 2, *size)
        np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-6)


def test_weights_are_xavier_and_upsampling_is_bilinear_and_fixed(tiny_data):
    Path("net.prototxt").write_text(
        training_net(Fcn(), "net", str(tiny_data / "train.txt"), str(tiny_data / "test.txt"), 5, 6)
    )
    fields = {"base_lr": 0.1, "lr_policy": '"fixed"', "weight_decay": 0.1, "net": '"net.prototxt"', "test_iter": 1}
    Path("solver.prototxt").write_text(
        "".join(f"{name}: {value}\n" for name, value in fields.items()) + "test_interval: 9"
    )
    script = """
solver = caffe.get_solver("solver.prototxt")
for steps in (0, 2):
    solver.step(steps)
    found[steps] = {name: solver.net.params[name][0].data.copy() for name in given["names"]}
"""
    found = on_caffe(script, names=["conv2", "upsample1", "unconv3"])
    before, after = found[0], found[2]
    bound = np.sqrt(3 / (32 * 9))
    assert 0.99 * bound < np.abs(before["conv2"]).max() <= bound
    row = np.array([0.25, 0.75, 0.75, 0.25])
    np.testing.assert_array_equal(before["upsample1"][7, 0], np.outer(row, row).astype(np.float32))
    np.testing.assert_array_equal(after["upsample1"], before["upsample1"])
    assert np.abs(after["unconv3"] - before["unconv3"]).max() > 0


def test_stock_caffe_trains_on_the_committed_files_unchanged(tmp_path, monkeypatch):
    """The CUDA-free `caffe train`, past the first step of its learning rate, on patches of 8x8: that takes seconds."""
    from cellseg.data.hdf5 import write_split

    monkeypatch.chdir(tmp_path)
    for folder in ("prototxt", "solvers"):
        shutil.copytree(str(ROOT / folder), folder)
    Path("runs/data/simulated").mkdir(parents=True)
    Path("runs/pretrain").mkdir()  # a run of ours, which must not be written to
    for split, count in (("train", 200), ("test", 60)):
        images, masks = blobs(count, 8, seed=count)
        write_split("runs/data/simulated", "runs/data/simulated", split, images, masks)
    command = [caffe_program("caffe"), "train", "--solver", "solvers/pretrain.prototxt"]
    log = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as caffe:
        for line in caffe.stderr:
            log.append(line)
            if "Iteration 400, lr = 0.001" in line:
                caffe.send_signal(signal.SIGINT)
    log = "".join(log)
    assert caffe.returncode == 0, log[-2000:]
    assert "Iteration 380, lr = 0.01" in log and "Iteration 400, lr = 0.001" in log
    assert "Iteration 400, Testing net (#0)" in log
    assert "Optimization stopped early." in log
    assert Path("runs/caffe_pretrain_iter_400.caffemodel").stat().st_size > 4 * 1365282
    assert not list(Path("runs/pretrain").iterdir())
