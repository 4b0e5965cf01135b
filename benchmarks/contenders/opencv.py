"""OpenCV's DNN module, on Caffe's own files."""

import cv2
import numpy as np

from benchmarks.contenders import DEPLOY, IMAGES, WEIGHTS
from benchmarks.worker import threads


class Contender:
    """See `benchmarks.contenders`; on the processor."""

    def __init__(self, _option):
        if not hasattr(cv2.dnn, "readNetFromCaffe"):
            raise ImportError(f"OpenCV {cv2.__version__} does not read Caffe's files; 4.x does")
        cv2.setNumThreads(threads())

    def about(self):
        """Its version."""
        return {"name": "opencv", "version": cv2.__version__, "threads": cv2.getNumThreads()}

    def inference(self):
        """Forward passes."""
        net = cv2.dnn.readNetFromCaffe(DEPLOY, WEIGHTS)
        images = np.load(IMAGES)

        def run(count):
            for _ in range(count):
                net.setInput(images, "data")
                probability = net.forward("prob")
            return probability

        return run
