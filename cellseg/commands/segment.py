"""Segment images with a trained model: masks, numbered cells, pictures and tables.

IMAGES are files and folders: TIFF (also OME-TIFF and stacks), PNG, JPEG, OME-Zarr, CZI, ND2 and LIF of any size. Each
gets a folder of results (labels.tif, mask.tif, overlay.png, objects.csv, image.json), and all of them one objects.csv,
summary.csv and index.html, the page to look at.
Images that have results already, and have not changed since, are left out.

    cellseg segment images/ --out results
    cellseg segment images/ --out results --model runs/best/finetune

The threshold, normalisation and net of a model stand in the file of settings beside its weights. A first argument that
is a .caffemodel or a run folder is taken as the model, too.
"""

import argparse
import contextlib
import os
import sys
from dataclasses import replace

from cellseg import cli
from cellseg.commands import options
from cellseg.data.names import SCOPES
from cellseg.errors import CellsegError, printable


def add_arguments(parser):
    """Add the verb's options."""
    from cellseg.images.registry import SUFFIXES

    parser.add_argument("images", nargs="+", help=f"files and folders ({', '.join(SUFFIXES)})")
    parser.add_argument("--out", required=True, help="folder for the results")
    options.add_model(parser)
    group = parser.add_argument_group("which images")
    pattern = "of the names in folders, such as '*_DAPI.tif' (default: all images)"
    group.add_argument("--glob", default="*", metavar="PATTERN", help=pattern)
    group.add_argument("--recursive", action="store_true", help="look into folders of folders, too")
    channel = "number (from 0) or name, of images that have several; of colour images also 'luminance'"
    group.add_argument("--channel", help=channel)
    axes = "a letter per axis of images that do not say it, such as YXC or TZYX"
    group.add_argument("--axes", metavar="LETTERS", help=axes)
    series = "number (from 0) of the image in files that hold several (default: the first)"
    group.add_argument("--series", type=cli.number(0), metavar="N", help=series)
    group.add_argument("--overwrite", action="store_true", help="do images again that have results already")
    group.add_argument("--dry-run", action="store_true", help="only say what would be done")
    group = parser.add_argument_group("how (default: what the file beside the model says)")
    options.add_deploy(group)
    threshold = "a pixel is cell where its probability is at least this"
    group.add_argument("--threshold", type=float, help=threshold)
    options.add_normalisation(group, "the model's")
    ranks = "percentiles of the grey values that become 0 and 1 (default: 1 99.8)"
    rank = cli.number(0, 100, kind=float)
    group.add_argument("--percentiles", nargs=2, type=rank, metavar=("LOW", "HIGH"), help=ranks)
    scope = "what has one grey-value scale: each plane, all planes of an image, or all images (default: %(default)s)"
    group.add_argument("--scale-over", choices=SCOPES, default="plane", help=scope)
    over = "orientations of an image over which the output is averaged"
    group.add_argument("--orientations", type=int, choices=(1, 8), help=over)
    size = "median diameter of the cells in the images, in pixels or with a unit, such as 12um: the network sees the "
    size += "images rescaled to the model's own size, and the pixels of the options below are those of its image"
    group.add_argument("--diameter", metavar="D", help=size)
    group.add_argument("--smallest-object", type=int, metavar="PIXELS", help="smaller ones are removed")
    largest = "cells larger than this are left out"
    group.add_argument("--largest-object", type=cli.number(1), metavar="PIXELS", help=largest)
    group.add_argument("--drop-border", action="store_true", help="cells that touch the image's edge are left out")
    group.add_argument("--largest-hole", type=int, metavar="PIXELS", help="holes in cells up to this are filled")
    depth = "by how much the distance to the edge has to fall between touching cells; in pixels, or, for models that "
    depth += "give the distance, as a part of a cell's largest"
    number = cli.number(0, kind=float)
    group.add_argument("--split", type=number, default=argparse.SUPPRESS, metavar="DEPTH", help=depth)
    whole = {"const": None, "default": argparse.SUPPRESS, "help": "leave touching cells as one"}
    group.add_argument("--no-split", dest="split", action="store_const", **whole)
    group = parser.add_argument_group("what is written besides")
    group.add_argument("--probability", action="store_true", help="probability.tif, 32-bit floating point")
    zarr = "image.ome.zarr: grey values, with labels where napari looks"
    group.add_argument("--ome-zarr", action="store_true", help=zarr)
    group.add_argument("--roi", action="store_true", help="RoiSet.zip: a selection a cell, for ImageJ and Fiji")
    geojson = "cells.geojson: a detection a cell with its measurements, for QuPath"
    group.add_argument("--geojson", action="store_true", help=geojson)
    properties = "of scikit-image's regionprops, as further columns of objects.csv, such as perimeter or moments_hu"
    group.add_argument("--properties", nargs="+", default=[], metavar="NAME", help=properties)
    follow = "follow cells along the axis T: a column in objects.csv, tracks.csv and tracks.tif"
    group.add_argument("--track", action="store_true", help=follow)
    farthest = "how far a cell moves at most from one time point to the next (default: the cells' median diameter)"
    group.add_argument("--track-distance", type=cli.number(1, kind=float), metavar="PIXELS", help=farthest)
    group = parser.add_argument_group("on what")
    options.add_engine(group)
    workers = "images at a time, each in a process (default: %(default)s)"
    group.add_argument("--workers", type=cli.number(1), default=1, help=workers)
    tile = "side of the windows in which large images are read (default: what memory allows)"
    group.add_argument("--tile", type=cli.number(1), metavar="PIXELS", help=tile)
    group.add_argument(
        "--dask", metavar="ADDRESS", help="of a Dask scheduler (tcp://host:8786) whose workers segment the images"
    )


