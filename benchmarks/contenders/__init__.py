"""Who takes part.

Each module here has a class ``Contender``, made with an option; that raises ImportError or CellsegError where it is not
installed. It has ``about()``, a dict of versions, ``inference()`` and, if it trains, ``training(batch)``. These read
the files of a task (`SOLVER` and so on) in the working folder and return a function that does a number of repetitions
and gives the last one's loss, or its probabilities of shape (N, 2, H, W): NumPy arrays in, NumPy arrays out.
"""

from dataclasses import dataclass

SOLVER, DEPLOY, WEIGHTS, IMAGES, PATCHES = (
    "solver.prototxt",
    "deploy.prototxt",
    "weights.caffemodel",
    "images.npy",
    "train_0.h5",
)


@dataclass(frozen=True)
class Entry:
    """A line of the table.

    Attributes
    ----------
    name, title : str
    module, option : str
        What runs it.
    bf16 : bool
        Whether it computes in bfloat16.
    ring : int
        Width of the border of the image, in pixels, in which it may differ.
    trains : bool
        Whether it takes part in training.
    """

    name: str
    title: str
    module: str
    option: str = "fp32"
    bf16: bool = False
    ring: int = 0
    trains: bool = True


#: PyTorch's interpolation repeats the border where Caffe's bilinear deconvolution puts zeros; with the convolutions
#: between, this reaches 14 pixels into the image, in the U-Net 21.
_RING = 24

ENTRIES = (
    Entry("caffe", "real Caffe", "pycaffe", "caffe"),
    Entry("torch", "embedded engine", "pycaffe", "torch"),
    Entry("plain", "plain PyTorch", "plain", ring=_RING),
    Entry("onnxruntime", "ONNX Runtime", "onnxruntime", trains=False),
    Entry("opencv", "OpenCV DNN", "opencv", trains=False),
    Entry("torch-bf16", "embedded engine, bfloat16", "pycaffe", "torch-bf16", bf16=True),
    Entry("plain-bf16", "plain PyTorch, bfloat16", "plain", "bf16", bf16=True, ring=_RING),
)
NAMES = tuple(entry.name for entry in ENTRIES)
