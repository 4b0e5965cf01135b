"""Updates, learning rates, snapshots and logs of the embedded engine beside those of real Caffe."""

import re

import h5py
import numpy as np
import pytest
from engines import assert_close, run, run_both

NET = """name: "small"
layer { name: "data" type: "HDF5Data" top: "data" top: "label" include { phase: TRAIN }
  hdf5_data_param { source: "list.txt" batch_size: 3 } }
layer { name: "data" type: "HDF5Data" top: "data" top: "label" include { phase: TEST }
  hdf5_data_param { source: "list.txt" batch_size: 2 } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  param { lr_mult: 2 decay_mult: 0.5 } param { lr_mult: 0.5 }
  convolution_param { num_output: 5 kernel_size: 3 pad: 1 weight_filler { type: "gaussian" std: 0.3 } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "again" type: "Convolution" bottom: "conv" top: "again" param { name: "w" } param { name: "b" }
  convolution_param { num_output: 5 kernel_size: 3 pad: 1 weight_filler { type: "xavier" } } }
layer { name: "and_again" type: "Convolution" bottom: "again" top: "and_again" param { name: "w" } param { name: "b" }
  convolution_param { num_output: 5 kernel_size: 3 pad: 1 } }
layer { name: "score" type: "Convolution" bottom: "and_again" top: "score" convolution_param { num_output: 2
  kernel_size: 1
  weight_filler { type: "msra" } bias_filler { type: "constant" value: 0.1 } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "score" bottom: "label" top: "loss" }
layer { name: "accuracy" type: "Accuracy" bottom: "score" bottom: "label" top: "accuracy" include { phase: TEST } }
"""
COMMON = 'net: "net.prototxt" random_seed: 11 max_iter: 40 snapshot_prefix: "{engine}" '

TYPES = {
    "SGD": 'type: "SGD" momentum: 0.9',
    "SGD without momentum": 'type: "SGD"',
    "Nesterov": 'type: "Nesterov" momentum: 0.95',
    "AdaGrad": 'type: "AdaGrad" delta: 1e-6',
    "RMSProp": 'type: "RMSProp" rms_decay: 0.95',
    "AdaDelta": 'type: "AdaDelta" momentum: 0.9 delta: 1e-6',
    "Adam": 'type: "Adam" momentum: 0.9 momentum2: 0.99',
}
EXTRAS = {
    "plain": "",
    "L2": "weight_decay: 0.1",
    "L1": 'weight_decay: 0.01 regularization_type: "L1"',
    "clipped": "clip_gradients: 0.05",
    "all": "weight_decay: 0.01 clip_gradients: 0.5 iter_size: 2",
}
POLICIES = {
    "fixed": "",
    "step": "gamma: 0.3 stepsize: 2",
    "exp": "gamma: 0.8",
    "inv": "gamma: 0.1 power: 0.75",
    "multistep": "gamma: 0.5 stepvalue: 1 stepvalue: 2 stepvalue: 5",
    "poly": "power: 0.9",
    "sigmoid": "gamma: 0.5 stepsize: 3",
}

TRAIN = """
for name, text in given["solvers"].items():
    open("solver.prototxt", "w").write(text)
    solver = caffe.get_solver("solver.prototxt")
    solver.step(given["steps"])
    for layer, blobs in solver.net.params.items():
        for number, blob in enumerate(blobs):
            found["%s: %s %d" % (name, layer, number)] = blob.data.copy()
            found["%s: %s %d update" % (name, layer, number)] = blob.diff.copy()
"""


@pytest.fixture
def folder(tmp_path):
    rng = np.random.RandomState(0)
    with h5py.File(f"{tmp_path}/rows.h5", "w") as file:
        image = rng.rand(11, 2, 9, 7).astype(np.float32)
        file["data"], file["label"] = image, (image[:, :1] > 0.6).astype(np.float32)
    (tmp_path / "list.txt").write_text("rows.h5\n")
    (tmp_path / "net.prototxt").write_text(NET)
    return tmp_path


@pytest.mark.parametrize("steps, tolerance", [(1, 1e-6), (3, 1e-5)])
def test_first_updates_of_every_solver_type(folder, steps, tolerance):
    """The first update, and the third, into which what the solver remembers goes."""
    solvers = {
        f"{name}, {extra}": f'{COMMON} base_lr: 0.01 lr_policy: "fixed" {fields} {EXTRAS[extra]}'
        for name, fields in TYPES.items()
        for extra in EXTRAS
    }
    found = run_both(folder, TRAIN, solvers=solvers, steps=steps)
    weights = ({name: array for name, array in part.items() if "update" not in name} for part in found)
    assert_close(*weights, tolerance, f"weights after {steps} updates")
    # An update is the difference of numbers that rounding has touched; AdaDelta divides small numbers by small ones.
    assert_close(*found, 100 * tolerance, f"update {steps}")


def test_eight_updates_under_every_policy(folder):
    solvers = {
        name: f'{COMMON} base_lr: 0.05 lr_policy: "{name}" {fields} momentum: 0.9 weight_decay: 0.001 type: "SGD"'
        for name, fields in POLICIES.items()
    }
    ours, theirs = run_both(folder, TRAIN, solvers=solvers, steps=8)
    weights = ({name: array for name, array in found.items() if "update" not in name} for found in (ours, theirs))
    assert_close(*weights, 1e-5, "weights after eight updates")


