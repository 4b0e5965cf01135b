"""Cross-validation through its tool: every training image held out once, no test image seen."""

import json

import numpy as np
import pytest
from PIL import Image
from support import assert_refused, run_tool

from cellseg.evaluation.indicators import indicators


def test_every_training_image_is_held_out_once(real_folder, tmp_path):
    done = run_tool("crossvalidate", "split", real_folder, "--folds", 3, "--out", "folds", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    held_out = []
    for fold in range(3):
        train, test = (
            {path.name for path in (tmp_path / "folds" / f"fold-{fold}" / split / "masks").iterdir()}
            for split in ("train", "test")
        )
        assert len(train) == 2 and len(test) == 1 and not train & test
        held_out += test
    assert sorted(held_out) == ["cell_0.png", "cell_1.png", "cell_2.png"]
    copied = np.array(Image.open(str(tmp_path / "folds" / "fold-0" / "test" / "images" / held_out[0])))
    np.testing.assert_array_equal(copied, np.array(Image.open(str(real_folder / "train" / "images" / held_out[0]))))


@pytest.mark.parametrize("folds", [1, 4])
def test_folds_without_an_image_are_refused(real_folder, tmp_path, folds):
    done = run_tool("crossvalidate", "split", real_folder, "--folds", folds, "--out", "folds", cwd=tmp_path)
    assert_refused(done, "give 2 to 3")
    assert not (tmp_path / "folds").exists()


def test_pixels_of_all_folds_are_pooled(tmp_path):
    counts = {0.3: [(90, 40, 800, 10), (30, 5, 900, 5)], 0.6: [(60, 5, 835, 40), (33, 1, 904, 2)]}
    for fold in range(2):
        rows = [
            {"threshold": threshold, **dict(zip(("tp", "fp", "tn", "fn"), pair[fold]))}
            for threshold, pair in counts.items()
        ]
        record = {"data": "x", "engine": "torch", "images": 7, "threshold": 0.3, "best_threshold": 0.3, "mcc": 0.5}
        record.update(best_mcc=0.5, baseline_otsu={"mcc": 0.1}, sweep=rows)
        (tmp_path / f"{fold}.json").write_text(json.dumps(record))
    done = run_tool("crossvalidate", "pool", "0.json", "1.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    scores = {threshold: indicators(*np.sum(pair, axis=0))["mcc"] for threshold, pair in counts.items()}
    best = max(scores, key=scores.get)
    assert f"14 held-out images in 2 folds, pooled: MCC {scores[best]:.4f} at {best:.2f}" in done.stdout
