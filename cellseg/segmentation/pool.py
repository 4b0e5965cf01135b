"""Images in worker processes of this machine; an image that takes its worker down takes no other one with it.

Several machines are for Dask (`cellseg.segmentation.cluster`), which cannot say which task has ended a worker, and does
it again and again on others.
"""

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import connection
from typing import cast

from cellseg.engine import process
from cellseg.segmentation.options import SegmentationOptions
from cellseg.segmentation.segment_image import Job
from cellseg.segmentation.work import Outcome, loaded, work


def run_in_pool(
    jobs: Sequence[Job],
    settings: SegmentationOptions,
    workers: int = 1,
    progress: Callable[[int], None] = lambda pixels: None,
    started: "Worker | None" = None,
) -> Iterator[Outcome]:
    """Segment images.

    Parameters
    ----------
    jobs : sequence of cellseg.segmentation.segment_image.Job
    settings : cellseg.segmentation.options.SegmentationOptions
    workers : int
        Processes, each with its own model and its share of the processor's cores.
    progress : callable
        Told the number of pixels of each finished band.
    started : Worker, optional
        The only worker, if it was started ahead, with these settings.

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
    with contextlib.ExitStack() as stack:
        busy = [stack.enter_context(started or Worker(settings, count)) for _ in range(count)]
        stack.callback(lambda: [worker.terminate() for worker in busy])  # all at once, before each is waited for
        while busy:
            for worker in cast("list[Worker]", connection.wait(busy)):
                try:
                    kind, value = worker.receive()
                except process.ChildEnded as error:
                    if worker.job is None:  # it ended while it loaded the model
                        raise
                    kind, value = "ended", Outcome(worker.job, error=f"{worker.job.path}: {error}")
                if kind == "report":
                    progress(value)
                    continue
                if isinstance(value, Outcome):
                    yield value
                if waiting and kind == "result":
                    worker.give(waiting.popleft(), settings)
                    continue
                busy.remove(worker)
                if waiting:
                    busy.append(stack.enter_context(Worker(settings, count)))


class Worker(process.Child):
    """A child process that loads the model, then does one job after another.

    Parameters
    ----------
    settings : cellseg.segmentation.options.SegmentationOptions
    count : int
        Of workers that share the processor's cores.
    """

    def __init__(self, settings, count=1):
        chosen = "OMP_NUM_THREADS" in os.environ
        super().__init__(threads=None if chosen else max(process.cores() // count, 1))
        self.job = None
        self.send(_load, settings)

    def give(self, job, settings):
        """Let it do a job."""
        self.job = job
        self.send(_do, job, settings)


def _load(settings):
    loaded(settings)


def _do(job, settings):
    return work(job, settings, progress=process.report)
