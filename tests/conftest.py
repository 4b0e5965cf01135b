"""Shared by all tests: the tools as real processes, small data sets, and a place to run them in."""

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

HAS_CAFFE = importlib.util.find_spec("caffe") is not None
#: This interpreter as a command; the one in .caffe/ has to be started through its door.
PYTHON = str(ROOT / ".caffe" / "bin" / "python") if HAS_CAFFE else sys.executable
#: The engine that "auto" finds in this Python.
ENGINE = "caffe" if HAS_CAFFE else "torch"


def pytest_collection_modifyitems(items):
    if not HAS_CAFFE:
        for item in items:
            if item.get_closest_marker("caffe"):
                item.add_marker(pytest.mark.skip(reason="this Python has no pycaffe; `make test` runs both"))
            if item.get_closest_marker("engine") and importlib.util.find_spec("torch") is None:
                item.add_marker(pytest.mark.skip(reason="this Python has no engine; `make test` runs both"))


@pytest.fixture(autouse=True, scope="session")
def surroundings():
    """One thread, since the nets are tiny; and Ctrl-C works, also where the tests run in the background."""
    for library in ("OMP", "OPENBLAS"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    signal.signal(signal.SIGINT, signal.default_int_handler)


def run_tool(name, *arguments, cwd, timeout=300):
    """Run ``tools/<name>.py`` as a process of its own; gives its exit code, standard output and error."""
    command = [PYTHON, str(ROOT / "tools" / f"{name}.py"), *map(str, arguments)]
    return subprocess.run(command, cwd=str(cwd), capture_output=True, text=True, timeout=timeout)


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


@pytest.fixture
def tiny_data(tmp_path, monkeypatch):
    """A data set of 20 training and 6 test patches of 32x32, ``runs/data/tiny`` in the working folder."""
    monkeypatch.chdir(tmp_path)
    from cellseg.data.hdf5 import write_split
    from cellseg.files import make_folder, sha256, write_json

    folder = make_folder(Path("runs/data/tiny"))
    request = {"kind": "simulated", "seed": 0, "normalisation": "unchanged"}
    record = {"request": request, "stand_in": False, "splits": {}}
    for split, count in (("train", 20), ("test", 6)):
        images, masks = blobs(count, 32, seed=count)
        names = write_split(folder, folder, split, images, masks)
        files = {name: sha256(folder / name) for name in names}
        record["splits"][split] = {"patches": count, "foreground": float(masks.mean()), "files": files}
    write_json(folder / "data.json", record)
    return folder


@pytest.fixture
def real_folder(tmp_path):
    """A folder ``{train,test}/{images,masks}`` of 3 and 2 grayscale PNGs of 128x128."""
    from cellseg.data.images import write_image

    images, masks = blobs(5, 128)
    for number, (image, mask) in enumerate(zip(images, masks)):
        split = tmp_path / "real" / ("train" if number < 3 else "test")
        write_image(split / "images" / f"cell_{number}.png", (image * 50 + 5).astype(np.uint8))
        write_image(split / "masks" / f"cell_{number}.png", mask.astype(np.uint8) * 255)
    return tmp_path / "real"


def read_only_place(tmp_path):
    """A path below a file, where no user, root included, can make a folder."""
    (tmp_path / "file").write_text("")
    return os.path.join(str(tmp_path), "file", "out")
