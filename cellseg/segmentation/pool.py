"""Images in worker processes of this machine; an image that takes its worker down takes no other one with it."""

import multiprocessing
import os
import signal
import sys
import tempfile
from collections import deque
from contextlib import suppress
from multiprocessing import connection

from cellseg.engine import isolation
from cellseg.errors import CellsegError
from cellseg.segmentation.work import Outcome, loaded, work

_PATIENCE = 30  # seconds for a worker to leave its files in order


def run_in_pool(jobs, settings, workers=1, progress=lambda pixels: None):
    """Segment images.

    Parameters
    ----------
    jobs : sequence of cellseg.segmentation.segment_image.Job
    settings : cellseg.segmentation.options.SegmentationOptions
    workers : int
        Processes, each with its own model and its share of the processor's cores.
    progress : callable
        Told the number of pixels of each finished band.

    Yields
    ------
    cellseg.segmentation.work.Outcome
        As they end.

    Raises
    ------
    CellsegError
        If the model cannot be loaded.
    """
    waiting, count = deque(jobs), min(workers, len(jobs))
    pool = [_Worker(settings, count) for _ in range(count)]
    try:
        while any(worker.busy for worker in pool):
            for worker in connection.wait([worker for worker in pool if worker.busy]):
                kind, value = worker.receive()
                if kind == "pixels":
                    progress(value)
                    continue
                if kind == "died":
                    pool.remove(worker)
                    worker = _Worker(settings, count) if waiting else None
                    pool.extend(filter(None, [worker]))
                elif kind == "refused":
                    raise CellsegError(value)
                elif waiting:
                    worker.give(waiting.popleft())
                else:
                    worker.busy = False
                if isinstance(value, Outcome):
                    yield value
    finally:
        for worker in pool:
            worker.process.terminate()
        for worker in pool:
            worker.process.join(_PATIENCE)
            worker.process.kill()


class _Worker:
    """A process that is busy until it has nothing left to do."""

    def __init__(self, settings, count):
        # PyTorch waits for ever in a fork of a process whose threads it has used.
        context = multiprocessing.get_context("spawn" if "torch" in sys.modules else "fork")
        self._connection, other = context.Pipe()
        self._log = tempfile.NamedTemporaryFile(prefix="cellseg-")  # noqa: SIM115 - lives as long as the worker
        self._job, self.busy = None, True
        threads = max(len(os.sched_getaffinity(0)) // count, 1)
        arguments = (settings, threads, self._log.name, other, self._connection)
        self.process = context.Process(target=_work, args=arguments, daemon=True)
        self.process.start()
        other.close()

    def fileno(self):
        return self._connection.fileno()

    def give(self, job):
        self._job = job
        with suppress(OSError):  # it has died: the next `receive` says so
            self._connection.send(job)

    def receive(self):
        """Kind and value of its next message; "died" with what became of its image where it is no more."""
        try:
            return self._connection.recv()
        except (EOFError, OSError):
            self.process.join()
            why = isolation.why(self._log.read().decode("utf-8", "replace"), max(-self.process.exitcode, 0))
            if self._job is None:
                return "refused", why
            return "died", Outcome(self._job, error=f"{self._job.path}: {why}")


def _work(settings, threads, log, messages, others_end):
    """The worker's life: load the model, then segment what it is given."""
    others_end.close()
    with open(log, "ab") as stream:
        os.dup2(stream.fileno(), 2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides, and sends a SIGTERM
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))
    os.environ.setdefault("GLOG_minloglevel", "2")
    with suppress(KeyboardInterrupt, EOFError, BrokenPipeError):
        try:
            loaded(settings)
        except CellsegError as error:
            messages.send(("refused", str(error)))
            return
        messages.send(("ready", None))
        while True:
            job = messages.recv()
            outcome = work(job, settings, progress=lambda pixels: messages.send(("pixels", pixels)))
            messages.send(("done", outcome))
