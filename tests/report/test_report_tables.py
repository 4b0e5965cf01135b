"""The page's numbers: means over seeds, baselines, whole cells, changes that were tried, and what sentences say."""

import json
import statistics

import numpy as np
import pytest

from cellseg.evaluation.predictions import Prediction
from cellseg.evaluation.table import REPORT
from cellseg.network import Fcn, UNet
from cellseg.report import findings, tables
from cellseg.report.collect import collect
from cellseg.report.tables import Number


def record(folder, place="finetune"):
    return json.loads((folder / place / "evaluation.json").read_text())


def row(table, label):
    return next(row for row in table.rows if row.label == label)


def test_table_1_has_the_reports_rows_and_the_mean_of_ours(tmp_path, make_experiment):
    folders = [make_experiment(f"seed-{seed}", seed=seed, noise=seed / 5, network=Fcn()) for seed in range(3)]
    table = tables.table_1(collect(tmp_path / "runs"))
    assert [row.label for row in table.rows] == [
        *(name for name, *_ in REPORT),
        "ours, before fine-tuning",
        "ours, after fine-tuning",
        "Otsu's threshold per image",
    ]
    assert [number.mean for number in table.rows[1].numbers[:-1]] == [0.67, 0.98, 0.81, 0.73, 0.95, 0.77, 0.74]
    values = [record(folder)["mcc"] for folder in folders]
    mean, sd, digits = row(table, "ours, after fine-tuning").numbers[table.columns.index("MCC")]
    assert (mean, sd, digits) == (pytest.approx(np.mean(values)), pytest.approx(statistics.stdev(values)), 3)
    assert sd > 0.001 and row(table, "ours, after fine-tuning").n == 3
    median = row(table, "ours, after fine-tuning").numbers[table.columns.index("median MCC")]
    assert median.mean == pytest.approx(np.mean([record(folder)["median_mcc"] for folder in folders]))


def test_one_seed_has_no_standard_deviation(make_experiment):
    table = tables.table_1(collect(make_experiment()))
    assert all(number.sd is None for row in table.rows for number in row.numbers)


def test_rows_without_records_are_left_out(make_experiment):
    found = collect(make_experiment(evaluations=("before",)))
    assert [row.kind for row in tables.table_1(found).rows] == ["report", "report", "ours"]
    assert tables.honest_table(found).rows == [] and tables.object_table(found).rows == []


def test_the_honest_table_has_post_processing_and_all_baselines(make_experiment):
    folder = make_experiment(network=Fcn())
    table = tables.honest_table(collect(folder))
    labels = ["ours", "ours, post-processed", *(tables.METHODS[name] for name in tables.BASELINES)]
    assert [row.label for row in table.rows] == labels
    methods = record(folder, "finetune/honest")["methods"]
    for name, label in zip(("network", "cleaned", *tables.BASELINES), labels):
        assert row(table, label).numbers[table.columns.index("MCC")].mean == methods[name]["mcc"]
    assert methods["network"]["mcc"] != methods["cleaned"]["mcc"]


def test_baselines_are_those_of_the_main_recipes_grey_values(tmp_path, make_experiment, change):
    make_experiment()
    path = make_experiment("best", recipe="best", network=UNet()) / "finetune" / "honest" / "evaluation.json"
    methods = json.loads(path.read_text())["methods"]
    change(path, normalisation="root", methods={**methods, "otsu": {**methods["otsu"], "mcc": 0.125}})
    found = [scores.mcc for name, _, scores in tables.baselines(collect(tmp_path / "runs")) if name == "otsu"]
    assert len(found) == 1 and found != [0.125]


def test_the_object_table(make_experiment):
    folder = make_experiment(network=Fcn())
    table = tables.object_table(collect(folder))
    objects = record(folder, "finetune/honest")["methods"]["cleaned"]["objects"]
    numbers = row(table, "ours, post-processed").numbers
    assert [number.mean for number in numbers] == [
        objects[key] for key in ("f1", "f1_75", "f1_90", "mean_f1", "ap", "count_error", "count_bias")
    ]


def test_the_page_knows_whether_cells_are_numbered(make_experiment):
    folder = make_experiment(network=Fcn())
    assert not tables.cells_are_numbered(collect(folder))
    path = folder / "finetune" / "honest" / "evaluation.json"
    values = json.loads(path.read_text())
    values["methods"]["network"]["objects"]["numbered"] = True
    path.write_text(json.dumps(values))
    assert tables.cells_are_numbered(collect(folder))


def test_the_ablation_table_starts_with_the_reports_network(tmp_path, make_experiment):
    make_experiment(network=Fcn())
    folder = make_experiment("ablation/poolings-2", network=Fcn(poolings=2))
    table = tables.ablation_table(collect(tmp_path / "runs"))
    assert [row.label for row in table.rows] == ["the report's network", "poolings-2 (poolings 2)"]
    first, second = (dict(zip(table.columns, row.numbers)) for row in table.rows)
    assert (first["parameters"].mean, first["receptive field"].mean) == (1365282, 38)
    assert second["receptive field"].mean == 18 and second["MCC after"].mean == record(folder)["mcc"]
    assert second["minutes"].mean == pytest.approx(2 * 125.5 / 60) and second["epochs"].mean == 120


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        (Number(0.9), 0.8, "better than"),
        (Number(0.8), 0.9, "worse than"),
        (Number(0.8), 0.804, "about as well as"),
        (Number(0.8, 0.03), 0.82, "about as well as"),
        (Number(0.8, 0.001), 0.82, "worse than"),
    ],
)
def test_a_difference_within_chance_is_none(ours, theirs, words):
    assert findings.verdict(ours, theirs) == words


def test_errors_are_counted_by_kind_and_size_of_cell():
    truth, found = np.zeros((2, 20, 20), bool)
    truth[1:3, 1:3] = truth[10:16, 10:16] = True
    found[1:3, 1:3] = found[10:13, 10:16] = found[18, 1:4] = True
    errors = findings.errors([Prediction("a", truth * 1.0, truth, found * 0.7)], 0.5)
    assert (errors.false_positives, errors.false_negatives) == (3, 18)
    assert (errors.false_objects, errors.false_area, errors.cell_area) == (1, 3, 20)
    assert (errors.large_recall, errors.small_recall) == (0.5, 1)


def test_errors_of_empty_images():
    empty = np.zeros((4, 4))
    errors = findings.errors([Prediction("a", empty, empty > 0, empty)], 0.5)
    assert errors == (0, 0, 0, None, None, None, None)
