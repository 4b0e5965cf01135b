"""`cellseg table`."""

import json

from support import assert_refused, evaluation_record, run_verb

from cellseg.evaluation.indicators import NAMES
from cellseg.evaluation.record import ON_THEMSELVES


def write_evaluation(path, **changes):
    otsu = {**dict.fromkeys(NAMES, 0.25), "precision": None}
    path.write_text(json.dumps(evaluation_record(baseline_otsu=otsu, **changes)))
    return path


def test_table_1_has_the_reports_rows_above_ours(tmp_path):
    before = write_evaluation(tmp_path / "before.json", mcc=0.111)
    after = write_evaluation(tmp_path / "after.json", mcc=0.777, note="a stand-in")
    honest = write_evaluation(tmp_path / "honest.json", mcc=0.766)
    done = run_verb("table", before, after, "--honest", honest, "--out", "out/table.md", cwd=tmp_path)
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    last = [row.split("|")[-2].strip() for row in rows]
    assert last == ["MCC", "0.50", "0.74", "0.111", "0.777", "MCC", "0.766", "0.250"]
    assert "STAND-IN" in done.stdout
    assert (tmp_path / "out" / "table.md").read_text() == done.stdout


def test_table_of_something_else(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "b.json").write_text("[1, 2")
    assert_refused(run_verb("table", "a.json", "a.json", cwd=tmp_path), "a.json")
    assert_refused(run_verb("table", "b.json", "b.json", cwd=tmp_path), "b.json")
    assert_refused(run_verb("table", "none.json", "none.json", cwd=tmp_path), "none.json")


def test_a_table_says_only_what_is_true_of_its_thresholds(tmp_path):
    best = write_evaluation(tmp_path / "best.json", threshold_chosen_on=ON_THEMSELVES)
    given = write_evaluation(tmp_path / "given.json", best_threshold=0.4, threshold_chosen_on="chosen on train.txt")
    here = write_evaluation(tmp_path / "here.json", threshold_chosen_on="chosen on test.txt")
    assert_refused(run_verb("table", given, cwd=tmp_path), "given.json: its threshold (chosen on train.txt)")
    assert_refused(run_verb("table", given, best, cwd=tmp_path), "given.json", "without --threshold")
    for path in (best, here):
        refused = run_verb("table", best, "--honest", path, cwd=tmp_path)
        assert_refused(refused, f"{path.name}: its threshold was chosen on the images of its scores")
    assert run_verb("table", best, "--honest", given, cwd=tmp_path).returncode == 0
