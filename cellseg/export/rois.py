"""Cells as ImageJ's selections: the ``RoiSet.zip`` that Fiji's ROI Manager opens.

A selection has no holes and lies in one piece. A cell that has holes or parts that touch at a corner is a composite
selection, which has both.
"""

import zipfile

import numpy as np
from roifile import ROI_TYPE, ImagejRoi

from cellseg.export.outlines import outlines
from cellseg.segmentation.outputs import Output

_LARGEST = 32767  # corner of a selection of whole numbers; composite ones have numbers of floating point


def write_rois(path, result):
    """Write the cells of an image, each as the selection of its pixels.

    Their names are the numbers of the label image; in a stack ``T0-Z3-12`` is the cell 12 of the time point 0 and
    slice 3, which count from 0 as in ``objects.csv``. Each lies on the slice of its cell in the image that was
    segmented.

    Parameters
    ----------
    path : path
    result : cellseg.segmentation.outputs.ImageResult
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for page, one in enumerate(result.planes):
            before = "".join(f"{letter}{number}-" for letter, number in one.plane.index.items())
            place = _place(result.source, one.plane.index, page)
            for cells, traced in outlines(one):
                for label, polygons in zip(one.table["label"][cells].tolist(), traced, strict=True):
                    roi = _selection(f"{before}{label}", [ring for polygon in polygons for ring in polygon], place)
                    # With a time of its own a file would be another one each time.
                    file.writestr(zipfile.ZipInfo(f"{roi.name}.roi"), roi.tobytes(), zipfile.ZIP_DEFLATED)


def _place(source, index, page):
    """Where a selection lies in a stack; ImageJ counts from 1, and 0 is everywhere."""
    if not index:
        return {}
    if len(index) == 1 and len(source.channels) == 1:  # a stack; else a hyperstack
        return {"position": page + 1}
    return {"z_position": index.get("Z", index.get("I", 0)) + 1, "t_position": index.get("T", 0) + 1}


def _selection(name, rings, place):
    corners = np.concatenate(rings)
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    box = {"left": left, "top": top, "right": right, "bottom": bottom}
    if len(rings) == 1 and max(right, bottom) <= _LARGEST:
        traced = {"n_coordinates": len(corners), "integer_coordinates": (corners - [left, top]).astype(np.int32)}
        return ImagejRoi(roitype=ROI_TYPE.TRACED, name=name, **box, **traced, **place)
    way = np.concatenate([_way(ring) for ring in rings])
    return ImagejRoi(roitype=ROI_TYPE.RECT, name=name, **box, multi_coordinates=way, shape_roi_size=len(way), **place)


def _way(ring):
    """A ring as Java's paths have it: 0 begins at a corner, 1 goes to one, 4 closes."""
    steps = np.ones((len(ring), 3), np.float32)
    steps[0, 0], steps[:, 1:] = 0, ring
    return np.append(steps, np.float32(4))


ROIS = Output("RoiSet.zip", write_rois)
