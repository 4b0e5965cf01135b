"""Images over a Dask cluster: a small one is a task, of a large one each band is; the workers write the results.

All workers have to see the same folders under the same names, and to have cellseg installed.
"""

import os
import shutil
import threading
from pathlib import Path

import numpy as np

from cellseg.errors import CellsegError, install
from cellseg.files import make_folder, replacing
from cellseg.scratch import scratch
from cellseg.segmentation.find_cells import band_maps
from cellseg.segmentation.segment_image import open_job, scale_of
from cellseg.segmentation.size import rescaling
from cellseg.segmentation.work import Outcome, loaded, naming, work

#: Pixels from which an image is more than one task.
LARGE = 1 << 25

_ONE_AT_A_TIME = threading.Lock()  # a worker may run several tasks at once, but has one network


def run_on_cluster(address, planned, settings, parent, progress=lambda pixels: None):
    """Segment images on a Dask cluster.

    A task whose worker is lost is done again by another one, up to Dask's own limit (``allowed-failures``, 3).

    Parameters
    ----------
    address : str
        Of a scheduler, such as "tcp://host:8786".
    planned : sequence of cellseg.segmentation.batch.Planned
    settings : cellseg.segmentation.options.SegmentationOptions
    parent : path
        Folder that the workers see, for the bands of large images.
    progress : callable
        Told the number of pixels of what is finished.

    Yields
    ------
    cellseg.segmentation.work.Outcome
        As they end.

    Raises
    ------
    CellsegError
        If Dask is missing, no scheduler answers, or the model cannot be loaded.
    """
    jobs = {one: _seen_by_all(one.job) for one in planned}
    with _client(address) as client, scratch(make_folder(parent).resolve()) as folder:
        side = client.submit(_side, settings, pure=False).result()
        if isinstance(side, CellsegError):
            raise side
        ends, pixels = {}, {}
        try:
            for number, (one, job) in enumerate(jobs.items()):
                bands = _submit_bands(client, one, job, settings, side, folder / str(number))
                pixels.update(bands)
                last = client.submit(_finish, job, settings, list(bands), pure=False, retries=3)
                ends[last], pixels[last] = (one, folder / str(number)), 0 if bands else one.pixels
            for future in _distributed().as_completed(list(pixels)):
                progress(pixels[future])
                if future in ends:
                    one, parts = ends[future]
                    shutil.rmtree(str(parts), ignore_errors=True)
                    yield _outcome(future, one)
        finally:
            client.cancel(list(pixels))


def _submit_bands(client, one, job, settings, side, folder):
    """The futures of a large image's bands with their pixels; none of a small one."""
    if one.pixels <= LARGE:
        return {}
    height, width = one.shape
    bands = {}
    for number in range(one.planes):
        if number == 0 or settings.scale_over == "plane":
            scale = client.submit(_scale, job, settings, number, pure=False, retries=3)
        for top in range(0, height, side):
            bottom = min(top + side, height)
            future = client.submit(_band, job, settings, number, scale, top, bottom, folder, pure=False, retries=3)
            bands[future] = (bottom - top) * width
    return bands


def _outcome(future, one):
    if future.status == "finished":
        return future.result()._replace(job=one.job)
    error = future.exception() if future.status == "error" else future.status
    line = " ".join(str(error).split())
    return Outcome(one.job, error=f"{one.job.path}: given up on the cluster: {type(error).__name__}: {line}")


def _side(settings):
    try:
        with _ONE_AT_A_TIME:
            return loaded(settings).tiles.side
    except CellsegError as error:
        return error


def _scale(job, settings, number):
    """The scale of a plane; where it cannot be had, the error."""
    try:
        with open_job(job, settings) as source:
            return scale_of(source, number, job.path, settings)
    except CellsegError as error:
        return error


def _band(job, settings, number, scale, top, bottom, folder):
    """Find the maps of a band, and keep them in a file; gives its place, or an error."""
    if isinstance(scale, CellsegError):
        return scale
    path = Path(folder) / f"{number}-{top}.npy"
    if not path.parents[1].is_dir():  # it is not to come back
        return CellsegError(f"{job.path}: given up, since the command has ended")
    try:
        with open_job(job, settings) as source, _ONE_AT_A_TIME:
            factor = rescaling(settings.diameter, settings.settings, source.pixel_size)
            found = band_maps(source.planes[number], scale, loaded(settings).tiles, top, bottom, factor)
        with replacing(path) as beside:
            np.save(beside, found)
    except CellsegError as error:
        return error
    return number, top, bottom, str(path)


def _finish(job, settings, bands):
    for band in bands:
        if isinstance(band, CellsegError):
            return Outcome(job, error=naming(job, str(band)))
    with _ONE_AT_A_TIME:
        return work(job, settings, bands=_kept(bands) if bands else None)


def _kept(bands):
    def bands_of(number, plane, scale):
        for top, bottom, path in sorted(band[1:] for band in bands if band[0] == number):
            yield top, bottom, np.load(path)

    return bands_of


def _seen_by_all(job):
    # Links are left as they are: other files of the image are looked for beside the link.
    return job._replace(path=os.path.abspath(job.path), folder=os.path.abspath(job.folder))


def _client(address):
    try:
        return _distributed().Client(address, timeout="20s")
    except (OSError, ValueError) as error:
        raise CellsegError(
            f"{address}: no Dask scheduler answers there ({error}); start one, or give --workers"
        ) from error


def _distributed():
    try:
        import distributed
    except ImportError as error:
        raise CellsegError(f"--dask needs Dask ({error}); {install('dask')}") from error
    return distributed