RESUME = """
solver = caffe.get_solver("solver.prototxt")
if given["state"]:
    solver.restore(given["state"])
    found["start"] = np.array(solver.iter)
solver.step(given["steps"])
if given["snapshot"]:
    solver.snapshot()
for layer, blobs in solver.net.params.items():
    for number, blob in enumerate(blobs):
        found["%s %d" % (layer, number)] = blob.data.copy()
"""

DEPLOY = """
net = caffe.Net("net.prototxt", caffe.TEST)
net.copy_from(given["weights"])
net.forward()
found["score"], found["loss"] = net.blobs["score"].data, net.blobs["loss"].data
"""


@pytest.mark.parametrize("form, kind", [("BINARYPROTO", "Adam"), ("HDF5", "SGD")])
def test_snapshots_of_each_engine_are_resumed_and_deployed_by_the_other(folder, form, kind):
    suffix = ".h5" if form == "HDF5" else ""
    for writer, reader in (("caffe", "torch"), ("torch", "caffe")):
        text = f'{COMMON} base_lr: 0.02 lr_policy: "multistep" stepvalue: 2 stepvalue: 3 gamma: 0.5 {TYPES[kind]}'
        (folder / "solver.prototxt").write_text(f"{text} snapshot_format: {form}".format(engine=writer))
        state = f"{writer}_iter_4.solverstate{suffix}"
        run(writer, folder, RESUME, state=None, steps=4, snapshot=True)
        if form == "HDF5":
            with h5py.File(str(folder / state), "r") as file:
                kind_of_text = file["learned_net"].id.get_type()
                assert kind_of_text.get_size() == len(f"{writer}_iter_4.caffemodel.h5") + 1, "Caffe reads up to a zero"
        (folder / f"{state}.resume.json").unlink(missing_ok=True)
        resumed = [run(name, folder, RESUME, state=state, steps=3, snapshot=False) for name in ("torch", "caffe")]
        assert resumed[0][0]["start"] == 4
        assert "as Caffe does; the data starts anew" in resumed[0][1]
        assert_close(*(found for found, _ in resumed), 1e-5, f"{writer}'s {form} snapshot, {kind}, resumed by both")
        weights = f"{writer}_iter_4.caffemodel{suffix}"
        deployed = [run(name, folder, DEPLOY, weights=weights)[0] for name in (reader, writer)]
        assert_close(*deployed, 1e-5, f"{writer}'s {form} weights deployed by {reader}")


LINE = re.compile(r"^I\d{4,8} \d\d:\d\d:\d\d\.\d+ +\d+ \S+\] (.*)$", re.MULTILINE)
FORMS = {
    "train": r"Iteration (\d+) \(\S+ iter/s, \S+s/\d+ iters\), loss = (\S+)$",
    "end": r"Iteration (\d+), loss = (\S+)$",
    "train output": r"    Train net output #(\d+): (\w+) = (\S+)( \(\* 1 = \S+ loss\))?$",
    "rate": r"Iteration (\d+), lr = (\S+)$",
    "testing": r"Iteration (\d+), Testing net \(#(\d+)\)$",
    "test output": r"    Test net output #(\d+): (\w+) = (\S+)( \(\* 1 = \S+ loss\))?$",
    "clipping": r"Gradient clipping: scaling down gradients \(L2 norm (\S+) > (\S+)\) by scale factor (\S+)$",
    "step": r"MultiStep Status: Iteration (\d+), step = (\d+)$",
    "snapshot": r"Snapshotting to binary proto file (\S+)$",
    "state": r"Snapshotting solver state to binary proto file (\S+)$",
    "done": r"Optimization Done\.$",
}


def parsed(log):
    """The lines of a log that tell of the training, as (form, values)."""
    lines = []
    for text in LINE.findall(log):
        lines += [(form, match.groups()) for form, pattern in FORMS.items() if (match := re.match(pattern, text))]
    return lines


def test_both_engines_write_the_same_log(folder):
    """One parser reads both; order, names and iterations are equal, numbers up to rounding."""
    (folder / "solver.prototxt").write_text(
        'net: "net.prototxt" random_seed: 11 test_iter: 3 test_interval: 4 base_lr: 0.1 lr_policy: "multistep" '
        "gamma: 0.5 stepvalue: 5 max_iter: 12 momentum: 0.9 display: 3 average_loss: 4 snapshot: 6 "
        'snapshot_prefix: "log" clip_gradients: 0.8 type: "SGD"'
    )
    script = 'caffe.get_solver("solver.prototxt").solve()'
    logs = [parsed(run(name, folder, script)[1]) for name in ("torch", "caffe")]
    assert [form for form, _ in logs[0]] == [form for form, _ in logs[1]]
    assert {form for form, _ in logs[0]} == set(FORMS)
    largest = 0
    for (form, ours), (_, theirs) in zip(*logs):
        for mine, other in zip(ours, theirs):
            try:
                largest = max(largest, abs(float(mine) - float(other)) / max(abs(float(other)), 1e-3))
            except (TypeError, ValueError):
                assert re.sub(r"[\d.]+", "", mine or "") == re.sub(r"[\d.]+", "", other or ""), (form, mine, other)
    print(f"log: {len(logs[0])} lines, largest relative difference of a number {largest:.2g}")
    assert largest < 2e-4
