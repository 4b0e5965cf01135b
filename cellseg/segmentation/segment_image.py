"""One image from its file to a folder of results, which is there whole or not at all."""

import itertools
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from cellseg import __version__
from cellseg.images.find import identify
from cellseg.images.open import open_image
from cellseg.results import replacing_folder
from cellseg.segmentation.find_cells import map_bands, measure_scale
from cellseg.segmentation.outputs import ImageResult
from cellseg.segmentation.overlay import overlay, overlay_names
from cellseg.segmentation.plane_result import PlaneResult
from cellseg.segmentation.record import ImageRecord, write_result
from cellseg.segmentation.segment_array import label_type
from cellseg.segmentation.size import at_size, rescaling
from cellseg.segmentation.tables import write_table
from cellseg.segmentation.thumbnail import THUMBNAIL, save_thumbnail
from cellseg.segmentation.tiff_output import write_tiff
from cellseg.segmentation.track_output import write_tracks
from cellseg.segmentation.tracking import track

TABLE = "objects.csv"
OME_ZARR = "image.ome.zarr"

_SCRATCH = "scratch"


class Job(NamedTuple):
    """An image to be segmented.

    Attributes
    ----------
    path : str
    name : str
        What it is called in tables.
    folder : str
        For its results.
    """

    path: str
    name: str
    folder: str


def segment_image(job, options, model, progress=lambda pixels: None, bands=None):
    """Segment an image, all of its planes, and write the results.

    Parameters
    ----------
    job : Job
    options : cellseg.segmentation.options.SegmentationOptions
    model : cellseg.segmentation.model.Model
        Loaded as the options say.
    progress : callable
        Told the number of pixels of each finished band.
    bands : callable, optional
        Called with the number of a plane, the plane and its scale, it gives what
        `cellseg.segmentation.find_cells.map_bands` does, where that has been found before.

    Returns
    -------
    dict
        The image's row of ``summary.csv``.

    Raises
    ------
    CellsegError
        If the image cannot be read or the results cannot be written; earlier results are left as they were.
    """
    started = time.monotonic()
    identity = identify(job.path)
    with open_job(job, options) as source, replacing_folder(job.folder) as folder:
        factor = rescaling(options.diameter, model.settings, source.pixel_size)
        used = at_size(model.settings, factor, model.tiles.network.maps)
        selection = options.selection.at_size(factor)
        bands = bands or (lambda number, plane, scale: map_bands(plane, scale, model.tiles, factor))
        scratch = folder / _SCRATCH
        scratch.mkdir()
        done, scale = [], None
        for number, plane in enumerate(source.planes):
            if scale is None or options.scale_over == "plane":
                scale = scale_of(source, number, job.path, options)
            done.append(PlaneResult(scratch, number, plane, scale, used, options.probability, selection))
            done[-1].find(bands(number, plane, scale), progress)
            done[-1].measure(options.properties)
        tracks, notes = _tracks(source, options, done)
        _write(folder, job, source, options, done, tracks)
        shutil.rmtree(str(scratch))
        row = _summary(job, source, options, done, notes, time.monotonic() - started)
        planes = [{**one.plane.index, "count": one.count, "scale": one.scale._asdict()} for one in done]
        record = ImageRecord(
            summary=row,
            settings=options.describe(),
            image=identity,
            tile=model.tiles.side,
            engine=model.tiles.network.engine,
            cellseg=__version__,
            model=options.model,
            planes=planes,
        )
        write_result(folder, record)
    return row


def open_job(job, options):
    """The image of a job, open for reading; see `cellseg.images.open.open_image`."""
    return open_image(job.path, options.channel, options.axes, options.series)


def scale_of(source, number, name, options):
    """The grey-value scale of a plane: its own, or that of its image or of all images.

    Parameters
    ----------
    source : cellseg.images.source.Source
    number : int
        Of the plane.
    name : str
        What to call the image in errors.
    options : cellseg.segmentation.options.SegmentationOptions

    Returns
    -------
    cellseg.data.normalisation.Scale
    """
    if options.scale:
        return options.scale
    planes = source.planes if options.scale_over == "image" else [source.planes[number]]
    return measure_scale(planes, name, options.settings, options.percentiles)


def _tracks(source, options, done):
    """The tracks of the cells of each plane, or None, and what is to be known of them."""
    if not options.track:
        return None, []
    if "T" not in dict(source.axes):
        for one in done:
            one.more["track"] = [""] * one.count
        return None, ["no time axis, so cells have no tracks: --axes TYX says which axis it is"]
    tracks, notes = track(done, options.track_distance)
    for one, numbers in zip(done, tracks, strict=True):
        one.more["track"] = numbers.tolist()
    return tracks, notes


def _write(folder, job, source, options, done, tracks):
    beside = ThreadPoolExecutor(1)  # the pictures are drawn while the rest is written
    try:
        names = overlay_names(len(done))
        pictures = [
            beside.submit(_draw, folder, name, one, one is done[0]) for one, name in zip(done, names, strict=True)
        ]
        _write_cells(folder, job, source, options, done, tracks)
        for picture in pictures:
            picture.result()
    finally:
        beside.shutdown(cancel_futures=True)


def _draw(folder, name, one, with_thumbnail):
    picture = overlay(one.grey, one.labels, one.plane.shape, one.scale)
    picture.save(str(folder / name), compress_level=1)
    if with_thumbnail:
        save_thumbnail(picture, str(folder / THUMBNAIL))


def _write_cells(folder, job, source, options, done, tracks):
    grid = tuple(length for _, length in source.axes)
    shape = grid + tuple(source.planes[0].shape)
    axes = "".join(letter for letter, _ in source.axes)
    axes = axes if "Z" in axes else axes.replace("I", "Z")
    kind = label_type(max(one.count for one in done))
    planes = {"labels": kind, "mask": "uint8", **({"probability": "float32"} if options.probability else {})}
    for name, dtype in planes.items():
        rows = [getattr(one, name) for one in done]
        write_tiff(folder / f"{name}.tif", rows, shape, dtype, axes, source.pixel_size)
    result = ImageResult(job.name, source, done)
    rows = itertools.chain.from_iterable(result.rows(page) for page in range(len(done)))
    write_table(folder / TABLE, result.columns, rows)
    if tracks:
        write_tracks(folder, done, tracks, shape, axes, source.pixel_size)
    for output in options.outputs:
        output.write(folder / output.name, result)
    if options.ome_zarr:
        from cellseg.segmentation.zarr_output import write_ome_zarr

        write_ome_zarr(folder / OME_ZARR, [one.grey for one in done], [one.labels for one in done], source, kind)


def _summary(job, source, options, done, notes, seconds):
    height, width = source.planes[0].shape
    pixels = len(done) * height * width
    warnings = [*source.warnings, *notes]
    for one in done:
        where = " ".join(f"{letter}{number}" for letter, number in one.plane.index.items())
        warnings += [f"{where}: {note}" if where else note for note in one.doubts]
    size = source.pixel_size or ("", "")
    covered = sum(int(one.table["area"].sum()) for one in done) / pixels
    return {
        "image": job.name,
        "planes": len(done),
        "height": height,
        "width": width,
        "channel": source.channel,
        "pixel_height_um": size[0],
        "pixel_width_um": size[1],
        "count": sum(one.count for one in done),
        "covered_fraction": round(covered, 6),
        "threshold": options.settings.threshold,
        "seconds": round(seconds, 3),
        "warnings": "; ".join(warnings),
    }
