import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from support import assert_refused, blobs, evaluation_record, run_verb

from cellseg.evaluation.baseline import otsu
from cellseg.evaluation.indicators import NAMES, count, indicators
from cellseg.evaluation.objects import ObjectScores
from cellseg.evaluation.record import MethodScores, SweepRow
from cellseg.evaluation.sweep import THRESHOLDS, Sweep, area_under_roc, pooled
from cellseg.evaluation.table import REPORT, format_cells, format_methods, format_table


def test_indicators_of_a_worked_example():
    values = indicators(tp=60, fp=15, tn=900, fn=25)
    assert values["specificity"] == pytest.approx(900 / 915)
    assert values["precision"] == pytest.approx(60 / 75)
    assert values["recall"] == pytest.approx(60 / 85)
    assert values["accuracy"] == pytest.approx(960 / 1000)
    assert values["f_score"] == pytest.approx(2 * 0.8 * (60 / 85) / (0.8 + 60 / 85))


def test_mcc_is_the_correlation_of_the_two_maps():
    rng = np.random.RandomState(0)
    truth = rng.uniform(size=5000) < 0.1
    predicted = truth ^ (rng.uniform(size=5000) < 0.05)
    mcc = indicators(*count(predicted, truth))["mcc"]
    assert mcc == pytest.approx(np.corrcoef(predicted, truth)[0, 1], abs=1e-12)


def test_the_papers_own_row_is_consistent_with_the_formulas():
    """Table 1, after fine-tuning: from 10 % foreground, recall and precision follow the other columns."""
    positive, recall, precision = 0.10, 0.73, 0.81
    tp = positive * recall
    fp = tp / precision - tp
    counts = [round(1e6 * part) for part in (tp, fp, 1 - positive - fp, positive - tp)]
    ours, paper = indicators(*counts), REPORT[1][2]
    assert all(abs(ours[name] - paper[name]) < 0.012 for name in NAMES)


@pytest.mark.parametrize("counts", [c for c in itertools.product((0, 3), repeat=4) if 0 in c])
def test_undefined_ratios_are_none_and_mcc_is_zero(counts):
    values = indicators(*counts)
    tp, fp, tn, fn = counts
    assert (values["precision"] is None) == (tp + fp == 0)
    assert (values["recall"] is None) == (tp + fn == 0)
    assert (values["specificity"] is None) == (tn + fp == 0)
    if 0 in (tp + fp, tp + fn, tn + fp, tn + fn):
        assert values["mcc"] == 0
    json.dumps(values, allow_nan=False)


def test_counts_of_huge_images_do_not_overflow():
    values = indicators(*(np.int64(3) * 10**9 for _ in range(4)))
    assert values["mcc"] == 0 and values["accuracy"] == 0.5


def test_sweep_equals_counting_at_each_threshold():
    rng = np.random.RandomState(0)
    truth = rng.uniform(size=(4, 30, 30)) < 0.2
    probability = np.clip(0.5 * truth + rng.uniform(0, 0.7, truth.shape), 0, 1)
    probability.ravel()[:101] = THRESHOLDS  # exactly on the thresholds
    probability.ravel()[101:202] = THRESHOLDS.astype(np.float32)
    sweep = Sweep()
    for pixels, mask in zip(probability, truth):
        sweep.add(pixels, mask)
    for threshold, row in zip(THRESHOLDS, sweep.confusion()):
        assert tuple(row) == count(probability >= threshold, truth)
    best = max(indicators(*count(probability >= t, truth))["mcc"] for t in THRESHOLDS)
    assert sweep.best_mcc == best
    assert [row["threshold"] for row in sweep.table()] == [n / 100 for n in range(101)]


def test_of_equally_good_thresholds_the_middle_one_is_taken():
    sweep = Sweep()
    sweep.add(np.array([0.2, 0.8]), np.array([False, True]))
    assert sweep.best_mcc == 1 and sweep.best_threshold == 0.51


@pytest.mark.parametrize("truth", [np.zeros(9, bool), np.ones(9, bool)])
def test_one_class_only(truth):
    sweep = Sweep()
    sweep.add(np.linspace(0, 1, 9), truth)
    assert sweep.best_mcc == 0
    assert area_under_roc(np.linspace(0, 1, 9), truth) is None
    json.dumps(sweep.table(), allow_nan=False)


