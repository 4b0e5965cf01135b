"""Steps that train: how long the report's pretraining takes, and whether two processes train as one does."""

import json
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.gpu_check.run import run_command
from benchmarks.material import discs
from cellseg.data.dataset import build_simulated
from cellseg.data.hdf5 import write_split
from cellseg.data.record import DataRecord, DataRequest, DataSplit, write_data
from cellseg.engine.weights import read_weights
from cellseg.files import make_folder, sha256
from cellseg.training.run import Plan, train

#: What the pretraining in single precision should take on an H200, in seconds.
AIM = 15
#: How much lower a test MCC may be than that in single precision.
_LOSS_OF_MCC = 0.02
_LEAST_MCC = 0.5  # after the pretraining; what learns nothing is near 0
_EPOCHS = 60
#: How far weights of two processes may be from those of one, relative to the largest of each layer.
_ALIKE = {"gloo": 1e-3, "nccl": 5e-2}


def pretraining(setting):
    """Train as the report does, in each precision."""
    data, making = _data(setting)
    found, wrong = {"seconds for the data": making}, []
    for engine in ("torch", "torch-tf32", "torch-bf16"):
        record = _train(setting, data, f"training-{engine}", 1 if setting.small else _EPOCHS, engine)
        mcc = record["last_epoch"]["test_mcc"]
        found[engine] = {"seconds": record["parts"][-1]["seconds"], "test_mcc": mcc, **record["engine"]}
        least = max(_LEAST_MCC, found["torch"]["test_mcc"] - _LOSS_OF_MCC)
        if mcc < least and not setting.small:
            wrong.append(f"{engine}: test MCC {mcc:.3f}, below {least:.3f}")
    if not setting.small:
        found["aim"] = f"{AIM} s in single precision: {'met' if found['torch']['seconds'] < AIM else 'not met'}"
    return {**found, "failed": "; ".join(wrong)} if wrong else found


def processes(setting):
    """Train in two processes that torchrun starts, over NCCL where there are two GPUs, and compare with one process."""
    data, _ = _data(setting)
    backend = "nccl" if setting.gpus > 1 else "gloo"
    epochs = 5 if setting.gpus > 1 else 1
    out = Path(setting.folder) / "two"
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2, "-m", "cellseg"]
    verb = ["train", "pretrain", "--data", data, "--out", out, "--epochs", epochs, "--engine", "torch"]
    hidden = {"CUDA_VISIBLE_DEVICES": ""} if backend == "gloo" else {}
    run_command([*launch, *verb], setting.folder, **hidden)
    two = json.loads((out / "run.json").read_text())
    one = _train(setting, data, "one", epochs, "torch")
    pair = [read_weights(Path(setting.folder) / name / "pretrain.caffemodel") for name in ("two", "one")]
    off = max(
        float(np.abs(a - b).max() / np.abs(b).max())
        for layer in pair[1]
        for a, b in zip(pair[0][layer], pair[1][layer])
    )
    found = {"backend": backend, "processes": two["engine"].get("processes"), "difference_of_weights": off}
    found |= {f"seconds_of_{name}": run["parts"][-1]["seconds"] for name, run in (("two", two), ("one", one))}
    if setting.gpus == 1:
        found["note"] = "one GPU: NCCL was not tried"
    if not off <= _ALIKE[backend] or found["processes"] != 2:
        found["failed"] = f"two processes do not train as one does: weights differ by {off:.2g}"
    return found


def _train(setting, data, name, epochs, engine):
    """Train the report's network; gives the run's record."""
    out = Path(setting.folder) / name
    train(Plan("pretrain", data, out, epochs=epochs, engine=engine))
    return json.loads((out / "run.json").read_text())


def _data(setting):
    """The report's simulated data set, or for a rehearsal twelve small patches; and the seconds that it took."""
    if setting.data:
        return setting.data, 0.0
    started, folder = time.monotonic(), Path(setting.folder) / "data"
    if not setting.small:
        build_simulated(folder)
    elif not folder.exists():
        write_patches(make_folder(folder))
    return str(folder), round(time.monotonic() - started, 1)


def write_patches(folder):
    """Write a data set of ten training and two test patches of 32x32 pixels into an existing folder."""
    splits = {}
    for split, count in (("train", 10), ("test", 2)):
        images, masks = discs(np.random.RandomState(count), count, 32)
        names = write_split(folder, folder, split, images, masks)
        files = {name: sha256(folder / name) for name in names}
        splits[split] = DataSplit(patches=count, foreground=float(masks.mean()), files=files)
    request = DataRequest(kind="simulated", normalisation="percentile", seed=0)
    write_data(folder, DataRecord(request=request, stand_in=False, splits=splits))
