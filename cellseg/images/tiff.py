"""TIFF files: uncompressed ones are mapped, others decoded strip by strip or tile by tile."""

import contextlib
import functools
import logging
import math
import os
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import tifffile

from cellseg.errors import CellsegError
from cellseg.images.ome_xml import read_ome
from cellseg.images.photometric import interpret
from cellseg.images.source import Layout, known_axes, series_number
from cellseg.images.tiff_kinds import SUFFIXES as KINDS
from cellseg.images.tiff_kinds import images_of, names_and_size, page_side
from cellseg.images.tiff_parts import Parts, check_pages, check_parts, decode_part
from cellseg.images.units import pixel_size

SUFFIXES = (".tif", ".tiff", *KINDS)


def read_layout(path, series=None, stored=False) -> Layout:
    """What the directories of a TIFF file say; see `cellseg.images.registry`."""
    path = Path(path)
    with contextlib.ExitStack() as stack:
        with _listening() as said:
            # Of a link's path, tifffile would look for other files beside the target; of an open file, beside the link.
            stream = stack.enter_context(open(path, "rb"))
            file = tifffile.TiffFile(stream)
            if not file.pages:
                raise CellsegError(f"{path}: has no pixels; replace it or leave it out")
            check_pages(path, file)
            images, notes = _ome_images(file, path)
            if images:
                image = images[series_number(path, len(images), series, notes)]
                stream.seek(0)
                file = tifffile.TiffFile(stream, omexml=image.xml)
            stack.callback(file.close)
            if not file.series:
                raise CellsegError(f"{path}: has no pixels; replace it or leave it out")
            held = file.series if images else images_of(file.series)
            chosen = held[0 if images else series_number(path, len(held), series, notes)]
            layout = _layout(path, file, chosen, notes)
        if images:
            layout.names, layout.pixel_size = image.names, image.pixel_size
            notes += image.warnings
        elif file.is_imagej:
            layout.pixel_size, more = _imagej_size(file)
            notes += more
        else:
            layout.names, layout.pixel_size, more = names_and_size(file, chosen)
            notes += more
        if not stored:
            interpret(path, layout, chosen.keyframe, file.is_imagej)
        layout.warnings += notes + said
        layout.close = stack.pop_all().close
    return layout


def images_in(path: Path) -> list[tuple[Path, frozenset[Path] | None]]:
    """The file with all files that its first image is made of; see `cellseg.images.registry`."""
    if not path.is_file():
        return [(path, None)]
    with contextlib.suppress(Exception), _listening(), open(path, "rb") as stream:
        images, _ = _ome_images(tifffile.TiffFile(stream), path)
        if images:
            return [(path, frozenset(images[0].files))]
    return [(path, None)]  # what is wrong with it is said when it is opened


def _ome_images(file, path):
    """The images that OME-XML names, and warnings."""
    if not file.is_ome:
        return [], []
    try:
        images = read_ome(file.ome_metadata, path)
        return images, [] if images else ["its OME metadata speaks of other files only, and is not used"]
    except CellsegError:
        raise
    except (ElementTree.ParseError, OSError, ValueError, AttributeError) as error:
        return [], [f"its OME metadata cannot be read ({error}): no names of channels, no pixel size"]


def _layout(path, file, series, notes):
    axes, shape = known_axes(series.axes), _existing(series, notes)
    if len(shape) != len(axes):  # the pages do not fill the axes
        axes = "I" + known_axes(series.keyframe.axes)
    return _mapped(path, series, axes, shape) or _in_parts(path, file, series, axes, shape)


def _existing(series, notes):
    """The shape, without the pages that a file promises but does not hold."""
    own = len(series.keyframe.shape)
    shape, pages = tuple(series.shape), len(series.pages)
    leading = shape[:-own]
    absent = sum(page is None for page in series.pages)
    if absent:
        notes.append(f"{absent} of its {pages} pages are missing: these planes are empty")
    promised = math.prod(leading)
    if pages >= promised or pages == 1 and series.dataoffset is not None:
        return shape
    notes.append(f"its metadata promises {promised} pages; there are {pages}")
    rest = math.prod(leading[1:])
    return (pages // rest, *shape[1:]) if pages % rest == 0 else (pages, *series.keyframe.shape)


def _mapped(path, series, axes, shape):
    """The layout of a series that lies in one piece as it is; None of another."""
    offset = series.dataoffset
    if offset is None or series.is_multifile:
        return None
    dtype = np.dtype(series.dtype).newbyteorder(series.keyframe.parent.byteorder)
    if offset + math.prod(shape) * dtype.itemsize > os.path.getsize(path):
        raise CellsegError(f"{path}: is truncated; replace it or leave it out")
    # The map is let go again after each window, with what it has read.
    return Layout(axes, shape, dtype, lambda key: np.memmap(path, dtype, "r", offset, shape)[key])


def _in_parts(path, file, series, axes, shape):
    """The layout of a series of strips or tiles."""
    page = series.keyframe
    warnings = check_parts(path, series)
    try:
        decode_part(page, page, 0)
    except Exception as error:
        if "imagecodecs" not in str(error):
            raise
        name = page.compression.name
        raise CellsegError(f"{path}: is compressed as {name}; pip install imagecodecs, which decodes it") from error
    before = len(shape) - len(page.shape)
    parts, lengths, own = Parts(page), shape[:before], axes[before:]
    whole = functools.lru_cache(maxsize=1)(series.asarray)

    def read(key):
        index, box = key[:before], dict(zip(own, key[before:], strict=True))
        rows, columns = box.get("Y"), box.get("X")
        if set(own) - set("YXSC") or not isinstance(rows, slice) or not isinstance(columns, slice):
            return whole()[key]  # rows or columns run through the pages: read as a whole
        number = int(np.ravel_multi_index(index, lengths)) if index else 0
        sample = box.get("S", box.get("C", 0))  # LSM calls its samples channels
        return parts.window(number, series.pages[number], sample, rows.start, rows.stop, columns.start, columns.stop)

    return Layout(axes, shape, np.dtype(page.dtype), read, warnings=warnings, close=whole.cache_clear)


def _imagej_size(file):
    metadata, page = file.imagej_metadata or {}, file.pages[0]
    unit = metadata.get("unit")
    (height, width), units = (page_side(page, axis) for axis in "YX"), (metadata.get("yunit", unit), unit)
    return pixel_size(height, width, *units) if height or width else (None, [])


@contextlib.contextmanager
def _listening():
    """Keep what tifffile logs off the screen; its errors are collected."""
    said, logger = [], logging.getLogger("tifffile")
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: said.append(record.getMessage().splitlines()[0])
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        logger.propagate = before
