"""The cells that masks of single cells, ImageJ's selections and GeoJSON give."""

import json
import zipfile

import numpy as np
import pytest
from roifile import ROI_OPTIONS, ROI_SUBTYPE, ROI_TYPE, ImagejRoi
from skimage.measure import points_in_poly

from cellseg.data.truth import read_single, read_truth
from cellseg.data.truth_outlines import Outline, draw
from cellseg.errors import CellsegError
from cellseg.images.write import write_image

SIZE = (24, 32)
ROWS, COLUMNS = np.indices(SIZE) + 0.5  # the centres of pixels


def box(top, left, bottom, right):
    """Corners x, y of a rectangle."""
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def outlines(*rings_of_each):
    return [Outline(f"cell {n}", [np.array(ring, float) for ring in rings]) for n, rings in enumerate(rings_of_each)]


def read(path):
    labels, numbered = read_truth(path, SIZE)
    assert numbered and labels.dtype == np.int32 and labels.shape == SIZE
    return labels


def refused(path, words):
    with pytest.raises(CellsegError, match=words) as error:
        read_truth(path, SIZE)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)


def test_a_pixel_is_cell_where_its_centre_is():
    rng = np.random.RandomState(0)
    for _ in range(20):
        corners = rng.uniform(-6, 36, (rng.randint(3, 9), 2))  # also across itself, and beyond the image
        expected = points_in_poly(np.stack([COLUMNS.ravel(), ROWS.ravel()], axis=1), corners).reshape(SIZE)
        np.testing.assert_array_equal(draw("x", outlines([corners]), SIZE) > 0, expected)


def test_outlines_with_a_common_edge_share_no_pixel():
    upper, lower = [[0, 0], [24, 0], [24, 24]], [[0, 0], [24, 24], [0, 24]]  # the diagonal meets 24 centres
    first, second = (draw("x", outlines([ring]), SIZE) for ring in (upper, lower))
    assert not (first & second).any() and (first | second)[:, :24].all() and not (first | second)[:, 24:].any()
    left, right = (draw("x", outlines([ring]), SIZE) for ring in (box(0, 0, 9, 4.5), box(0, 4.5, 9, 9)))
    assert left[0, :10].tolist() == [1] * 4 + [0] * 6 and right[0, :10].tolist() == [0] * 4 + [1] * 5 + [0]


def test_of_overlapping_outlines_the_later_one_is_taken_and_numbers_have_no_gaps():
    labels = draw("x", outlines([box(2, 2, 8, 8)], [box(4, 4, 8, 12)], [box(0, 0, 9, 9)]), SIZE)
    assert labels[4].tolist() == [2] * 9 + [1] * 3 + [0] * 20


def selection(kind, top, left, bottom, right, **more):
    roi = ImagejRoi()
    roi.roitype, roi.top, roi.left, roi.bottom, roi.right = kind, top, left, bottom, right
    for name, value in more.items():
        setattr(roi, name, value)
    return roi


def polygon(corners, **more):
    return ImagejRoi.frompoints(np.array(corners), **more)


def test_selections_of_the_roi_manager(tmp_path):
    path = tmp_path / "x_RoiSet.zip"
    cross = [[20, 0], [24, 0], [24, 4], [20, 4]]
    for name, roi in {
        "box": selection(ROI_TYPE.RECT, 1, 2, 4, 6),
        "corners": polygon(box(6, 3, 9, 5)),
        "fine": polygon(np.array(box(6.4, 8.6, 9.4, 11.4))),
        "beyond": polygon(box(-3, 28, 3, 40)),
        "traced": polygon(cross),
    }.items():
        roi.tofile(path, name=name)
    labels = read(path)
    expected = np.zeros(SIZE, int)
    expected[1:4, 2:6], expected[6:9, 3:5], expected[6:9, 9:11], expected[:3, 28:], expected[:4, 20:24] = 1, 2, 3, 4, 5
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("fine", [False, True])
def test_ovals_and_fine_rectangles(tmp_path, fine):
    more = {}
    if fine:
        more = {"options": ROI_OPTIONS.SUB_PIXEL_RESOLUTION, "xd": 3.25, "yd": 4.5, "widthd": 13.5, "heightd": 9.25}
    left, top, width, height = (3.25, 4.5, 13.5, 9.25) if fine else (3, 4, 14, 10)
    x, y = (COLUMNS - left) / width, (ROWS - top) / height
    selection(ROI_TYPE.OVAL, 4, 3, 14, 17, **more).tofile(tmp_path / "x.roi")
    np.testing.assert_array_equal(read(tmp_path / "x.roi") > 0, (x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.25)
    selection(ROI_TYPE.RECT, 4, 3, 14, 17, **more).tofile(tmp_path / "x.roi")
    np.testing.assert_array_equal(read(tmp_path / "x.roi") > 0, (x >= 0) & (x < 1) & (y >= 0) & (y < 1))


def test_a_composite_selection_has_holes(tmp_path):
    path = []
    for ring in (box(2, 2, 12, 12), box(4, 4, 8, 8), box(15, 20, 18, 30)):
        path += [value for n, corner in enumerate(ring) for value in (1.0 if n else 0.0, *corner)] + [4.0]
    path = np.array(path, np.float32)
    roi = selection(ROI_TYPE.RECT, 2, 2, 18, 30, multi_coordinates=path, shape_roi_size=len(path))
    roi.tofile(tmp_path / "x.roi")
    labels = read(tmp_path / "x.roi")
    assert labels.max() == 1 and labels.sum() == 100 - 16 + 30 and not labels[4:8, 4:8].any()


@pytest.mark.parametrize(
    ("roi", "words"),
    [
        (selection(ROI_TYPE.LINE, 0, 0, 4, 4), r"a is a selection without an area \(line\)"),
        (selection(ROI_TYPE.RECT, 0, 0, 4, 4, subtype=ROI_SUBTYPE.TEXT), "without an area"),
        (polygon(box(30, 2, 34, 6)), r"covers no pixel of its image \(24x32\); give the outlines of this image"),
        (polygon(box(2, 2, 2, 6)), "covers no pixel"),
    ],
)
def test_selections_that_are_no_cells_of_the_image_are_refused(tmp_path, roi, words):
    roi.tofile(tmp_path / "a.roi")
    refused(tmp_path / "a.roi", words)


def test_selections_on_several_slices_are_refused(tmp_path):
    for n in (0, 1):
        polygon(box(0, 9 * n, 8, 9 * n + 8), position=n).tofile(tmp_path / "x.zip", name=str(n))
    refused(tmp_path / "x.zip", "2 slices of a stack")


def test_damaged_and_empty_files_of_selections_are_refused(tmp_path):
    polygon(box(0, 0, 8, 8)).tofile(tmp_path / "x.roi")
    content = (tmp_path / "x.roi").read_bytes()
    (tmp_path / "x.roi").write_bytes(content[:66])
    refused(tmp_path / "x.roi", "damaged .*save them again")
    (tmp_path / "x.roi").write_bytes(b"P" * 300)
    refused(tmp_path / "x.roi", "damaged")
    (tmp_path / "x.zip").write_bytes(content)
    refused(tmp_path / "x.zip", "damaged")
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as file:
        file.writestr("notes.txt", "nothing")
    refused(tmp_path / "y.zip", "holds no outline of a cell")


def geometry(kind, coordinates, **properties):
    closed = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "id": "a", "geometry": closed, "properties": properties}


