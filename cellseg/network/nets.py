"""Whole nets as prototxt: the learnable part of a network, with its inputs and outputs.

Weights are transferred between nets by layer name, so the names are the same in every net of one network.
"""

from cellseg.network.layers import TEST, TRAIN, data, layer
from cellseg.network.prototxt import to_text

#: The blob and HDF5 dataset of the distance that a network is to learn.
DISTANCE = "distance_target"
#: How much an error of the distance counts beside the loss of the classes, with patches of 128x128 pixels.
#: EuclideanLoss is half the sum over a patch; with this it is 5 times the mean squared error.
DISTANCE_WEIGHT = 10 / 128**2


def training_net(variant, name, train_list, test_list, train_batch, test_batch):
    """The net for training and for the solver's tests, as prototxt.

    Parameters
    ----------
    variant : Fcn or UNet
    name : str
        Name of the net.
    train_list, test_list : str
        HDF5 list files, relative to the folder in which Caffe is started; see `cellseg.data.hdf5`.
    train_batch, test_batch : int
        Patches a batch.

    Returns
    -------
    str
        Blobs ``data`` (N, 1, H, W) and ``label`` (N, 1, H, W; 0 background, 1 cell); outputs ``loss`` and, in
        the test phase, ``accuracy``. For a network with a distance also ``distance_target`` (N, 1, H, W; 0 to 1) and
        ``distance_loss``.
    """
    targets = targets_of(variant)
    head = [
        data(TRAIN, train_list, train_batch, targets, shuffle=True),
        data(TEST, test_list, test_batch, targets),
    ]
    tail = [layer("loss", "SoftmaxWithLoss", ["score", "label"])]
    if DISTANCE in targets:
        tail.append(layer("distance_loss", "EuclideanLoss", ["distance", DISTANCE], loss_weight=DISTANCE_WEIGHT))
    tail.append(dict(layer("accuracy", "Accuracy", ["score", "label"]), include={"phase": TEST}))
    return to_text({"name": name, "layer": head + variant.layers() + tail})


def targets_of(variant):
    """What a network learns from each image: the names of the data set's targets."""
    return ("label", DISTANCE) if "distance" in variant.HEADS else ("label",)


def deploy_net(variant, name, height=128, width=128):
    """The net to use, as prototxt: blob ``data`` (1, 1, H, W) in, ``prob`` (1, 2, H, W) out.

    A network with a distance gives ``distance`` (1, 1, H, W), too.

    Height and width are multiples of 2 to the power of the number of poolings. Reshape ``data`` for other sizes.
    """
    head = {"name": "data", "type": "Input", "top": "data", "input_param": {"shape": {"dim": [1, 1, height, width]}}}
    tail = layer("prob", "Softmax", "score")
    return to_text({"name": name, "layer": [head, *variant.layers(), tail]})
