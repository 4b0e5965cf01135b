"""Cells as ImageJ's selections: a ``.roi`` file, or a ``.zip`` from the ROI Manager."""

import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from roifile import ROI_SUBTYPE, ROI_TYPE, ImagejRoi

from cellseg.data.truth_outlines import Outline
from cellseg.errors import CellsegError

#: Endings of the names of the files, in small letters.
SUFFIXES = (".roi", ".zip")

_AREAS = (ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED, ROI_TYPE.RECT, ROI_TYPE.OVAL)
_NO_AREAS = (ROI_SUBTYPE.TEXT, ROI_SUBTYPE.ARROW, ROI_SUBTYPE.IMAGE)
_CORNERS = 720  # of the polygon that stands for an oval
_LARGEST = 64 << 20  # bytes of a selection
_DAMAGE = (
    *(OSError, EOFError, ValueError, TypeError, IndexError, RuntimeError),
    *(struct.error, zipfile.BadZipFile, zlib.error),
)


def read_outlines(path) -> list[Outline]:
    """Read the selections of a file, in the order of the ROI Manager.

    Parameters
    ----------
    path : path

    Returns
    -------
    list of Outline

    Raises
    ------
    CellsegError
        If the file is damaged or something else, a selection has no area, or they lie on several slices of a stack.
    """
    path = Path(path)
    try:
        rois = [(name, ImagejRoi.frombytes(content)) for name, content in _contents(path)]
        for name, roi in rois:
            if roi.roitype not in _AREAS or roi.subtype in _NO_AREAS:
                kind = (roi.subtype if roi.subtype in _NO_AREAS else roi.roitype).name.lower()
                what = f"{name} is a selection without an area ({kind})"
                raise CellsegError(f"{path}: {what}; remove it, or outline the cell")
        slices = {(roi.z_position, roi.t_position, roi.position) for _, roi in rois} - {(0, 0, 0)}
        if len(slices) > 1:
            what = f"its selections lie on {len(slices)} slices of a stack"
            raise CellsegError(f"{path}: {what}; save those of each slice as the file of one image")
        return [Outline(name, _rings(roi)) for name, roi in rois]
    except CellsegError:
        raise
    except _DAMAGE as error:
        raise CellsegError(f"{path}: no selections of ImageJ, or damaged ({error}); save them again") from error


def _contents(path):
    if path.suffix.lower() == ".roi":
        return [(path.stem, path.read_bytes())]
    with zipfile.ZipFile(path) as file:
        entries = [entry for entry in file.infolist() if entry.filename.lower().endswith(".roi")]
        for entry in entries:
            if entry.file_size > _LARGEST:
                raise ValueError(f"{entry.filename} is larger than {_LARGEST >> 20} MB")
        return [(Path(entry.filename).stem, file.read(entry)) for entry in entries]


def _rings(roi):
    if roi.roitype in (ROI_TYPE.RECT, ROI_TYPE.OVAL) and not roi.composite:
        if roi.subpixelrect:
            left, top, width, height = roi.xd, roi.yd, roi.widthd, roi.heightd
        else:
            left, top, width, height = roi.left, roi.top, roi.right - roi.left, roi.bottom - roi.top
        if roi.roitype == ROI_TYPE.RECT:
            unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
        else:
            angle = 2 * np.pi * np.arange(_CORNERS) / _CORNERS
            unit = 0.5 + 0.5 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return [[left, top] + unit * [width, height]]
    rings = [np.asarray(ring, float) for ring in roi.coordinates(multi=True)]
    if not rings or not all(len(ring) and np.isfinite(ring).all() for ring in rings):
        raise ValueError("a selection without corners")
    return rings