def run(arguments):
    """Segment the images; gives the exit code, 1 where an image failed."""
    from cellseg.files import make_folder
    from cellseg.images.find import find_images
    from cellseg.locks import only_writer
    from cellseg.report.results.page import check_page, write_page
    from cellseg.scratch import remove_leftovers
    from cellseg.segmentation.batch import plan, write_tables
    from cellseg.segmentation.folder_scale import folder_scale
    from cellseg.segmentation.pool import Worker

    model, images = _model_and_images(arguments)
    settings = _options(arguments, model)
    check_page(arguments.out)
    found = find_images(images, arguments.glob, arguments.recursive, leave_out=arguments.out)
    if settings.scale_over == "folder":
        print(f"one grey-value scale for all: {len(found)} images are measured first", flush=True)
        settings = replace(settings, scale=folder_scale(found, settings))
    outcomes = []
    with contextlib.ExitStack() as stack:
        workers = []

        def start_worker():  # it loads the model meanwhile
            if arguments.workers == 1 and not arguments.dry_run and not arguments.dask:
                workers.append(stack.enter_context(Worker(settings)))

        planned = plan(found, arguments.out, settings, arguments.overwrite, start_worker)
        _tell(planned, arguments)
        if arguments.dry_run:
            return 0
        stack.enter_context(only_writer(make_folder(arguments.out)))
        try:
            to_do = [one for one in planned if not one.record and not one.error]
            _segment(to_do, settings, arguments, outcomes, *workers)
        finally:
            for parent in {os.path.dirname(outcome.job.folder) for outcome in outcomes}:  # of workers that were killed
                remove_leftovers(parent)
            write_tables(arguments.out, planned, outcomes)
            page = write_page(arguments.out)
    errors = [one.error for one in (*planned, *outcomes) if one.error]
    done = sum(1 for outcome in outcomes if outcome.row)
    kept = sum(1 for one in planned if one.record)
    print(f"{done} segmented, {kept} kept, {len(errors)} failed; tables: {arguments.out}/objects.csv, summary.csv")
    print(f"to look at: {page}")
    for error in errors:
        print(f"error: {printable(error)}", file=sys.stderr)
    return 1 if errors else 0


def _model_and_images(arguments):
    """The weights, and the images; a model may stand before these."""
    from cellseg.models.find import find_model, is_model
    from cellseg.models.shipped import DEFAULT, find_shipped

    model, images = arguments.model, arguments.images
    if model is None and is_model(images[0]):
        model, *images = images
    if not images:
        raise CellsegError(f"{model}: is the model; give images, too")
    if model is None and find_shipped(DEFAULT) is None:
        raise CellsegError(f"the model '{DEFAULT}' is not here; give one with --model: a .caffemodel or a run folder")
    return find_model(model or DEFAULT), images


