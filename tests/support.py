"""Shared by all tests: the command, in this process and as one of its own, and easy images."""

import contextlib
import io
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
from nets import execute
from scipy import ndimage

from cellseg.engine import process
from cellseg.engine.names import kind_of, python_with
from cellseg.errors import CellsegError

ROOT = Path(__file__).resolve().parents[1]

#: The image's one Python, if this is it.
IMAGE_PYTHON = os.environ.get("CELLSEG_PYTHON")
#: The engine that "auto" finds.
ENGINE = kind_of("auto")


def caffe_program(name):
    """A program of real Caffe's folder, "python" or "caffe"; None if there is no real Caffe."""
    try:
        python = python_with("caffe") or sys.executable
    except CellsegError:
        return None
    beside = Path(python).with_name(name)
    return str(beside) if beside.exists() else name


def with_engine(function, *arguments, name=ENGINE):
    """Call a function of `nets` where an engine is: here, or for real Caffe in a child process."""
    if name == "caffe":
        return process.call(function, *arguments, engine=name)
    return function(*arguments)


def on_caffe(script, **given):
    """The arrays that a script finds on real Caffe, run in the working folder; see `nets.execute`."""
    return process.call(execute, "caffe", script, given, engine="caffe")


def run_tool(name, *arguments, cwd, timeout=300):
    """Run ``tools/<name>.py`` as a process of its own; gives its exit code, standard output and error."""
    command = [sys.executable, str(ROOT / "tools" / f"{name}.py"), *map(str, arguments)]
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


@contextlib.contextmanager
def full_disk(size=1000):
    """No file may become larger than so many bytes, as on a disk that is full by then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


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


def evaluation_record(**changes):
    """The content of an ``evaluation.json`` from before versions, with only what every one holds."""
    indicators = dict.fromkeys(("specificity", "precision", "recall", "accuracy", "f_score", "mcc"), 0.5)
    return {
        **indicators,
        "data": "test.txt",
        "engine": "torch",
        "images": 1,
        "foreground": 0.1,
        "threshold": 0.5,
        "best_threshold": 0.5,
        "best_mcc": 0.5,
        "baseline_otsu": indicators,
        **changes,
    }


def run_record(**changes):
    """The content of a ``run.json`` from before versions, with only what every one holds."""
    return {
        "stage": "finetune",
        "command": "tools/train.py",
        "status": "finished",
        "data": {"folder": "data"},
        "normalisation": "percentile",
        "schedule": {"samples": 20, "test_samples": 6, "batch": 10, "epochs": 3, "seed": 0},
        "variant": {"poolings": 3, "kernel": 3, "features": 32, "score_kernel": 1},
        **changes,
    }


class LabelledPlane:
    """A plane as `cellseg.segmentation.plane_result.PlaneResult` has it, of a label image that is given."""

    def __init__(self, labels, grey=None, **index):
        from types import SimpleNamespace

        from cellseg.segmentation.measurement import measure

        self.array, self.more, self.count = labels, {}, int(labels.max())
        grey = np.ones(labels.shape) if grey is None else grey
        self.plane = SimpleNamespace(shape=labels.shape, index=index, read=lambda t, b, le, r: grey[t:b, le:r])
        self.table = measure(labels, grey)

    def labels(self, height):
        """The labels from the top, in arrays of shape (height, W)."""
        return (self.array[top : top + height] for top in range(0, len(self.array), height))
