"""`image.json`: earlier files and damaged ones."""

import json

import pytest

from cellseg.errors import CellsegError
from cellseg.segmentation.record import read_result

# What earlier versions wrote, shortened.
OLD = {
    "summary": {"image": "a.tif", "planes": 1, "count": 12, "pixel_height_um": "", "seconds": 0.5, "warnings": ""},
    "settings": {"model_sha256": "ab", "usage": {"threshold": 0.5}, "split": 0.5, "tile": None},
    "image": "/data/a.tif",
    "tile": 1024,
    "engine": {"name": "torch", "version": "2.13.0", "threads": 2},
    "cellseg": "0.1.0",
    "planes": [{"count": 12, "scale": {"offset": 0.0, "span": 1.0, "clipped": True, "rooted": False}}],
}


def test_earlier_results_are_read_and_do_not_tell_which_image_they_are_of(tmp_path):
    assert read_result(tmp_path) is None
    (tmp_path / "image.json").write_text(json.dumps(OLD))
    record = read_result(tmp_path)
    assert record.summary == OLD["summary"] and record.settings == OLD["settings"] and record.image is None


@pytest.mark.parametrize(
    ("change", "field"), [({"summary": 3}, "summary"), ({"image": {"path": 1}, "version": 1}, "image.path")]
)
def test_damaged_results_are_named(tmp_path, change, field):
    (tmp_path / "image.json").write_text(json.dumps({**OLD, **change}))
    with pytest.raises(CellsegError, match=f"image.json: {field}: .*--overwrite"):
        read_result(tmp_path)
