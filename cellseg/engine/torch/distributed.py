"""Training in several processes at once, started by ``torchrun``; as ``caffe train --gpu all`` does with threads.

Each process reads its own rows of the data (row number modulo processes) with the batch size of the prototxt;
gradients are averaged after each iteration, and the first process alone tests, logs and writes snapshots.
"""

import os

import torch
from torch import distributed

from cellseg.engine.torch.context import context


def join():
    """Meet the other processes, if ``torchrun`` started any."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or distributed.is_initialized():
        return
    distributed.init_process_group("nccl" if context.device.type == "cuda" else "gloo")
    context.rank, context.world_size = distributed.get_rank(), distributed.get_world_size()


def average(tensors):
    """The means of tensors over all processes.

    Returns
    -------
    list of torch.Tensor
        The same tensors where there is one process.
    """
    if context.world_size < 2 or not tensors:
        return tensors
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    distributed.all_reduce(flat)
    return _parts(flat / context.world_size, tensors)


def spread(tensors):
    """Replace tensors by those of the first process, in place."""
    if context.world_size > 1 and tensors:
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.broadcast(flat, 0)
        for part, tensor in zip(_parts(flat, tensors), tensors):
            tensor.copy_(part)


def wait():
    """Wait until all processes are here."""
    if context.world_size > 1:
        distributed.barrier()


def _parts(flat, tensors):
    return [part.view(t.shape) for part, t in zip(flat.split([t.numel() for t in tensors]), tensors)]
