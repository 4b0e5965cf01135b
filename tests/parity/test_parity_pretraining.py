"""200 iterations of the report's own pretraining on both engines: same seed, same data, same files.

The patches are the middles of the simulated ones, 64x64 of 128x128 pixels, so that real Caffe is done in a minute;
net and solver are those of the report, unchanged.
"""

import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
from engines import run
from scipy.special import expit
from support import ROOT

from cellseg.evaluation.sweep import Sweep

PRETRAIN = """
solver = caffe.get_solver("solvers/pretrain.prototxt")
losses = []
for _ in range(200):
    solver.step(1)
    losses.append(float(solver.net.blobs["loss"].data))
found["losses"] = np.array(losses)
net = solver.test_nets[0]
net.share_with(solver.net)
scores, labels = [], []
for _ in range(6):
    net.forward()
    scores.append(net.blobs["score"].data.copy())
    labels.append(net.blobs["label"].data.copy())
found["score"], found["label"] = np.concatenate(scores), np.concatenate(labels)
found["weights"] = solver.net.params["unconv1"][0].data
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the report's files, and its simulated data at half the side."""
    folder = tmp_path_factory.mktemp("pretraining")
    for name in ("prototxt", "solvers"):
        shutil.copytree(str(ROOT / name), str(folder / name))
    make = [sys.executable, str(ROOT / "tools" / "make_data.py"), "simulated", "--out", "runs/data/simulated"]
    subprocess.run(make, cwd=str(folder), check=True, stdout=subprocess.DEVNULL)
    for path in folder.glob("runs/data/simulated/*.h5"):
        with h5py.File(str(path), "r") as file:
            middle = {name: file[name][:, :, 32:96, 32:96] for name in file}
        with h5py.File(str(path), "w") as file:
            for name, array in middle.items():
                file[name] = array
    return folder


def test_both_engines_learn_the_same(place):
    found = {name: run(name, place, PRETRAIN)[0] for name in ("torch", "caffe")}
    ours, theirs = (found[name]["losses"] for name in ("torch", "caffe"))
    for iteration in range(0, 200, 20):
        print(f"iteration {iteration:3d}: loss {ours[iteration]:.6f} (torch) {theirs[iteration]:.6f} (caffe)")
    difference = np.abs(ours - theirs)
    print(f"largest difference of a loss: {difference.max():.2g}; of the first 50: {difference[:50].max():.2g}")
    np.testing.assert_array_equal(found["torch"]["label"], found["caffe"]["label"])
    mcc = {}
    for name, arrays in found.items():
        sweep = Sweep()
        sweep.add(expit(arrays["score"][:, 1] - arrays["score"][:, 0]), arrays["label"][:, 0] == 1)
        mcc[name] = sweep.best_mcc
    print(f"test MCC: {mcc['torch']:.5f} (torch) {mcc['caffe']:.5f} (caffe)")
    assert difference[:50].max() < 1e-3 and difference.max() < 0.02
    assert mcc["caffe"] > 0.3 and abs(mcc["torch"] - mcc["caffe"]) < 0.005