def _options(arguments, model):
    from cellseg.data.normalisation import check_percentiles
    from cellseg.segmentation.model import find_settings
    from cellseg.segmentation.options import SegmentationOptions
    from cellseg.segmentation.properties import check_properties
    from cellseg.segmentation.selection import Selection
    from cellseg.segmentation.size import models_diameter, read_diameter, rescaling

    names = ("deploy", "threshold", "normalisation", "orientations", "smallest_object", "largest_hole", "split")
    given = {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}
    settings = find_settings(model, **given)
    percentiles = tuple(arguments.percentiles) if arguments.percentiles else None
    check_percentiles(settings.normalisation, percentiles)
    diameter = read_diameter(arguments.diameter) if arguments.diameter else None
    if diameter:
        models_diameter(settings)
        if not diameter.in_micrometres:
            rescaling(diameter, settings)
    check_properties(arguments.properties)
    if arguments.largest_object and arguments.largest_object < settings.smallest_object:
        smallest = f"objects below {settings.smallest_object} pixels are removed"
        raise CellsegError(f"--largest-object {arguments.largest_object}: no cell is left, since {smallest}; give more")
    return SegmentationOptions(
        os.path.abspath(model),
        settings,
        arguments.engine,
        arguments.tile,
        diameter,
        arguments.channel,
        arguments.axes,
        arguments.series,
        percentiles,
        arguments.scale_over,
        probability=arguments.probability,
        ome_zarr=arguments.ome_zarr,
        selection=Selection(arguments.drop_border, arguments.largest_object),
        properties=tuple(dict.fromkeys(arguments.properties)),
        track=_has_tracks(arguments),
        track_distance=arguments.track_distance,
        outputs=_outputs(arguments),
    )


def _has_tracks(arguments):
    """Whether cells are to be followed, and can be."""
    from cellseg.segmentation.tracking import EXTRA, LIBRARIES

    if arguments.track_distance and not arguments.track:
        raise CellsegError("--track-distance is for --track; give that, too")
    if arguments.track:
        cli.need(EXTRA, *LIBRARIES)
    return arguments.track


def _outputs(arguments):
    from cellseg.export.geojson import GEOJSON
    from cellseg.export.rois import ROIS

    return tuple(output for output, wanted in ((ROIS, arguments.roi), (GEOJSON, arguments.geojson)) if wanted)


def _tell(planned, arguments):
    """What will be done, in a line; with --dry-run in a line an image."""
    new = [one for one in planned if not one.record and not one.error]
    kept = [one for one in planned if one.record]
    others = sum(1 for one in kept if not one.as_set)
    if arguments.dry_run:
        for one in planned:
            height, width = one.shape
            size = f"{one.planes} plane{'s' if one.planes > 1 else ''} of {height}x{width}"
            print(f"{printable(one.job.name)}: {one.error or ('has results' if one.record else size)}")
    again = f", {others} of them made with other settings (--overwrite makes them again)" if others else ""
    text = f", {len(kept)} kept as they are{again}" if kept else ""
    print(f"{len(new)} of {len(planned)} images to do, {sum(one.pixels for one in new) / 1e6:.1f} megapixels{text}")


def _segment(planned, settings, arguments, outcomes, worker=None):
    """Do them, with a bar that counts pixels and images; what ended is added to `outcomes`."""
    from cellseg.progress import bar

    if not planned:
        return
    # Without these, the rate would be that of the last tenths of a second.
    shown = bar("px")(total=sum(one.pixels for one in planned), unit_scale=True, smoothing=0)
    with (
        contextlib.closing(shown),
        contextlib.closing(_run(planned, settings, arguments, shown.update, worker)) as running,
    ):
        for outcome in running:
            outcomes.append(outcome)
            shown.set_postfix_str(f"{len(outcomes)}/{len(planned)} images")
            _report(outcome, shown)
            if outcome.disk_is_full:
                raise CellsegError(f"{outcome.error}; stopped, since no other image would fit")


def _run(planned, settings, arguments, progress, worker):
    if arguments.dask:
        from cellseg.segmentation.cluster import run_on_cluster

        return run_on_cluster(arguments.dask, planned, settings, arguments.out, progress)
    from cellseg.segmentation.pool import run_in_pool

    return run_in_pool([one.job for one in planned], settings, arguments.workers, progress, worker)


def _report(outcome, shown):
    row, name = outcome.row, printable(outcome.job.name)
    if row:
        notes = f" ({row['warnings']})" if row["warnings"] else ""
        cells = f"{row['count']} cell{'' if row['count'] == 1 else 's'}, {row['covered_fraction']:.1%} covered"
        shown.write(f"{name}: {cells}, {row['seconds']:.1f} s{notes}", file=sys.stdout)
    else:
        shown.write(f"{name}: failed\n{outcome.details}", file=sys.stdout, end="" if outcome.details else "\n")
