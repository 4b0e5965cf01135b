"""A decoder that crashes when an image is looked at, before any is segmented, stops no other image."""

import pytest
import tifffile
from support import smooth
from test_segmentation_work import Model

from cellseg.images.find import find_images
from cellseg.segmentation.batch import plan
from cellseg.segmentation.folder_scale import folder_scale
from cellseg.segmentation.options import SegmentationOptions

CRASHES = """
import os
import signal

class CacheOptions:
    def __init__(self, *_): ...

class CacheType:
    Standard = None

def CziReader(path, cache_options):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two images, and two files of a format whose library crashes on them."""
    (tmp_path / "library/pylibCZIrw").mkdir(parents=True)
    (tmp_path / "library/pylibCZIrw/__init__.py").write_text("")
    (tmp_path / "library/pylibCZIrw/czi.py").write_text(CRASHES)
    monkeypatch.syspath_prepend(tmp_path / "library")
    (tmp_path / "in").mkdir()
    for name in ("b.tif", "d.tif"):
        tifffile.imwrite(tmp_path / "in" / name, smooth(40, 50))
    for name in ("a.czi", "c.czi"):
        (tmp_path / "in" / name).write_bytes(b"ZISRAWFILE")
    return tmp_path


def test_an_image_that_crashes_its_decoder_is_the_only_one_that_fails(folder):
    planned = plan(find_images([folder / "in"]), folder / "out", SegmentationOptions("net.caffemodel", Model.settings))
    assert [(one.job.name, one.shape) for one in planned if not one.error] == [("b.tif", (40, 50)), ("d.tif", (40, 50))]
    for one in planned[::2]:
        assert one.error == f"{one.job.path}: the child process was ended by signal 9 (out of memory?)"


def test_one_scale_for_all_is_that_of_the_others(folder):
    options = SegmentationOptions("net.caffemodel", Model.settings, scale_over="folder")
    found = find_images([folder / "in"])
    assert folder_scale(found, options) == folder_scale(found[1::2], options)
