"""ONNX Runtime, on the graph of `cellseg.export.onnx_graph`."""

import numpy as np
import onnxruntime

from benchmarks.contenders import DEPLOY, IMAGES, WEIGHTS
from benchmarks.worker import threads
from cellseg.export.onnx_graph import onnx_graph


class Contender:
    """See `benchmarks.contenders`; on the processor."""

    def __init__(self, _option):
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = threads()

    def about(self):
        """Its version."""
        return {"name": "onnxruntime", "version": onnxruntime.__version__, "threads": threads()}

    def inference(self):
        """Runs of a session."""
        model = onnx_graph(DEPLOY, WEIGHTS).SerializeToString()
        session = onnxruntime.InferenceSession(model, self.options, providers=["CPUExecutionProvider"])
        images = np.load(IMAGES)

        def run(count):
            for _ in range(count):
                (probability,) = session.run(["prob"], {"data": images})
            return probability

        return run