def test_area_under_roc_is_the_chance_of_the_right_order():
    rng = np.random.RandomState(0)
    truth = rng.uniform(size=200) < 0.3
    scores = np.round(rng.uniform(size=200) + 0.3 * truth, 1)
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[truth] for b in scores[~truth]]
    assert area_under_roc(scores, truth) == pytest.approx(np.mean(pairs))


def test_otsu_separates_each_image_by_itself():
    images, masks = blobs(4, 48)
    images *= np.array([1, 5, 20, 100])[:, None, None]
    assert all((otsu(image) == mask).mean() > 0.99 for image, mask in zip(images, masks))
    assert not otsu(np.ones((8, 8))).any()


def test_table_is_aligned_markdown_with_dashes_for_undefined():
    row = ("ours", None, {**dict.fromkeys(NAMES, 0.12345), "precision": None})
    lines = format_table([*REPORT, row]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert "0.25 |        0.96 |      0.58 |   0.52 |     0.91 |    0.55 |  0.50 |" in lines[2]
    assert "0.67 |        0.98 |      0.81 |   0.73 |     0.95 |    0.77 |  0.74 |" in lines[3]
    assert lines[4].split("|")[2:5] == ["         - ", "       0.123 ", "         - "]


def test_table_of_methods_has_a_row_each_in_the_same_order_and_fits_a_terminal():
    values = MethodScores(**dict.fromkeys(NAMES, 0.12345), median_mcc=0.6)
    names = ("local", "otsu", "cleaned", "network")
    methods = {name: replace(values, mcc=number / 10) for number, name in enumerate(names)}
    lines = format_methods(methods).splitlines()
    assert [line[2:9] for line in lines[2:]] == ["network", "+ post-", "Otsu's ", "local t"]
    assert [cell.strip() for cell in lines[3].split("|")[7:9]] == ["0.200", "0.600"]
    assert len({len(line) for line in lines}) == 1 and len(lines[0]) <= 110


@pytest.mark.parametrize(("numbered", "words"), [(True, "numbered cells"), (False, "connected components")])
def test_table_of_cells_says_what_counts_as_a_cell(numbered, words):
    values = {"precision": 0.9, "recall": 0.9, "f1": 0.91, "f1_75": 0.82, "f1_90": 0.73, "mean_f1": 0.64, "ap": None}
    objects = ObjectScores(**values, count_error=1.25, count_bias=-0.5, numbered=numbered)
    methods = {"network": MethodScores(**dict.fromkeys(NAMES, 0.1), objects=objects)}
    line, empty, titles, _, row = format_cells(methods).splitlines()
    assert words in line and empty == "" and len(titles) == len(row) <= 110
    assert [cell.strip() for cell in row.split("|")[2:-1]] == ["0.910", "0.820", "0.730", "0.640", "-", "1.25", "-0.50"]


def test_table_1_of_a_network_that_was_not_pretrained(tmp_path):
    record = evaluation_record(data="d")
    (tmp_path / "after.json").write_text(json.dumps(record))
    (tmp_path / "others.json").write_text(json.dumps({**record, "data": "e"}))
    done = run_verb("table", "after.json", "--honest", "after.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ours, after") == 2 and "ours, before" not in done.stdout
    for before, honest in (("others", "after"), ("after", "others")):
        done = run_verb("table", f"{before}.json", "after.json", "--honest", f"{honest}.json", cwd=tmp_path)
        assert_refused(done, "e and d are different images")


def test_pixels_of_all_folds_are_pooled():
    counts = {0.3: [(90, 40, 800, 10), (30, 5, 900, 5)], 0.6: [(60, 5, 835, 40), (33, 1, 904, 2)]}
    names = ("tp", "fp", "tn", "fn")
    sweeps = [
        [
            SweepRow(threshold=threshold, **dict(zip(names, pair[fold], strict=True)), **indicators(*pair[fold]))
            for threshold, pair in counts.items()
        ]
        for fold in range(2)
    ]
    scores = {threshold: indicators(*np.sum(pair, axis=0))["mcc"] for threshold, pair in counts.items()}
    best = pooled(sweeps)
    assert best["threshold"] == max(scores, key=scores.get)
    assert best["mcc"] == pytest.approx(max(scores.values()))
    equal = [replace(sweeps[0][0], threshold=threshold) for threshold in (0.1, 0.2, 0.3)]
    assert pooled([equal])["threshold"] == 0.2  # the one in the middle, as of one sweep
