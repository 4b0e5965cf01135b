"""Updates, learning rates, snapshots and logs of the embedded engine beside those of real Caffe."""

import re

import h5py
import numpy as np
import pytest
from engines import assert_close, run, run_both
from rounding import rounding

#: Smooth, so that no rounding decides between two gradients.
NET = """name: "small"
layer { name: "data" type: "HDF5Data" top: "data" top: "label" include { phase: TRAIN }
  hdf5_data_param { source: "list.txt" batch_size: 3 } }
layer { name: "data" type: "HDF5Data" top: "data" top: "label" include { phase: TEST }
  hdf5_data_param { source: "list.txt" batch_size: 2 } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  param { lr_mult: 2 decay_mult: 0.5 } param { lr_mult: 0.5 }
  convolution_param { num_output: 5 kernel_size: 3 pad: 1 weight_filler { type: "gaussian" std: 0.3 } } }
layer { name: "bend" type: "TanH" bottom: "conv" top: "conv" }
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
#: The gradient of its weights is the sum of two images, and so the same on both engines but for one rounding: solver
#: types that divide a gradient by its own size would make a large difference of a small one.
UPDATED = """name: "updated"
layer { name: "data" type: "HDF5Data" top: "data" hdf5_data_param { source: "list.txt" batch_size: 2 } }
layer { name: "product" type: "Scale" bottom: "data" top: "product" loss_weight: 1
  param { lr_mult: 2 decay_mult: 0.5 } param { lr_mult: 0.5 } scale_param { axis: 1 num_axes: -1 bias_term: true
  filler { type: "uniform" min: 0.5 max: 1 } bias_filler { type: "uniform" min: 0.5 max: 1 } } }
"""
COMMON = 'random_seed: 11 max_iter: 40 snapshot_prefix: "{engine}" '
#: Operations for one number of an update; numbers in the gradient whose length clipping takes; operations for one pass
#: through `NET` and back, whose longest sums are the gradients', over 3 x 63 pixels.
UPDATE, CLIPPING, PASS = 16, 2 * 2 * 63, 1000

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
        file["label"] = (image[:, :1] > 0.6).astype(np.float32)
        file["data"] = (image + 0.1) * rng.choice([-1, 1], image.shape[1:])
    (tmp_path / "list.txt").write_text("rows.h5\n")
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "updated.prototxt").write_text(UPDATED)
    return tmp_path


@pytest.mark.parametrize("steps", [1, 3])
def test_first_updates_of_every_solver_type(folder, steps):
    """The first update, and the third, into which what the solver remembers goes."""
    solvers = {
        f"{name}, {extra}": f'net: "updated.prototxt" {COMMON} base_lr: 0.01 lr_policy: "fixed" {fields} {more}'
        for name, fields in TYPES.items()
        for extra, more in EXTRAS.items()
    }
    found = run_both(folder, TRAIN, solvers=solvers, steps=steps)
    for clipped in (False, True):
        part = [
            {name: array for name, array in one.items() if ("clip" in EXTRAS[_extra(name)]) == clipped} for one in found
        ]
        terms = steps * (UPDATE + clipped * CLIPPING)
        assert_close(*part, rounding(terms), f"update {steps}{', clipped' if clipped else ''}")


def _extra(name):
    return name.split(":")[0].split(", ")[1]


def test_eight_updates_under_every_policy(folder):
    solvers = {
        name: f'net: "updated.prototxt" {COMMON} base_lr: 0.05 lr_policy: "{name}" {fields} momentum: 0.9 '
        'weight_decay: 0.001 type: "SGD"'
        for name, fields in POLICIES.items()
    }
    assert_close(*run_both(folder, TRAIN, solvers=solvers, steps=8), rounding(8 * UPDATE), "eight updates")


WRITE = """
for name, text in given["solvers"].items():
    open("solver.prototxt", "w").write(text)
    solver = caffe.get_solver("solver.prototxt")
    solver.step(4)
    solver.snapshot()
"""
RESUME = """
for name, text in given["solvers"].items():
    open("solver.prototxt", "w").write(text)
    for writer in ("caffe", "torch"):
        prefix, suffix = "%s %s" % (writer, name), ".h5" if "HDF5" in text else ""
        solver = caffe.get_solver("solver.prototxt")
        solver.restore("%s_iter_4.solverstate%s" % (prefix, suffix))
        found[prefix + " start"] = np.array(solver.iter)
        solver.step(3)
        for layer, blobs in solver.net.params.items():
            for number, blob in enumerate(blobs):
                found["%s: %s %d" % (prefix, layer, number)] = blob.data.copy()
        net = caffe.Net("net.prototxt", caffe.TEST)
        net.copy_from("%s_iter_4.caffemodel%s" % (prefix, suffix))
        net.forward()
        for blob in ("score", "loss"):
            found["%s: %s" % (prefix, blob)] = net.blobs[blob].data.copy()
"""


def test_snapshots_of_each_engine_are_resumed_and_deployed_by_the_other(folder):
    rate = 'base_lr: 0.02 lr_policy: "multistep" stepvalue: 2 stepvalue: 3 gamma: 0.5'
    kinds = {"binary": f"{TYPES['Adam']} delta: 0.1", "hdf5": f"{TYPES['SGD']} snapshot_format: HDF5"}

    def both(engine, script):
        solvers = {
            name: f'net: "net.prototxt" random_seed: 11 max_iter: 40 snapshot_prefix: "{engine} {name}" {rate} {fields}'
            for name, fields in kinds.items()
        }
        return run(engine, folder, script, solvers=solvers)

    for engine in ("caffe", "torch"):
        both(engine, WRITE)
        with h5py.File(str(folder / f"{engine} hdf5_iter_4.solverstate.h5"), "r") as file:
            kind = file["learned_net"].id.get_type()
            assert kind.get_size() == len(f"{engine} hdf5_iter_4.caffemodel.h5") + 1, "Caffe reads up to a zero"
    for path in folder.glob("*.resume.json"):
        path.unlink()
    (ours, log), (theirs, _) = both("torch", RESUME), both("caffe", RESUME)
    assert {ours[name].item() for name in ours if name.endswith("start")} == {4}
    assert log.count("as Caffe does; the data starts anew") == 4
    assert_close(ours, theirs, rounding(7 * PASS), "snapshots resumed and deployed by both")


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
        'snapshot_prefix: "log" clip_gradients: 0.1 type: "SGD"'
    )
    script = 'caffe.get_solver("solver.prototxt").solve()'
    logs = [parsed(run(name, folder, script)[1]) for name in ("torch", "caffe")]
    assert [form for form, _ in logs[0]] == [form for form, _ in logs[1]]
    assert {form for form, _ in logs[0]} == set(FORMS)
    largest = 0
    for (form, ours), (_, theirs) in zip(*logs, strict=True):
        for mine, other in zip(ours, theirs, strict=True):
            try:
                difference = abs(float(mine) - float(other))
            except (TypeError, ValueError):
                assert re.sub(r"[\d.]+", "", mine or "") == re.sub(r"[\d.]+", "", other or ""), (form, mine, other)
                continue
            if "accuracy" in ours:
                assert difference <= 1.01 / (3 * 2 * 63), (
                    "more than one pixel, whose scores may be equal but for rounding"
                )
            else:
                largest = max(largest, difference / max(abs(float(other)), 1e-3))
    print(f"log: {len(logs[0])} lines, largest relative difference of a number {largest:.2g}")
    assert largest < 1e-5 + rounding(12 * PASS), "numbers have six digits"
