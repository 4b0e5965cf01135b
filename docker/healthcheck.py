"""The image's health check: a tiny net is trained for five steps on the engine, and on the GPU where one is visible."""

import os
import sys
import tempfile
from pathlib import Path

from cellseg import engine
from cellseg.engine import process

_NET = """
layer { name: "data" type: "DummyData" top: "data" top: "label" dummy_data_param {
  shape { dim: 8 dim: 1 dim: 6 dim: 6 } shape { dim: 8 }
  data_filler { type: "gaussian" std: 1 } data_filler { type: "constant" value: 1 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 3 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "score" type: "InnerProduct" bottom: "conv" top: "score"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "score" bottom: "label" top: "loss" }
"""
_SOLVER = 'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" max_iter: 5 snapshot_after_train: false random_seed: 1\n'


def train(folder):
    """Train for five steps; gives the first and the last loss, and what trained."""
    os.chdir(folder)
    caffe = engine.load("auto")
    solver = caffe.get_solver("solver.prototxt")
    losses = []
    for _ in range(5):
        solver.step(1)
        losses.append(float(solver.net.blobs["loss"].data))
    return losses, engine.describe(caffe)


def main():
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "net.prototxt").write_text(_NET)
        (Path(folder) / "solver.prototxt").write_text(_SOLVER)
        losses, what = process.call(train, folder, engine="auto")
    print(what["name"], what["version"], what.get("device", ""), "losses", *(f"{loss:.3f}" for loss in losses))
    return 0 if losses[-1] < losses[0] else 1


if __name__ == "__main__":
    sys.exit(main())
