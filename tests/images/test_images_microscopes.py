"""Files of microscopes and slide scanners: axes, names of channels, pixel sizes and single windows."""

import sys

import numpy as np
import pytest
from microscope_files import write_czi, write_lif, write_lsm, write_nd2, write_qptiff, write_stk, write_svs

from cellseg.errors import CellsegError
from cellseg.images.find import find_images
from cellseg.images.open import open_image

NAMES = ("DAPI", "GFP")


def numbers(*shape, kind=np.uint16):
    return np.random.RandomState(0).randint(0, np.iinfo(kind).max, shape).astype(kind)


def check(path, expected, axes, pixel_size, **options):
    """All planes of an image, and a window of the last; no warning."""
    with open_image(path, **options) as source:
        height, width = source.planes[0].shape
        read = np.array([plane.read(0, height, 0, width) for plane in source.planes])
        np.testing.assert_array_equal(read, expected.reshape(read.shape))
        np.testing.assert_array_equal(source.planes[-1].read(3, 20, 5, 9), read[-1][3:20, 5:9])
        assert read.dtype == expected.dtype and source.axes == axes and source.warnings == []
        assert source.pixel_size == pytest.approx(pixel_size)
        return source.channels


def test_the_scenes_of_a_czi(tmp_path):
    pytest.importorskip("pylibCZIrw")
    path, first, second = tmp_path / "a.czi", numbers(2, 3, 40, 50), numbers(2, 3, 30, 20)
    write_czi(path, {0: (first, (0, 0)), 1: (second, (200, -100))}, NAMES, 0.65e-6)
    assert check(path, first[1], (("Z", 3),), (0.65, 0.65), channel="GFP", series=0) == NAMES
    check(path, second[0], (("Z", 3),), (0.65, 0.65), channel="DAPI", series=1)
    with open_image(path, 0) as source:
        assert source.warnings == ["only the first of its 2 series is used (--series takes another)"]
    with pytest.raises(CellsegError, match=r"a.czi: has 2 series; --series takes 0 to 1"):
        open_image(path, 0, series=2)


def test_the_tiles_of_a_czi_are_put_together(tmp_path):
    czi = pytest.importorskip("pylibCZIrw").czi
    image = numbers(40, 60, 3, kind=np.uint8)
    with czi.create_czi(str(tmp_path / "a.czi")) as file:
        for left in (0, 30):
            file.write(image[:, left : left + 30, ::-1].copy(), location=(left, 0))
    for number, colour in enumerate(("red", "green", "blue")):
        check(tmp_path / "a.czi", image[..., number], (), None, channel=colour)


def test_the_positions_of_an_nd2(tmp_path):
    pytest.importorskip("nd2")
    path, array = tmp_path / "a.nd2", numbers(2, 3, 40, 50, 2)
    write_nd2(path, array, NAMES, 0.325)
    assert check(path, array[0, ..., 1], (("Z", 3),), (0.325, 0.325), channel="GFP", series=0) == NAMES
    check(path, array[1, ..., 0], (("Z", 3),), (0.325, 0.325), channel="DAPI", series=1)
    with open_image(path, 0) as source:
        assert source.warnings == ["only the first of its 2 series is used (--series takes another)"]
    write_nd2(tmp_path / "b.nd2", array, NAMES, 0.325, probe=None)
    with open_image(tmp_path / "b.nd2", 1, series=1) as source:
        np.testing.assert_array_equal(source.planes[2].read(0, 40, 0, 50), array[1, 2, ..., 1])
        assert source.channels == ("0", "1") and source.pixel_size is None
        assert ["its metadata cannot be read" in note for note in source.warnings] == [True]
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(CellsegError, match=r"a.nd2: cannot be read as an image"):
        open_image(path, 0)


def test_the_images_of_a_lif(tmp_path):
    pytest.importorskip("liffile")
    path, first, second = tmp_path / "a.lif", numbers(2, 3, 40, 50, kind=np.uint8), numbers(1, 1, 30, 20, kind=np.uint8)
    write_lif(path, {"one": (first, ("Blue", "Green")), "two": (second, ("Gray",))}, 0.2e-6)
    channels = check(path, first[1], (("Z", 3),), (0.2, 0.2), channel="green", series=0)
    assert channels == ("Blue", "Green")
    check(path, second[0], (), (0.2, 0.2), series=1)
    with pytest.raises(CellsegError, match=r"a.lif: has 2 series; --series takes 0 to 1"):
        open_image(path, series=2)
    path.write_bytes(b"no LIF at all")
    with pytest.raises(CellsegError, match=r"a.lif: cannot be read as an image"):
        open_image(path)


@pytest.mark.parametrize(
    ("name", "module", "extra"), [("a.czi", "pylibCZIrw", "czi"), ("a.nd2", "nd2", "nd2"), ("a.lif", "liffile", "lif")]
)
def test_a_reader_that_is_not_installed_is_named(tmp_path, monkeypatch, name, module, extra):
    (tmp_path / name).write_bytes(b"whatever")
    assert [found.name for found in find_images([tmp_path])] == [name]
    monkeypatch.setitem(sys.modules, module, None)  # what Python itself does for a module that is not there
    with pytest.raises(CellsegError, match=rf"{name}: .* needs {module} .*pip install '.*\[{extra}\]'"):
        open_image(tmp_path / name)


def test_an_lsm_has_names_and_sizes(tmp_path):
    array, names = numbers(2, 3, 40, 50), (*NAMES, "Cy5")
    write_lsm(tmp_path / "a.lsm", array, names, 0.1e-6)
    assert check(tmp_path / "a.lsm", array[:, 1], (("Z", 2),), (0.1, 0.1), channel="GFP", series=0) == names


def test_an_stk_is_a_stack(tmp_path):
    array = numbers(3, 40, 50)
    write_stk(tmp_path / "a.stk", array, 0.16)
    check(tmp_path / "a.stk", array, (("Z", 3),), (0.16, 0.16))


def test_a_slide_is_read_at_its_full_size(tmp_path):
    slide, channels = numbers(96, 128, 3, kind=np.uint8), numbers(2, 96, 128)
    write_svs(tmp_path / "a.svs", slide, 0.4985)
    check(tmp_path / "a.svs", slide[..., 2], (), (0.4985, 0.4985), channel="blue")
    write_qptiff(tmp_path / "a.qptiff", channels, NAMES, 0.5)
    assert check(tmp_path / "a.qptiff", channels[1], (), (0.5, 0.5), channel="GFP") == NAMES
