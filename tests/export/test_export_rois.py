"""ImageJ's selections: the truth reader finds the labels in them that they were written from."""

import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from roifile import ROI_TYPE, ImagejRoi
from scipy import ndimage
from support import LabelledPlane

from cellseg.data.truth import read_truth
from cellseg.export.rois import write_rois
from cellseg.segmentation.outputs import ImageResult

EIGHT = np.ones((3, 3), int)


def write(path, planes, channels=("0",)):
    write_rois(path, ImageResult("a.tif", SimpleNamespace(channels=channels, pixel_size=None), planes))
    return path


def read(path):
    with zipfile.ZipFile(path) as file:
        return {name: ImagejRoi.frombytes(file.read(name)) for name in file.namelist()}


def test_read_back_with_holes_and_touching_corners(tmp_path):
    labels = ndimage.label(np.random.RandomState(0).rand(40, 50) < 0.4, EIGHT)[0]
    path = write(tmp_path / "RoiSet.zip", [LabelledPlane(labels)])
    np.testing.assert_array_equal(read_truth(path, labels.shape).labels, labels)
    rois = read(path)
    assert list(rois) == [f"{number}.roi" for number in range(1, labels.max() + 1)]
    assert {roi.roitype for roi in rois.values()} == {ROI_TYPE.TRACED, ROI_TYPE.RECT}
    for roi in rois.values():  # those of one piece without holes, and the others, of which ImageJ says composite
        assert roi.composite == (roi.roitype == ROI_TYPE.RECT) == (len(roi.coordinates(multi=True)) > 1)
        assert (roi.position, roi.z_position, roi.t_position) == (0, 0, 0)
    again = write(tmp_path / "again.zip", [LabelledPlane(labels)])
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("indices", "channels", "names", "positions"),
    [
        ([{"T": 0}, {"T": 1}], 1, ["T0-1", "T1-1"], [(1, 0, 0), (2, 0, 0)]),
        ([{"I": 0}, {"I": 1}], 1, ["I0-1", "I1-1"], [(1, 0, 0), (2, 0, 0)]),
        ([{"Z": 0}, {"Z": 1}], 2, ["Z0-1", "Z1-1"], [(0, 1, 1), (0, 2, 1)]),
        ([{"T": 1, "Z": 0}, {"T": 1, "Z": 2}], 1, ["T1-Z0-1", "T1-Z2-1"], [(0, 1, 2), (0, 3, 2)]),
    ],
)
def test_places_in_a_stack(tmp_path, indices, channels, names, positions):
    planes = [LabelledPlane(np.eye(3, dtype=int), **index) for index in indices]
    rois = read(write(tmp_path / "x.zip", planes, tuple(map(str, range(channels)))))
    assert list(rois) == [f"{name}.roi" for name in names]
    assert [(roi.position, roi.z_position, roi.t_position) for roi in rois.values()] == positions


def test_far_out_cells_keep_their_places(tmp_path):
    labels = np.zeros((3, 70000), int)
    labels[1, 32766:32768], labels[:2, 69990:69995], labels[2, :40000] = 1, 2, 3
    plane = LabelledPlane(labels)
    np.testing.assert_array_equal(read_truth(write(tmp_path / "x.zip", [plane]), labels.shape).labels, labels)


def test_no_cell(tmp_path):
    assert read(write(tmp_path / "x.zip", [LabelledPlane(np.zeros((3, 4), int))])) == {}
