"""One image as a piece of work that any process can do: it gives an outcome and never raises on a bad image."""

import errno
import functools
import traceback
from typing import NamedTuple

from cellseg.engine.process import ChildEnded
from cellseg.errors import CellsegError
from cellseg.segmentation.model import load_model
from cellseg.segmentation.segment_image import Job, segment_image

_FULL = (errno.ENOSPC, errno.EDQUOT)


class Outcome(NamedTuple):
    """What became of an image.

    Attributes
    ----------
    job : cellseg.segmentation.segment_image.Job
    row : dict or None
        Its row of ``summary.csv``; None where it failed.
    error : str
        Why it failed, in one line.
    details : str
        A traceback, where the error is none that a user's image explains.
    disk_is_full : bool
    """

    job: Job
    row: dict | None = None
    error: str = ""
    details: str = ""
    disk_is_full: bool = False


@functools.lru_cache(maxsize=1)
def loaded(settings):
    """The model of these settings; the last one is kept.

    Parameters
    ----------
    settings : cellseg.segmentation.options.SegmentationOptions

    Returns
    -------
    cellseg.segmentation.model.Model

    Raises
    ------
    CellsegError
        See `cellseg.segmentation.model.load_model`.
    """
    return load_model(settings.model, settings.engine, settings.tile, settings.settings)


def work(job, settings, **options):
    """Segment an image with a model that is kept for the next one.

    Parameters
    ----------
    job : cellseg.segmentation.segment_image.Job
    settings : cellseg.segmentation.options.SegmentationOptions
    **options
        ``progress`` and ``bands`` of `cellseg.segmentation.segment_image.segment_image`.

    Returns
    -------
    Outcome
    """
    try:
        return Outcome(job, segment_image(job, settings, loaded(settings), **options))
    except CellsegError as error:
        if isinstance(error, ChildEnded):  # it held the network
            loaded.cache_clear()
        cause = error.__cause__
        full = isinstance(cause, OSError) and cause.errno in _FULL
        return Outcome(job, error=naming(job, str(error)), disk_is_full=full)
    except MemoryError as error:
        return Outcome(job, error=explained(job, error))
    except Exception as error:
        return Outcome(job, error=explained(job, error), details=traceback.format_exc())


def explained(job, error):
    """What a user is told of an error that is none of ours, in one line."""
    if isinstance(error, MemoryError):
        return f"{job.path}: more memory needed than there is; give a smaller --tile, or leave it out"
    return f"{job.path}: {type(error).__name__}: {' '.join(str(error).split())}"


def naming(job, message):
    """An error with the image's path, if it does not name it already."""
    return message if job.path in message else f"{job.path}: {message}"
