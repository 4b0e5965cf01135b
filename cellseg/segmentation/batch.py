"""Many images: which are to be done, doing them, and the tables of all."""

import functools
import os
from pathlib import Path
from typing import NamedTuple

from cellseg.errors import CellsegError
from cellseg.images.find import identify
from cellseg.images.look import look
from cellseg.results import check_result_files, check_result_folder, replacing_files
from cellseg.segmentation.apart import Apart
from cellseg.segmentation.options import GREY
from cellseg.segmentation.record import ImageRecord, read_result
from cellseg.segmentation.segment_image import TABLE, Job
from cellseg.segmentation.tables import OBJECTS, SUMMARY, join_tables, write_table
from cellseg.segmentation.work import explained

SUMMARY_TABLE = "summary.csv"
_TABLES = (TABLE, SUMMARY_TABLE)
#: How the warnings of an image begin that has no results.
FAILED = "failed: "


class Planned(NamedTuple):
    """An image, and what is to be done with it.

    Attributes
    ----------
    job : cellseg.segmentation.segment_image.Job
    planes : int
    shape : tuple of int
        Of each plane.
    record : cellseg.segmentation.record.ImageRecord or None
        Of earlier results that are kept: those that were made from the image as it is now.
    as_set : bool
        Whether these were made with today's settings.
    error : str
        Why it cannot be done.
    """

    job: Job
    planes: int = 0
    shape: tuple = (0, 0)
    record: ImageRecord | None = None
    as_set: bool = True
    error: str = ""

    @property
    def pixels(self):
        """In all of its planes."""
        return self.planes * self.shape[0] * self.shape[1]


def plan(found, out, settings, overwrite=False, ahead=lambda: None):
    """Look at each image and its earlier results. What an image does to its decoder stops no other one.

    Parameters
    ----------
    found : sequence of cellseg.images.find.Found
    out : path
        Folder for all results.
    settings : cellseg.segmentation.options.SegmentationOptions
    overwrite : bool
        Whether earlier results are to be made again.
    ahead : callable
        Called once it is known that an image is to be done, before that is looked at.

    Returns
    -------
    list of Planned

    Raises
    ------
    CellsegError
        If the tables would replace files that are not ours.
    """
    check_result_files(out, _TABLES)
    jobs = (Job(str(one.path), _shown(one.name), str(Path(out) / one.name)) for one in found)
    ahead = functools.cache(ahead)
    with Apart() as apart:
        return [_planned(job, out, settings, overwrite, ahead, apart) for job in jobs]


def _planned(job, out, settings, overwrite, ahead, apart):
    try:
        _check_name(job.path)
        _check_inside(job.folder, out)
        record = None if overwrite else read_result(job.folder)
        said = settings.describe()
        # Results on another grey-value scale are no part of the same table.
        alike = record and all(record.settings.get(name) == said[name] for name in GREY)
        if alike and record.image == identify(job.path):
            return Planned(job, record=record, as_set=record.settings == said)
        check_result_folder(job.folder)
        ahead()
        return Planned(job, *apart.call(look, job.path, settings.channel, settings.axes, settings.series))
    except CellsegError as error:
        return Planned(job, error=str(error))
    except Exception as error:  # no image stops the others
        return Planned(job, error=explained(job, error))


def _check_name(path):
    """Refuse a path that no table, record or terminal can show."""
    try:
        os.path.abspath(path).encode()
    except UnicodeEncodeError as error:
        raise CellsegError(f"{path}: its name, or a folder's above it, is no UTF-8; rename it") from error


def _shown(name):
    """A name as a table can hold it, with escapes where it is no text."""
    return name.encode("utf-8", "backslashreplace").decode()


def _check_inside(folder, out):
    """Refuse a folder of results that a link leads elsewhere."""
    place = Path(folder).resolve()
    if not place.is_relative_to(Path(out).resolve()):
        raise CellsegError(f"{folder}: is a link to {place}, outside of {out}; remove it, or choose another --out")


def write_tables(out, planned, outcomes):
    """Write ``objects.csv`` and ``summary.csv`` of the images that have results; the latter names those that failed.

    Parameters
    ----------
    out : path
    planned : sequence of Planned
    outcomes : sequence of cellseg.segmentation.work.Outcome
        Of those that were tried.
    """
    errors = {outcome.job: outcome.error for outcome in outcomes}
    rows, parts = [], []
    for one in planned:
        error = one.error or errors.get(one.job)
        record = None if error else read_result(one.job.folder)
        if record:
            rows.append([record.summary[name] for name in SUMMARY])
            parts.append(Path(one.job.folder) / TABLE)
        elif error:
            failed = {"image": one.job.name, "warnings": f"{FAILED}{error}"}
            rows.append([failed.get(name, "") for name in SUMMARY])
    with replacing_files(out, _TABLES) as beside:
        join_tables(beside / TABLE, OBJECTS, parts)
        write_table(beside / SUMMARY_TABLE, SUMMARY, rows)
