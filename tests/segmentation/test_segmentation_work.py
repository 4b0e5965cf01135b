"""What becomes of an image when something goes wrong that is not in the image."""

import errno

import numpy as np
import tifffile
from support import smooth

from cellseg.data.normalisation import Scale
from cellseg.models.settings import ModelSettings
from cellseg.segmentation import segment_image as results
from cellseg.segmentation import work
from cellseg.segmentation.options import SegmentationOptions
from cellseg.segmentation.rows import Rows
from cellseg.segmentation.segment_image import Job


class Network:
    """A threshold in place of a network."""

    engine = {"name": "none"}
    maps = 1


class Tiles:
    network, side = Network(), 32

    def bands(self, height):
        return [(top, min(top + 32, height)) for top in range(0, height, 32)]

    def maps(self, plane, scale, top, bottom):
        return scale(plane.read(top, bottom, 0, plane.shape[1]))[None]


class Model:
    tiles, settings = Tiles(), ModelSettings("net.prototxt", "percentile", 0.5)


def do(tmp_path, monkeypatch, name="a.tif"):
    monkeypatch.setattr(work, "loaded", lambda settings: Model)
    tifffile.imwrite(str(tmp_path / name), smooth(70, 50))
    job = Job(str(tmp_path / name), name, str(tmp_path / "out" / name))
    return work.work(job, SegmentationOptions("net.caffemodel", Model.settings))


def test_a_full_disk_is_told_from_a_bad_image(tmp_path, monkeypatch):
    assert do(tmp_path, monkeypatch).row["count"] > 0

    def full(self, rows):
        raise OSError(errno.ENOSPC, "No space left on device")

    before = (tmp_path / "out/a.tif/labels.tif").read_bytes()
    monkeypatch.setattr(Rows, "append", full)
    outcome = do(tmp_path, monkeypatch)
    assert outcome.disk_is_full and "No space left" in outcome.error and "\n" not in outcome.error
    assert (tmp_path / "out/a.tif/labels.tif").read_bytes() == before
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.tif"]


def test_a_defect_keeps_its_traceback_and_stops_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "measure_scale", lambda *_: 1 // 0)
    outcome = do(tmp_path, monkeypatch)
    assert outcome.row is None and "ZeroDivisionError" in outcome.error and "Traceback" in outcome.details


def test_a_plane_without_contrast_has_no_cells_and_is_not_run(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "measure_scale", lambda *_: Scale(0.0, 0.0))
    monkeypatch.setattr(Tiles, "maps", None)
    outcome = do(tmp_path, monkeypatch)
    assert outcome.row["count"] == 0 and "no contrast" in outcome.row["warnings"]
    assert not np.any(tifffile.imread(str(tmp_path / "out/a.tif/labels.tif")))


def test_a_name_may_be_as_long_as_the_system_takes(tmp_path, monkeypatch):
    assert do(tmp_path, monkeypatch, name="x" * 251 + ".tif").row["count"] > 0
