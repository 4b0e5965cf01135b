"""The worker process: one contender, one task, in a folder with the task's files.

It reads requests from standard input and answers on what was its standard output, a JSON object a line:

* ``{"do": "load", "module": ..., "option": ...}``: import it. Answer: its versions as ``about``, or why not as
  ``missing``.
* ``{"do": "prepare", "kind": ..., "batch": ..., "seconds": ..., "result": ...}``: build it, save its first results as
  ``result``. Answer: ``repetitions``, as many as fit into so many seconds, 1 or more.
* ``{"do": "round", "repetitions": ...}``: one untimed repetition, then these. Answer: ``seconds`` and ``peak``, the
  largest resident memory so far in MiB.
"""

import importlib
import json
import os
import resource
import sys
import time

import numpy as np

from cellseg.errors import CellsegError

#: The first iterations of a training whose losses are compared: what they learned shows in the later ones.
_LOSSES = 3


def threads():
    """How many threads a contender is to use."""
    return int(os.environ["OMP_NUM_THREADS"])


class Worker:
    """Does what is asked, each request a method."""

    def load(self, module, option):
        """Import a contender."""
        try:
            self.contender = importlib.import_module(f"benchmarks.contenders.{module}").Contender(option)
        except (ImportError, CellsegError) as error:
            return {"missing": " ".join(str(error).split())}
        return {"about": self.contender.about()}

    def prepare(self, kind, batch, seconds, result):
        """Build what runs, save what it computes, and see how long it takes."""
        if kind == "training":
            self.run = self.contender.training(batch)
            np.save(result, [self.run(1) for _ in range(_LOSSES)])
        else:
            self.run = self.contender.inference()
            np.save(result, self.run(1))
        return {"repetitions": max(1, round(seconds / self._time(1)))}

    def round(self, repetitions):
        """Run and take the time."""
        self.run(1)
        seconds = self._time(repetitions)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
        return {"seconds": seconds, "peak": peak}

    def _time(self, repetitions):
        start = time.perf_counter()
        self.run(repetitions)
        return time.perf_counter() - start


def main():
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker()
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(worker, request.pop("do"))(**request)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
