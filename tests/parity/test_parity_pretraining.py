"""60 iterations of the report's own pretraining on both engines: same seed, same data, same files.

Training magnifies rounding, step by step. By how much, the embedded engine itself says: it learns again from first
weights that are changed by as much as rounding may change them in these iterations.

The patches are the middles of the simulated ones, 32x32 of 128x128 pixels, so that real Caffe is done in seconds;
net and solver are those of the report, unchanged.
"""

import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
from engines import run
from rounding import rounding
from scipy.special import expit
from support import ROOT

from cellseg.evaluation.sweep import Sweep

pytestmark = pytest.mark.long

ITERATIONS = 60
PRETRAIN = """
solver = caffe.get_solver("solvers/pretrain.prototxt")
signs = np.random.RandomState(given["seed"])
for blobs in solver.net.params.values():
    for blob in blobs:
        blob.data[...] *= 1 + given["change"] * signs.choice([-1, 1], blob.data.shape)
losses = []
for _ in range(given["iterations"]):
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
    """A folder with the report's files, and its simulated data at a quarter of the side."""
    folder = tmp_path_factory.mktemp("pretraining")
    for name in ("prototxt", "solvers"):
        shutil.copytree(str(ROOT / name), str(folder / name))
    make = [sys.executable, str(ROOT / "tools" / "make_data.py"), "simulated", "--out", "runs/data/simulated"]
    subprocess.run(make, cwd=str(folder), check=True, stdout=subprocess.DEVNULL)
    for path in folder.glob("runs/data/simulated/*.h5"):
        with h5py.File(str(path), "r") as file:
            middle = {name: file[name][:, :, 48:80, 48:80] for name in file}
        with h5py.File(str(path), "w") as file:
            for name, array in middle.items():
                file[name] = array
    return folder


def test_both_engines_learn_the_same(place):
    def learnt(engine, change=0, seed=0):
        found, _ = run(engine, place, PRETRAIN, iterations=ITERATIONS, change=change, seed=seed)
        sweep = Sweep()
        sweep.add(expit(found["score"][:, 1] - found["score"][:, 0]), found["label"][:, 0] == 1)
        return found["losses"], sweep.best_mcc, found["label"]

    ours, theirs = learnt("torch"), learnt("caffe")
    changed = [learnt("torch", rounding(ITERATIONS), seed) for seed in (1, 2)]
    np.testing.assert_array_equal(ours[2], theirs[2])
    magnified = np.maximum.accumulate(np.max([np.abs(losses - ours[0]) for losses, _, _ in changed], axis=0))
    allowed = 2 * magnified + rounding(ours[2].size) * theirs[0].max()
    difference = np.abs(ours[0] - theirs[0])
    for iteration in (*range(0, ITERATIONS, 10), ITERATIONS - 1):
        numbers = " ".join(f"{losses[iteration]:.6f}" for losses in (ours[0], theirs[0]))
        print(f"iteration {iteration}: loss {numbers}, {difference[iteration]:.1e} of {allowed[iteration]:.1e} allowed")
    spread = max(abs(mcc - ours[1]) for _, mcc, _ in changed)
    print(f"test MCC: {ours[1]:.5f} {theirs[1]:.5f}, changed weights: {spread:.5f}")
    assert (difference <= allowed).all() and allowed.max() < 0.1 * theirs[0].max()
    assert theirs[1] > 0.3 and abs(ours[1] - theirs[1]) <= 0.002 + 2 * spread
