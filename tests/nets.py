"""What tests do with a net, in whichever process holds the engine; runs under Python 3.9, too."""

import numpy as np

from cellseg import engine


def save_random_weights(deploy, weights, gain=1, image=None, seed=7):
    """Weights from a net's fillers; those of its scores times `gain`, and half of the pixels of `image` are cell."""
    caffe = engine.load()
    caffe.set_random_seed(seed)
    net = caffe.Net(str(deploy), caffe.TEST)
    for name, blobs in net.params.items():
        if name.startswith("bn_"):
            blobs[1].data[...], blobs[2].data[...] = 1, 1
    net.params["score"][0].data[...] *= gain
    if image is not None:
        net.blobs["data"].reshape(1, 1, *image.shape)
        net.blobs["data"].data[...] = image
        net.forward()
        background, cell = net.blobs["score"].data[0]
        net.params["score"][1].data[1] -= np.median(cell - background)
    net.save(str(weights))


def seen_by_outputs(deploy, side):
    """Width in pixels of what the outputs see, measured: one pixel lights up at a time, through positive weights."""
    caffe = engine.load()
    net = caffe.Net(str(deploy), caffe.TEST)
    for name, blobs in net.params.items():
        for number, blob in enumerate(blobs):
            blob.data[...] = (0, 1, 1)[number] if name.startswith("bn_") else (0.1, 0)[number]
    net.blobs["data"].reshape(side, 1, side, side)
    net.blobs["data"].data[...] = 0
    for column in range(side):
        net.blobs["data"].data[column, 0, side // 2, column] = 1e6
    net.forward()
    lit = net.blobs["score"].data[:, 1].max(axis=1) > 0
    return max(int(np.ptp(np.flatnonzero(lit[:, column]))) + 1 for column in range(side))


def execute(name, script, given):
    """Run a script on an engine; it has `caffe`, `np` and the dict `given`, and fills the dict `found`."""
    caffe, found = engine.load(name), {}
    caffe.set_mode_cpu()
    exec(script, {"caffe": caffe, "np": np, "given": given, "found": found})
    return found


def open_net(path):
    """Build a net; gives the names of its blobs."""
    return list(engine.load().Net(str(path), 1).blobs)


def described_by(name):
    """What an engine says of itself."""
    return engine.describe(engine.load(name))


def same(value):
    """What it is given."""
    return value
