"""Real Caffe and the embedded engine: one script for both."""

import numpy as np

from benchmarks.contenders import DEPLOY, IMAGES, SOLVER, WEIGHTS
from cellseg import engine


class Contender:
    """See `benchmarks.contenders`; the option is a name of `cellseg.engine.load`."""

    def __init__(self, option):
        self.caffe = engine.load(option)

    def about(self):
        """Engine and version."""
        return engine.describe(self.caffe)

    def training(self, _batch):
        """Iterations of the solver."""
        solver = self.caffe.get_solver(SOLVER)
        solver.net.copy_from(WEIGHTS)

        def run(count):
            solver.step(count)
            return np.array(solver.net.blobs["loss"].data)

        return run

    def inference(self):
        """Forward passes."""
        net = self.caffe.Net(DEPLOY, self.caffe.TEST)
        net.copy_from(WEIGHTS)
        images = np.load(IMAGES)

        def run(count):
            for _ in range(count):
                net.blobs["data"].data[...] = images
                probability = np.asarray(net.forward()["prob"])
            return probability

        return run
