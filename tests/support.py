"""Shared by all tests: the command, in this process and as one of its own, and easy images."""

import contextlib
import importlib.util
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[1]

HAS_CAFFE = importlib.util.find_spec("caffe") is not None
#: The image's one Python, if this is it.
IMAGE_PYTHON = os.environ.get("CELLSEG_PYTHON")
#: A Python that has real Caffe, whether this one has it or not; there if `make caffe` was run.
CAFFE_PYTHON = IMAGE_PYTHON or str(ROOT / ".caffe" / "bin" / "python")
#: This interpreter as a command; the one in .caffe/ has to be started through its door.
PYTHON = CAFFE_PYTHON if HAS_CAFFE else sys.executable
#: Real Caffe's own command, where this Python has real Caffe.
CAFFE = "caffe" if IMAGE_PYTHON else str(ROOT / ".caffe" / "bin" / "caffe")
#: The engine that "auto" finds in this Python.
ENGINE = "caffe" if HAS_CAFFE else "torch"


def run_tool(name, *arguments, cwd, timeout=300):
    """Run ``tools/<name>.py`` as a process of its own; gives its exit code, standard output and error."""
    command = [PYTHON, str(ROOT / "tools" / f"{name}.py"), *map(str, arguments)]
    return subprocess.run(command, cwd=str(cwd), capture_output=True, text=True, timeout=timeout)


def run_verb(verb, *arguments, cwd):
    """Run ``cellseg VERB`` in this process, in a working folder; gives what `run_tool` gives."""
    from cellseg import cli, commands

    words, (out, errors) = [verb, *map(str, arguments)], (io.StringIO(), io.StringIO())
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            code = cli.exit_code(lambda: commands.main(words))
        except SystemExit as end:  # of --help
            code = end.code or 0
    return subprocess.CompletedProcess(["cellseg", *words], code, out.getvalue(), errors.getvalue())


def assert_refused(done, *words):
    """The process ended as every tool does on a user's mistake: exit code 2, one line, no traceback."""
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 2, done.stdout + done.stderr
    assert len(lines) == 1, done.stderr
    for word in words:
        assert str(word) in lines[0], lines[0]


def blobs(count, side, seed=0):
    """Easy images: one bright disc each on a dim, noisy background."""
    rng = np.random.RandomState(seed)
    rows, columns = np.indices((side, side))
    centres = rng.uniform(side // 4, side - side // 4, (count, 2))
    masks = np.stack([np.hypot(rows - row, columns - column) < side / 5 for row, column in centres])
    return (masks * 0.8 + rng.uniform(0, 0.2, masks.shape)).astype(np.float32), masks


def read_only_place(tmp_path):
    """A path below a file, where no user, root included, can make a folder."""
    (tmp_path / "file").write_text("")
    return os.path.join(str(tmp_path), "file", "out")


def smooth(height, width, seed=0):
    """Grey values with blobs in them."""
    grey = ndimage.gaussian_filter(np.random.RandomState(seed).normal(size=(height, width)), 4)
    return ((grey - grey.min()) / np.ptp(grey) * 4000).astype(np.uint16)


class ArrayPlane:
    """An array that is read window by window, as `cellseg.images.source.Plane`; notes the largest window."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.largest = (0, 0)

    def read(self, top, bottom, left, right):
        window = self.array[top:bottom, left:right]
        self.largest = tuple(map(max, self.largest, window.shape))
        return window


def save_random_weights(deploy, weights, gain=1, image=None):
    """Weights from a net's fillers; those of its scores times `gain`, and half of the pixels of `image` are cell.

    To be called through `isolation.call`.
    """
    from cellseg import engine

    caffe = engine.load()
    caffe.set_random_seed(7)
    net = caffe.Net(str(deploy), caffe.TEST)
    for name, blobs in net.params.items():
        if name.startswith("bn_"):
            blobs[1].data[...], blobs[2].data[...] = 1, 1
    net.params["score"][0].data[...] *= gain
    if image is not None:
        net.blobs["data"].reshape(1, 1, *image.shape)
        net.blobs["data"].data[...] = image
        net.forward()
        background, cell = net.blobs["score"].data[0]
        net.params["score"][1].data[1] -= np.median(cell - background)
    net.save(str(weights))
