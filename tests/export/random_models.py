"""Deploy nets with random weights, made by the embedded engine in this very process."""

from pathlib import Path

import numpy as np

from cellseg import engine


def make(folder, text, factor=7.5):
    """``deploy.prototxt`` and ``net.caffemodel`` in a folder; what BatchNorm keeps are sums of `factor` batches."""
    deploy, model = Path(folder) / "deploy.prototxt", Path(folder) / "net.caffemodel"
    deploy.write_text(text)
    _save(deploy, model, factor)
    return deploy, model


def _save(deploy, path, factor):
    """Random weights, also of what BatchNorm keeps, whose sums are of `factor` batches."""
    caffe = engine.load("torch")
    caffe.set_random_seed(3)
    net = caffe.Net(str(deploy), caffe.TEST)
    rng = np.random.RandomState(4)
    for name, blobs in net.params.items():
        if name.startswith("bn"):
            blobs[0].data[...] = rng.normal(0, 0.3, blobs[0].data.shape) * factor
            blobs[1].data[...] = rng.uniform(0.5, 1.5, blobs[1].data.shape) * factor
            blobs[2].data[...] = factor
        elif name.startswith("scale"):
            for blob in blobs:
                blob.data[...] = rng.uniform(0.3, 0.9, blob.data.shape)
    net.save(str(path))