def write(tmp_path, content):
    (tmp_path / "x.geojson").write_text(json.dumps(content))
    return tmp_path / "x.geojson"


CELLS = [
    geometry("Polygon", [box(2, 2, 12, 12), box(4, 4, 8, 8)], objectType="annotation"),
    geometry("MultiPolygon", [[box(0, 20, 4, 24)], [box(10, 20, 14, 24), box(11, 21, 13, 23)]]),
]


@pytest.mark.parametrize("form", [lambda cells: {"type": "FeatureCollection", "features": cells}, list])
def test_polygons_of_geojson_with_holes_and_in_pieces(tmp_path, form):
    labels = read(write(tmp_path, form(CELLS)))
    expected = np.zeros(SIZE, int)
    expected[2:12, 2:12], expected[4:8, 4:8] = 1, 0
    expected[:4, 20:24] = expected[10:14, 20:24] = 2
    expected[11:13, 21:23] = 0
    np.testing.assert_array_equal(labels, expected)


def test_a_single_object_of_geojson(tmp_path):
    assert read(write(tmp_path, CELLS[0])).sum() == 100 - 16


def test_regions_around_detected_cells_are_no_cells(tmp_path):
    region = geometry("Polygon", [box(0, 0, 24, 32)], objectType="annotation")
    cell = geometry("Polygon", [box(2, 2, 4, 4)], objectType="detection")
    assert read(write(tmp_path, [cell, region])).sum() == 4


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (CELLS[:1] + [geometry("LineString", [[0, 0], [4, 4]])], r"Invalid value 'LineString' - at \$.*export"),
        ({"type": "FeatureCollection", "features": []}, "holds no outline of a cell; .* zeros in labels/"),
        ([geometry("Polygon", [box(30, 2, 34, 6)])], "object 1 covers no pixel"),
        ([geometry("Polygon", [[[1], [2], [3]]])], "without corners"),
        ([geometry("Polygon", [[[1, 2], [2], [3, 4]]])], "damaged"),
        ([geometry("Polygon", [])], "without corners"),
        ([geometry("Polygon", [[[1e300, 0], [0, 9], [9, 9]]])], "far outside"),
        ({"hello": 1}, "no polygons in GeoJSON"),
        ("text", "no polygons in GeoJSON"),
    ],
)
def test_geojson_that_does_not_fit_is_refused(tmp_path, content, words):
    refused(write(tmp_path, content), words)


def test_damaged_geojson_is_refused(tmp_path):
    whole = json.dumps(CELLS)
    (tmp_path / "x.geojson").write_text(whole[:-40])
    refused(tmp_path / "x.geojson", "damaged")
    (tmp_path / "x.geojson").write_bytes(b"\xff\xfe" + whole.encode())
    refused(tmp_path / "x.geojson", "damaged")


def test_masks_of_single_cells_must_fit(tmp_path):
    write_image(tmp_path / "a.png", np.eye(24, 32).astype(np.uint8) * 255)
    write_image(tmp_path / "b.png", np.zeros(SIZE, np.uint8))
    labels, numbered = read_single([tmp_path / "b.png", tmp_path / "a.png"], SIZE)
    assert numbered and labels.max() == 1
    with pytest.raises(CellsegError, match="a.png: mask and image differ in size .24x31 and 24x32"):
        read_single([tmp_path / "a.png"], (24, 31))
    write_image(tmp_path / "c.png", np.arange(24 * 32).reshape(SIZE).astype(np.uint16))
    with pytest.raises(CellsegError, match="c.png: a mask of one cell has the values 0 and one other"):
        read_single([tmp_path / "c.png"], SIZE)
