"""Whole networks that are not ours, at odd sizes: names and shapes, forward and backward, of both engines."""

import networks
import pytest
from engines import assert_close, run_both

PASS = """
caffe.set_random_seed(given["seed"])
net = caffe.Net("net.prototxt", given["phase"])
rng = np.random.RandomState(given["seed"])
for layer, blobs in net.params.items():
    if net.layer_dict[layer].type == "BatchNorm":
        blobs[0].data[...], blobs[1].data[...], blobs[2].data[...] = 0.1, rng.rand(*blobs[1].data.shape) + 0.5, 1
    elif given["weights"]:
        for blob in blobs:
            blob.data[...] = rng.randn(*blob.data.shape) * (2.0 / max(1, blob.data[0].size)) ** 0.5
classes = given["classes"]
for name in net.inputs:
    shape = net.blobs[name].data.shape
    if name == "label" and classes:
        net.blobs[name].data[...] = rng.choice(classes, shape)
    elif name == "weights":
        net.blobs[name].data[...] = rng.rand(*shape) * 0.2 + np.eye(shape[-1])
    else:
        net.blobs[name].data[...] = rng.randn(*shape)
net.forward()
if given["phase"] == caffe.TRAIN:
    net.backward()
found["names"] = np.frombuffer(" ".join(net.blobs).encode(), np.uint8)
found["outputs"] = np.frombuffer(" ".join(net.outputs).encode(), np.uint8)
for name, blob in net.blobs.items():
    found[name] = blob.data
    found[name + " gradient"] = blob.diff
for layer, blobs in net.params.items():
    for number, blob in enumerate(blobs):
        found["%s %d" % (layer, number)] = blob.data
        found["%s %d gradient" % (layer, number)] = blob.diff
"""

NETWORKS = {
    "FCN-8s 37x45": (networks.fcn8s(37, 45), [*range(21), 255]),
    "FCN-8s 101x53": (networks.fcn8s(101, 53), [*range(21), 255]),
    "U-Net 189x203": (networks.unet(189, 203), [0, 1]),
    "U-Net of two levels 61x47": (networks.unet(61, 47, depth=2), [0, 1]),
    "FCRN-B 37x45": (networks.fcrn_b(37, 45), None),
    "FCRN-B 101x53": (networks.fcrn_b(101, 53), None),
    "dilated 37x45": (networks.dilated(37, 45), [0, 1, 2, 3]),
}


@pytest.mark.parametrize("phase", [0, 1], ids=["TRAIN", "TEST"])
@pytest.mark.parametrize("name", NETWORKS)
def test_forward_and_backward(tmp_path, name, phase):
    text, classes = NETWORKS[name]
    (tmp_path / "net.prototxt").write_text(text)
    found = run_both(tmp_path, PASS, seed=len(name), phase=phase, classes=classes, weights=phase == 0)
    for kind, tolerance in ((False, 1e-5), (True, 5e-5)):
        parts = ({key: value for key, value in part.items() if key.endswith("gradient") == kind} for part in found)
        assert_close(*parts, tolerance, f"{name}, {'gradients' if kind else 'values'}")
