"""Training in several processes at once, started by ``torchrun``; as ``caffe train --gpu all`` does with threads.

Each process reads its own rows of the data (row number modulo processes) with the batch size of the prototxt;
gradients are averaged after each iteration, and the first process alone tests, logs and writes snapshots. One that is
asked to end (Ctrl-C, SIGTERM, SIGHUP) tells the others with the gradients, so that all end after the same iteration.
"""

import contextlib
import os
import signal
import threading
import time

import torch
from torch import distributed

from cellseg.engine.torch.context import context
from cellseg.errors import CellsegError
from cellseg.interrupts import listen

_asked = _agreed = False  # to end: this process; all, after the last average


def join():
    """Meet the other processes, if ``torchrun`` started any. On GPUs each process takes its own.

    Raises
    ------
    CellsegError
        If there are fewer GPUs than processes on this machine.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or distributed.is_initialized():
        return
    if context.device.type == "cuda":
        _take_gpu(int(os.environ.get("LOCAL_RANK", "0")), int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    store, rank, size = next(distributed.rendezvous("env://"))
    store.set(f"here {rank}", "")
    while not store.check([f"here {one}" for one in range(size)]):
        time.sleep(0.05)  # which a signal ends, as it would not end a wait of PyTorch's
    distributed.init_process_group(
        "nccl" if context.device.type == "cuda" else "gloo", store=store, rank=rank, world_size=size
    )
    context.rank, context.world_size = rank, size
    if threading.current_thread() is threading.main_thread():
        listen(_ask)
        signal.signal(signal.SIGTERM, _ask)


def average(tensors):
    """The means of tensors over all processes.

    Returns
    -------
    list of torch.Tensor
        The same tensors where there is one process.
    """
    global _agreed
    if context.world_size < 2 or not tensors:
        return tensors
    flat = torch.cat([*(tensor.flatten() for tensor in tensors), tensors[0].new_tensor([float(_asked)])])
    with _together():
        distributed.all_reduce(flat)
        _agreed = bool(flat[-1])
    return _parts(flat[:-1] / context.world_size, tensors)


def end_if_asked():
    """Raise `KeyboardInterrupt` if one of the processes was asked to end before the last `average`."""
    global _asked, _agreed
    if _agreed:
        _asked = _agreed = False
        raise KeyboardInterrupt


def spread(tensors):
    """Replace tensors by those of the first process, in place."""
    if context.world_size > 1 and tensors:
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        with _together():
            distributed.broadcast(flat, 0)
        for part, tensor in zip(_parts(flat, tensors), tensors):
            tensor.copy_(part)


def wait():
    """Wait until all processes are here."""
    if context.world_size > 1:
        with _together():
            distributed.barrier()


@contextlib.contextmanager
def _together():
    try:
        yield
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise CellsegError(f"another process of this training has ended, and so it ends here ({reason})") from error


def _ask(*_):
    global _asked
    _asked = True


def _take_gpu(number, processes):
    there = torch.cuda.device_count()
    if processes > there:
        advice = "start one for each GPU, or set CUDA_VISIBLE_DEVICES= to train on processors"
        raise CellsegError(f"{processes} processes on this machine, whose GPUs are {there}; {advice}")
    torch.cuda.set_device(number)
    context.device = torch.device("cuda", number)


def _parts(flat, tensors):
    return [part.view(t.shape) for part, t in zip(flat.split([t.numel() for t in tensors]), tensors)]
