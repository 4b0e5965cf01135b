"""What a folder of results holds: its images, and of each what is to be said. Damage is said, too, and ends nothing."""

import base64
import csv
import io
import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from cellseg.errors import CellsegError
from cellseg.report.results.cells import Cells, read_cells
from cellseg.segmentation.batch import FAILED, SUMMARY_TABLE
from cellseg.segmentation.overlay import overlay_names
from cellseg.segmentation.record import IMAGE, ImageRecord, read_result
from cellseg.segmentation.segment_image import TABLE
from cellseg.segmentation.thumbnail import THUMBNAIL, save_thumbnail

_AGAIN = "segment the image again with --overwrite"
_NUMBERS = ("planes", "height", "width", "count", "covered_fraction", "threshold")
_NO_CELLS = Cells(*np.zeros((3, 0)))


@dataclass(frozen=True)
class ImageResult:
    """An image on the page.

    Attributes
    ----------
    name : str
    state : {"failed", "damaged", "doubtful", "fine"}
        Not segmented; segmented, but a file of its results is missing or damaged; with warnings; without.
    notes : list of str
        Why it failed, what is damaged, the warnings.
    record : cellseg.segmentation.record.ImageRecord or None
        None where there is none that can be read.
    cells : Cells
    overlays : list of str
        Names of the overlays' files, one a plane; empty for one that is missing.
    thumbnail : str
        Data URI; empty where there is no picture.
    """

    name: str
    state: str
    notes: list[str] = field(default_factory=list)
    record: ImageRecord | None = None
    cells: Cells = _NO_CELLS
    overlays: list[str] = field(default_factory=list)
    thumbnail: str = ""

    @property
    def labels(self) -> list[str]:
        """What each plane is called, such as "T 0, Z 3"."""
        planes = self.record.planes if self.record else []
        places = [", ".join(f"{axis} {plane[axis]}" for axis in "TZI" if axis in plane) for plane in planes]
        return [place or f"plane {page}" for page, place in enumerate(places)]


def read_results(out) -> tuple[list[ImageResult], str]:
    """Read a folder of results.

    Parameters
    ----------
    out : str or path
        What ``cellseg segment --out`` was given.

    Returns
    -------
    list of ImageResult
        In the order of ``summary.csv``; by name where that cannot be read.
    str
        Why it cannot be read; else empty.
    """
    out = Path(out)
    try:
        rows, why = _read_summary(out / SUMMARY_TABLE), ""
    except CellsegError as error:
        rows, why = [(name, "") for name in _image_folders(out)], str(error)
    return [_read_image(out, name, warnings) for name, warnings in rows], why


def holds_results(folder) -> bool:
    """Whether a folder is one that ``cellseg segment --out`` was given."""
    folder = Path(folder)
    return (folder / SUMMARY_TABLE).exists() or any(folder.glob(f"*/{IMAGE}"))


def _read_summary(path):
    try:
        with open(path, newline="", encoding="utf-8") as stream:
            rows = csv.DictReader(stream, strict=True)
            if not {"image", "warnings"} <= set(rows.fieldnames or ()):
                raise ValueError("its columns are others")
            found = [(row["image"], row["warnings"]) for row in rows]
        if any(not name or warnings is None for name, warnings in found):
            raise ValueError("a row is too short")
    except OSError as error:
        raise CellsegError(f"{path}: cannot be read ({error.strerror}); run cellseg segment again") from error
    except (ValueError, csv.Error) as error:
        raise CellsegError(f"{path}: not the table that it should be ({error}); run cellseg segment again") from error
    return found


def _image_folders(out):
    """Names of the folders below that hold an image's results."""
    for folder, below, files in os.walk(out):
        if IMAGE in files:
            below.clear()
            yield os.fsencode(os.path.relpath(folder, out)).decode("utf-8", "replace")
        else:
            below[:] = sorted(name for name in below if not name.startswith("."))


def _read_image(out, name, warnings):
    if warnings.startswith(FAILED):
        return ImageResult(name, "failed", [warnings.removeprefix(FAILED)])
    folder, problems, cells = out / name, [], _NO_CELLS
    try:
        record = _read_record(out, name)
    except CellsegError as error:
        return ImageResult(name, "damaged", [str(error)])
    try:
        cells = read_cells(folder / TABLE)
        if len(cells.area) != record.summary["count"]:
            held = f"holds {len(cells.area)} cells, and {IMAGE} says {record.summary['count']}"
            raise CellsegError(f"{folder / TABLE}: {held}; {_AGAIN}")
    except CellsegError as error:
        problems.append(str(error))
    wanted = overlay_names(record.summary["planes"])
    overlays = [one if (folder / one).is_file() else "" for one in wanted]
    lacking = [one for one in wanted if one not in overlays]
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        problems.append(f"{folder / lacking[0]}{more}: missing; {_AGAIN}")
    try:
        small = _thumbnail(folder, wanted[0])
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        small = ""
        if wanted[0] not in lacking:
            problems.append(f"{folder / wanted[0]}: cannot be shown ({' '.join(str(error).split())}); {_AGAIN}")
    said = [record.summary["warnings"]] if record.summary.get("warnings") else []
    state = "damaged" if problems else "doubtful" if said else "fine"
    return ImageResult(name, state, problems + said, record, cells, overlays, small)


def _read_record(out, name):
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts or "\0" in name:
        raise CellsegError(f"{out / SUMMARY_TABLE}: '{name}' leads out of the folder; run cellseg segment again")
    try:
        record = read_result(out / name)
    except OSError as error:
        raise CellsegError(f"{out / name}: cannot be read ({error.strerror}); segment the image again") from error
    if record is None:
        raise CellsegError(f"{out / name}: holds no results; segment the image again")
    for key in _NUMBERS:
        if not isinstance(record.summary.get(key), int | float):
            raise CellsegError(f"{out / name / IMAGE}: summary.{key} is no number; {_AGAIN}")
    planes = record.summary["planes"]
    if planes != len(record.planes) or planes < 1:
        raise CellsegError(f"{out / name / IMAGE}: summary.planes is not the number of its planes; {_AGAIN}")
    return record


def _thumbnail(folder, first):
    """The image's thumbnail as a data URI; made from its first overlay where results from before have none."""
    path = folder / THUMBNAIL
    if path.exists():
        with Image.open(path, formats=["JPEG"]) as picture:
            picture.load()
        content = path.read_bytes()
    else:
        stream = io.BytesIO()
        with Image.open(folder / first, formats=["PNG"]) as picture:
            save_thumbnail(picture.convert("RGB"), stream)
        content = stream.getvalue()
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode('ascii')}"
