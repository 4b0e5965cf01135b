"""The files of a task: Caffe's own, the same for all contenders."""

from pathlib import Path

import numpy as np

from benchmarks.contenders import DEPLOY, IMAGES, SOLVER, WEIGHTS
from cellseg.data.hdf5 import write_split
from cellseg.engine.caffe_schema import NetParameter
from cellseg.engine.geometry import parameter_shapes
from cellseg.engine.prototxt import read_net, read_solver, to_text
from cellseg.files import write_text

#: Training starts as the report's does; in inference the maps keep their size, and probabilities spread from 0 to 1.
GAINS = {"training": 1, "inference": 2}
_ROOT = Path(__file__).resolve().parents[1]


def write_material(folder, task, seed=0):
    """Write what a worker finds in its working folder.

    Parameters
    ----------
    folder : path
    task : Task
    seed : int
        Of images and weights.
    """
    folder = Path(folder)
    rng = np.random.RandomState(seed)
    (folder / WEIGHTS).write_bytes(random_weights(rng, GAINS[task.kind], task.network.layers).SerializeToString())
    images, masks = discs(rng, task.batch * task.batches, task.side)
    if task.kind == "inference":
        np.save(str(folder / IMAGES), images[:, None])
        _write_deploy(folder, task)
    else:
        # the worker stands in `folder`, so the list holds names without one
        write_split(folder, Path.cwd(), "train", images, masks)
        _write_training(folder, task)


def random_weights(rng, gain, network):
    """Normal random weights, with which maps keep their size.

    Parameters
    ----------
    rng : numpy.random.RandomState
    gain : float
        Variance of the weights times inputs of a neuron.
    network : Fcn or UNet

    Returns
    -------
    caffe_schema.NetParameter
        With layers that hold a name and blobs.
    """
    net = NetParameter()
    for name, shapes in parameter_shapes(network).items():
        layer = net.layer.add(name=name)
        for index, shape in enumerate(shapes):
            blob = layer.blobs.add()
            blob.shape.dim.extend(shape)
            blob.data.extend(_weight(rng, gain, name, index, shape).ravel())
    return net


def discs(rng, count, side):
    """Noisy images of bright discs.

    Returns
    -------
    images, masks : ndarray of shape (count, side, side), float32 and bool
    """
    rows, columns = np.indices((side, side))
    masks = np.zeros((count, side, side), bool)
    for mask in masks:
        for _ in range(8):
            row, column = rng.uniform(0, side, 2)
            mask |= np.hypot(rows - row, columns - column) < side * rng.uniform(0.03, 0.1)
    return (0.6 * masks + rng.uniform(0, 0.4, masks.shape)).astype(np.float32), masks


def _weight(rng, gain, name, index, shape):
    if name.startswith("bn_") and index:  # the variances, and what divides the sums
        return rng.uniform(0.5, 1.5, shape) if index == 1 else np.ones(shape)
    if name.startswith("scale_") and not index:
        return rng.uniform(0.5, 1.5, shape)
    if len(shape) == 1:
        return rng.normal(0, 0.1, shape)
    if name.startswith("upsample"):
        line = np.array([0.25, 0.75, 0.75, 0.25])
        return np.broadcast_to(np.outer(line, line), shape)
    return rng.normal(0, np.sqrt(gain / np.prod(shape[1:])), shape)


def _write_deploy(folder, task):
    net = read_net(_ROOT / task.network.deploy)
    net.layer[0].input_param.shape[0].dim[:] = [task.batch, 1, task.side, task.side]
    write_text(folder / DEPLOY, to_text(net))


def _write_training(folder, task):
    """The project's own net and solver, but without tests, log and snapshots, at one rate, the rows in their order."""
    net = read_net(_ROOT / task.network.training)
    net.layer[0].hdf5_data_param.source = "train.txt"
    net.layer[0].hdf5_data_param.batch_size = task.batch
    net.layer[0].hdf5_data_param.shuffle = False
    del net.layer[1]
    write_text(folder / "train.prototxt", to_text(net))
    solver = read_solver(_ROOT / task.network.solver)
    for field in ("test_iter", "test_interval", "display", "average_loss", "snapshot"):
        solver.ClearField(field)
    solver.net, solver.snapshot_prefix, solver.lr_policy = "train.prototxt", "snapshot", "fixed"
    write_text(folder / SOLVER, to_text(solver))
