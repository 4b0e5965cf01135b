"""cellseg segment with other percentiles and one grey-value scale for all images."""

import json

import pytest
import tifffile
from support import assert_refused, run_verb, smooth

pytestmark = pytest.mark.engine


def test_the_options_reach_the_worker(model, tmp_path):
    for seed, name in enumerate("ab"):
        tifffile.imwrite(tmp_path / f"{name}.tif", smooth(40, 50, seed))
    options = ["a.tif", "b.tif", "--out", "out", "--percentiles", 2, 99]
    assert_refused(run_verb("segment", model, *options[:-1], 1, cwd=tmp_path), "lower one first")
    wrong = run_verb("segment", model, *options, "--normalisation", "standard", cwd=tmp_path)
    assert_refused(wrong, "'standard' takes no percentiles")
    done = run_verb("segment", model, *options, "--scale-over", "folder", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "one grey-value scale for all: 2 images are measured first" in done.stdout
    records = [json.loads((tmp_path / "out" / f"{name}.tif/image.json").read_text()) for name in "ab"]
    (first,), (second,) = (record["planes"] for record in records)
    assert first["scale"] == second["scale"] == records[0]["settings"]["scale"]
    assert records[0]["settings"]["percentiles"] == [2, 99]
