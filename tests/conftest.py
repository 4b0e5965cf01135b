"""Small data sets, and which tests can run in this Python."""

import importlib.util
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from nets import save_random_weights
from support import blobs, caffe_program, smooth, with_engine


def pytest_collection_modifyitems(items):
    missing = {"caffe": caffe_program("python") is None, "torch": importlib.util.find_spec("torch") is None}
    for item in items:
        if missing["caffe"] and item.get_closest_marker("caffe"):
            item.add_marker(pytest.mark.skip(reason="needs real Caffe: make caffe"))
        if all(missing.values()) and item.get_closest_marker("engine"):
            item.add_marker(pytest.mark.skip(reason="needs an engine: make venv, or make caffe"))
    items.sort(key=lambda item: item.get_closest_marker("long") is None)  # else one of them ends all alone


@pytest.fixture(autouse=True, scope="session")
def surroundings():
    """One thread, since the nets are tiny; and Ctrl-C works, also where the tests run in the background."""
    for library in ("OMP", "OPENBLAS"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
    from cellseg.images.write import write_image

    images, masks = blobs(5, 128)
    for number, (image, mask) in enumerate(zip(images, masks)):
        split = tmp_path / "real" / ("train" if number < 3 else "test")
        write_image(split / "images" / f"cell_{number}.png", (image * 50 + 5).astype(np.uint8))
        write_image(split / "masks" / f"cell_{number}.png", mask.astype(np.uint8) * 255)
    return tmp_path / "real"


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A small net with random weights that find blobs in `support.smooth`, and its side file."""
    from cellseg.data.normalisation import normalise
    from cellseg.files import sha256, write_json
    from cellseg.network import Fcn, deploy_net

    folder = tmp_path_factory.mktemp("model")
    (folder / "deploy.prototxt").write_text(deploy_net(Fcn(features=4), "net", 32, 32))
    path, image = folder / "net.caffemodel", normalise(smooth(64, 64))
    with_engine(save_random_weights, folder / "deploy.prototxt", path, 30, image)
    usage = {"normalisation": "percentile", "threshold": 0.5, "smallest_object": 6, "largest_hole": 9}
    write_json(folder / "net.segmentation.json", {**usage, "deploy": "deploy.prototxt", "model_sha256": sha256(path)})
    return path


@pytest.fixture
def shipped(model, tmp_path, monkeypatch):
    """The same net as the one model that ships, called nuclei, whose cells had a median diameter of 12 pixels."""
    import json

    from cellseg.files import write_json, write_text
    from cellseg.models import shipped as module

    folder = tmp_path / "shipped models/nuclei"
    folder.mkdir(parents=True)
    for name, source in (("deploy.prototxt", "deploy.prototxt"), ("model.caffemodel", model.name)):
        (folder / name).write_bytes(model.with_name(source).read_bytes())
    settings = json.loads(model.with_name("net.segmentation.json").read_text())
    known = {"diameter": 12.0, "recipe": "best", "scores": {"mean F1, fields/test": 0.8125}}
    write_json(folder / "model.segmentation.json", {**settings, **known})
    write_text(folder / "card.md", "# Blobs in noise\n\nFor tests only.\n")
    monkeypatch.setattr(module, "_FOLDER", folder.parent)
    return folder
