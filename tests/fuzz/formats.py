"""The formats that are damaged. Each function writes whole files into the working folder and gives an attempt to read
them, the way to damage one, and their paths."""

import io
from pathlib import Path

import numpy as np
from fuzz import damage

_NET = """name: "small" layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 4 dim: 1 dim: 16 dim: 16 } data_filler { type: "gaussian" std: 1 }
                     shape { dim: 4 dim: 1 dim: 16 dim: 16 } data_filler { type: "constant" value: 1 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" param { lr_mult: 1 } param { lr_mult: 2 }
  convolution_param { num_output: 6 kernel_size: 3 pad: 1 weight_filler { type: "msra" } } }
layer { name: "norm" type: "BatchNorm" bottom: "conv" top: "norm" }
layer { name: "scale" type: "Scale" bottom: "norm" top: "norm" scale_param { bias_term: true } }
layer { name: "relu" type: "ReLU" bottom: "norm" top: "norm" }
layer { name: "pool" type: "Pooling" bottom: "norm" top: "pool" pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "up" type: "Deconvolution" bottom: "pool" top: "up" param { lr_mult: 0 }
  convolution_param { num_output: 6 group: 6 kernel_size: 4 stride: 2 pad: 1 bias_term: false
                      weight_filler { type: "bilinear" } } }
layer { name: "join" type: "Concat" bottom: "up" bottom: "norm" top: "join" concat_param { axis: 1 } }
layer { name: "drop" type: "Dropout" bottom: "join" top: "join" dropout_param { dropout_ratio: 0.4 } }
layer { name: "score" type: "Convolution" bottom: "join" top: "score" convolution_param { num_output: 2 kernel_size: 1
  weight_filler { type: "xavier" } } }
layer { name: "mean" type: "Reduction" bottom: "up" top: "mean" reduction_param { operation: MEAN axis: 1 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "score" bottom: "label" top: "loss" }
"""
_SOLVER = """net: "net.prototxt" test_iter: 1 test_interval: 2 base_lr: 0.05 lr_policy: "step" gamma: 0.5 stepsize: 2
max_iter: 3 momentum: 0.9 momentum2: 0.999 weight_decay: 0.01 display: 1 average_loss: 2 snapshot: 3
snapshot_prefix: "run" random_seed: 5 type: "Adam" clip_gradients: 5
"""


def net():
    """A net's prototxt, built and run."""
    from cellseg.engine.torch.net import TRAIN, Net

    path = Path("net.prototxt")
    path.write_text(_NET)

    def attempt():
        made = Net(path, TRAIN)
        made.forward()
        made.backward()

    return attempt, damage.of_text, [path]


def solver():
    """A solver's prototxt, trained with for three iterations."""
    from cellseg.engine.torch.solver import Solver

    path = Path("solver.prototxt")
    Path("net.prototxt").write_text(_NET)
    path.write_text(_SOLVER)

    def attempt():
        made = Solver(path)
        made.param.test_iter[:] = [min(count, 5) for count in made.param.test_iter]  # a million tests are no fault
        made.step(3)

    return attempt, damage.of_text, [path]


def resume():
    """The solver state and what lies beside it."""
    from cellseg.engine.torch.solver import Solver

    Path("net.prototxt").write_text(_NET)
    Path("solver.prototxt").write_text(_SOLVER)
    made = Solver("solver.prototxt")
    made.step(3)
    names = ("run_iter_3.solverstate", "run_iter_3.solverstate.resume.json", "run_iter_3.caffemodel")
    state, beside, _ = files = list(map(Path, names))

    def attempt():
        made.restore(state)

    def hurt(content, rng, others):
        if content.startswith(b"{"):  # the state's digest is kept, so that it is read to its end
            return damage.of_json(content, rng)
        beside.unlink()
        return damage.of_bytes(content, rng, others)

    return attempt, hurt, files


def predictions():
    """The HDF5 file that the report reads."""
    from cellseg.evaluation.predictions import Prediction, read_predictions, write_predictions

    path, planes = Path("predictions.h5"), np.random.RandomState(0).uniform(size=(3, 12, 12)).astype(np.float32)
    write_predictions(path, [Prediction(f"image {n}", one, one > 0.5, one) for n, one in enumerate(planes)])
    return lambda: read_predictions(path), damage.of_bytes, [path]


def records():
    """A model's settings, and an evaluation taken as a threshold."""
    from report.conftest import write_experiment

    from cellseg.evaluation.record import read_threshold
    from cellseg.files import sha256
    from cellseg.models.settings import ModelSettings, read_settings, write_settings

    write_experiment(Path("runs"), stages=("finetune",), evaluations=("chosen",), epochs=2)
    model = Path("net.caffemodel")
    model.write_bytes(b"weights")
    write_settings(model, ModelSettings("deploy.prototxt", "percentile", 0.5, model_sha256=sha256(model)))
    evaluation = Path("runs/finetune/chosen/evaluation.json")

    def attempt():
        read_settings(model)
        read_threshold(str(evaluation))

    return attempt, damage.of_json, [Path("net.segmentation.json"), evaluation]


def report():
    """The records of a whole experiment, as the report takes them in, without its pictures."""
    from report.conftest import write_experiment

    from cellseg.report import collect, provenance, tables

    write_experiment(Path("runs"), epochs=3)
    files = sorted(Path("runs").rglob("*.json")) + sorted(Path("runs").rglob("*.csv"))

    def attempt():
        found = collect.collect("runs")
        for table in (tables.table_1, tables.honest_table, tables.object_table, tables.ablation_table):
            table(found)
        for part in (provenance.runs, provenance.data_sets, provenance.stand_ins, provenance.engines):
            part(found)

    def hurt(content, rng, others):
        return (damage.of_json if content.startswith(b"{") else damage.of_text)(content, rng, others)

    return attempt, hurt, files


def log():
    """A training's log, drawn."""
    from cellseg.report import curves
    from cellseg.training.log import history_rows, read_log

    path, lines = Path("caffe.log"), []
    for iteration in range(0, 60, 10):
        lines += [
            f"Iteration {iteration}, loss = {1 / (iteration + 1)}",
            f"Iteration {iteration}, lr = {0.01 if iteration < 30 else 0.001}",
            f"Iteration {iteration + 10}, Testing net (#0)",
            "    Test net output #0: loss = 0.4 (* 1 = 0.4 loss)",
        ]
    path.write_text("".join(f"I1020 10:11:12.345678  4242 solver.cpp:228] {line}\n" for line in lines))

    def attempt():
        for epoch in (1, 10**12):
            curves.draw({"$x": [history_rows(read_log(path), epoch)]}).savefig(io.BytesIO(), format="svg")

    return attempt, damage.of_text, [path]


FORMATS = {one.__name__: one for one in (net, solver, resume, predictions, records, report, log)}
