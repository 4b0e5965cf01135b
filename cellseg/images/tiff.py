"""TIFF files, strip by strip or tile by tile; what is not compressed is mapped."""

import contextlib
import logging
import os
import re
from collections import OrderedDict
from xml.etree import ElementTree

import numpy as np
import tifffile

from cellseg.errors import CellsegError
from cellseg.images import picture as picture_source
from cellseg.images.source import Layout

_CACHE = 128 << 20  # bytes of decoded strips or tiles; a band of large windows touches each of them several times
_LARGEST_PART = 1 << 32  # bytes of a strip or tile
_LARGE_PART = 1 << 29
_MICROMETRES = {
    **dict.fromkeys(("um", "µm", "μm", "micron", "microns", "micrometer", "micrometre", "\\u00b5m"), 1.0),
    **{"nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6, "pm": 1e-6, "Å": 1e-4},
}


def read_layout(path):
    """What the directories of a TIFF file say."""
    size = os.path.getsize(str(path))
    with contextlib.ExitStack() as stack:
        with _listening() as said:
            file = stack.enter_context(tifffile.TiffFile(str(path)))
            if not file.pages or not file.series:
                raise CellsegError(f"{path}: has no pixels; replace it or leave it out")
            series = file.series[0]
            notes = [f"only the first of its {len(file.series)} series is used"] if len(file.series) > 1 else []
            layout = _mapped(path, series, size) or _in_parts(path, file, series, size)
        if layout is None:
            return picture_source.read_layout(path)
        layout.names, layout.pixel_size, more = _described(file)
        layout.warnings += notes + said + more
        layout.close = stack.pop_all().close
    return layout


def _mapped(path, series, size):
    """The layout of a series that lies in one piece as it is."""
    offset = series.dataoffset if hasattr(series, "dataoffset") else series.offset  # older ones call it so
    if offset is None or getattr(series, "is_multifile", False):
        return None
    dtype = np.dtype(series.dtype).newbyteorder(series.parent.byteorder)
    if offset + np.prod(series.shape, dtype=np.int64) * dtype.itemsize > size:
        raise CellsegError(f"{path}: is truncated; replace it or leave it out")

    def window(index, top, bottom, left, right):
        array = np.memmap(str(path), dtype, "r", offset, tuple(series.shape))  # let go again, with what it has read
        box = {"Y": slice(top, bottom), "X": slice(left, right)}
        return array[tuple(box.get(letter, index.get(letter, 0)) for letter in axes)]

    axes = _unique(series.axes)
    return Layout(axes, tuple(series.shape), dtype, window)


def _in_parts(path, file, series, size):
    """The layout of a series of strips or tiles; None where only Pillow can decode them."""
    page = series.keyframe
    notes = _check_parts(path, series, size)
    try:
        page.decode(*_first_part(file, page))
    except Exception as error:
        if "imagecodecs" not in str(error):
            raise
        if len(series.pages) == 1 and page.samplesperpixel == 1:
            return None
        raise CellsegError(
            f"{path}: is compressed as {page.compression.name}, which needs imagecodecs: pip install imagecodecs"
        ) from error
    axes, own = _unique(series.axes), len(page.shape)
    leading = axes[:-own] if own < len(axes) else ""
    lengths = series.shape[: len(leading)]
    parts = _Parts(file.filehandle, page)

    def window(index, top, bottom, left, right):
        number = int(np.ravel_multi_index([index[letter] for letter in leading], lengths)) if leading else 0
        sample = index.get("S", 0) if page.samplesperpixel > 1 else 0
        return parts.window(number, series.pages[number], sample, top, bottom, left, right)

    return Layout(axes, tuple(series.shape), np.dtype(page.dtype), window, warnings=notes)


class _Parts:
    """Windows of pages from their strips or tiles, the last of which are kept."""

    def __init__(self, handle, page):
        self.handle, self.page = handle, page
        self.tiled = page.is_tiled
        self.rows = page.tilelength if self.tiled else min(page.rowsperstrip, page.imagelength)
        self.columns = page.tilewidth if self.tiled else page.imagewidth
        self.across = -(-page.imagewidth // self.columns)
        self.down = -(-page.imagelength // self.rows)
        self.separate = page.planarconfig == 2 and page.samplesperpixel > 1
        self.kept, self.bytes = OrderedDict(), 0

    def window(self, number, page, sample, top, bottom, left, right):
        result = np.zeros((bottom - top, right - left), self.page.dtype)
        if page is None:  # a plane that its OME-TIFF leaves out
            return result
        for row in range(top // self.rows, -(-bottom // self.rows)):
            for column in range(left // self.columns, -(-right // self.columns)):
                part = self._part(number, page, sample, row * self.across + column)
                if part is None:  # a part that its file leaves out
                    continue
                first, before = row * self.rows, column * self.columns
                rows = slice(max(top, first), min(bottom, first + len(part)))
                columns = slice(max(left, before), min(right, before + part.shape[1]))
                result[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = part[
                    rows.start - first : rows.stop - first, columns.start - before : columns.stop - before
                ]
        return result

    def _part(self, number, page, sample, part):
        if self.separate:
            part += sample * self.across * self.down
        key = number, part
        if key not in self.kept:
            self.kept[key] = self._decoded(page, part)
            self.bytes += _bytes(self.kept[key])
            while self.bytes > _CACHE and len(self.kept) > 1:
                self.bytes -= _bytes(self.kept.popitem(last=False)[1])
        self.kept.move_to_end(key)
        pixels = self.kept[key]
        return pixels if pixels is None else pixels[..., 0 if self.separate else sample]

    def _decoded(self, page, part):
        if not page.databytecounts[part]:
            return None
        self.handle.seek(page.dataoffsets[part])
        data = self.handle.read(page.databytecounts[part])
        decoded = self.page.decode(data, part, **_tables(self.page))[0]
        return None if decoded is None else decoded[0]


def _bytes(pixels):
    return 0 if pixels is None else pixels.nbytes


def _tables(page):
    tables = getattr(page, "jpegtables", None)
    return {} if tables is None else {"jpegtables": tables}


def _first_part(file, page):
    file.filehandle.seek(page.dataoffsets[0])
    return file.filehandle.read(page.databytecounts[0]), 0


def _check_parts(path, series, size):
    """Refuse files that end before their parts do; gives warnings."""
    for page in series.pages:
        if page is None:
            continue
        if not len(page.dataoffsets):
            raise CellsegError(f"{path}: has no pixels; replace it or leave it out")
        if max(map(sum, zip(page.dataoffsets, page.databytecounts))) > size:
            raise CellsegError(f"{path}: is truncated; replace it or leave it out")
    page = series.keyframe
    parts = _Parts(None, page)
    samples = 1 if parts.separate else page.samplesperpixel
    nbytes = parts.rows * parts.columns * samples * np.dtype(page.dtype).itemsize
    if nbytes > _LARGEST_PART:
        raise CellsegError(f"{path}: one strip or tile of it takes {nbytes / 2**30:.1f} GiB; save it as a tiled TIFF")
    if nbytes > _LARGE_PART:
        return [f"strips or tiles of {nbytes / 2**30:.1f} GiB are decoded as a whole; a tiled TIFF takes less memory"]
    return []


def _unique(axes):
    """Letters as `cellseg.images.source.Layout` has them: an axis of unknown meaning is I."""
    unknown = [letter for letter in axes if letter not in "TZCSYX"]
    return axes.replace(unknown[0], "I") if len(unknown) == 1 else axes


def _described(file):
    """Names of the channels, pixel size and warnings from what ImageJ or OME-TIFF write about themselves."""
    if file.is_ome:
        try:
            return (*_ome(file.ome_metadata), [])
        except (ElementTree.ParseError, ValueError, KeyError, AttributeError) as error:
            return (), None, [f"its OME metadata cannot be read ({error}): no names of channels, no pixel size"]
    if file.is_imagej:
        unit = _MICROMETRES.get(str((file.imagej_metadata or {}).get("unit", "")).strip())
        height, width = (_resolution(file.pages[0], axis) for axis in "YX")
        if unit and height and width:
            return (), (unit / height, unit / width), []
    return (), None, []


def _resolution(page, axis):
    tag = page.tags.get(f"{axis}Resolution")
    if tag is None or not tag.value[1]:
        return 0
    return tag.value[0] / tag.value[1]


def _ome(text):
    root = ElementTree.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
    pixels = next(one for one in root.iter() if one.tag.endswith("}Pixels") or one.tag == "Pixels")
    names = [one.get("Name") for one in pixels if one.tag.rpartition("}")[2] == "Channel"]
    sizes = []
    for axis in "YX":
        size, unit = pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "µm")
        sizes.append(float(size) * _MICROMETRES[unit] if size and unit in _MICROMETRES else 0)
    return tuple(names) if all(names) else (), tuple(sizes) if all(sizes) else None


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
