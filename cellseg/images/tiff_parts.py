"""Windows of TIFF pages, decoded strip by strip or tile by tile."""

import os
import struct
from collections import OrderedDict

import numpy as np

from cellseg.errors import CellsegError

_CACHE = 128 << 20  # bytes of decoded strips or tiles; a band of large windows touches each of them several times
_LARGEST_PART = 1 << 32  # bytes of a strip or tile
_LARGE_PART = 1 << 29
_DENSEST = 10_000  # a large part is at most so many times what it is packed into


class Parts:
    """Windows of pages of one layout; the strips or tiles that were decoded last are kept.

    Parameters
    ----------
    page : tifffile.TiffPage
        The key frame of the pages.
    """

    def __init__(self, page):
        self.page = page
        self.rows = page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength)
        self.columns = page.tilewidth if page.is_tiled else page.imagewidth
        self.across = -(-page.imagewidth // self.columns)
        self.down = -(-page.imagelength // self.rows)
        self.separate = page.planarconfig == 2 and page.samplesperpixel > 1
        self.kept, self.bytes = OrderedDict(), 0

    def window(self, number, page, sample, top, bottom, left, right):
        """The pixels of one sample in a window of page `number`; 0 where the page or a part of it is left out."""
        result = np.zeros((bottom - top, right - left), self.page.dtype)
        if page is None:
            return result
        for row in range(top // self.rows, -(-bottom // self.rows)):
            for column in range(left // self.columns, -(-right // self.columns)):
                part = self._part(number, page, sample, row * self.across + column)
                if part is None:
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
            self.kept[key] = decode_part(self.page, page, part)
            self.bytes += _bytes(self.kept[key])
            while self.bytes > _CACHE and len(self.kept) > 1:
                self.bytes -= _bytes(self.kept.popitem(last=False)[1])
        self.kept.move_to_end(key)
        pixels = self.kept[key]
        return pixels if pixels is None else pixels[..., 0 if self.separate else sample]


def decode_part(keyframe, page, part):
    """Decode a strip or tile of a page, of shape (rows, columns, samples); None if the file leaves it out.

    The page's file is opened for it where it is closed, as those of a stack in many files are.
    """
    if not page.databytecounts[part]:
        return None
    handle = page.parent.filehandle
    closed = handle.closed
    if closed:
        handle.open()
    try:
        handle.seek(page.dataoffsets[part])
        data = handle.read(page.databytecounts[part])
    finally:
        if closed:
            handle.close()
    tables = page.jpegtables or keyframe.jpegtables
    decoded = keyframe.decode(data, part, **({"jpegtables": tables} if tables else {}))[0]
    return None if decoded is None else decoded[0]


def check_pages(path, file) -> None:
    """Refuse a file whose pages lead back to earlier ones: tifffile would go round for ever.

    Parameters
    ----------
    path : path
        For the error.
    file : tifffile.TiffFile
    """
    layout, handle = file.tiff, file.filehandle
    offset, seen = file.pages.first.offset, set()
    while offset and offset < handle.size and offset not in seen:
        seen.add(offset)
        handle.seek(offset)
        count = handle.read(layout.tagnosize)
        if len(count) < layout.tagnosize:
            return
        handle.seek(struct.unpack(layout.tagnoformat, count)[0] * layout.tagsize, os.SEEK_CUR)
        following = handle.read(layout.offsetsize)
        if len(following) < layout.offsetsize:
            return
        offset = struct.unpack(layout.offsetformat, following)[0]
    if offset in seen:
        raise CellsegError(f"{path}: its pages lead back to earlier ones; replace it or leave it out")


def check_parts(path, series) -> list[str]:
    """Refuse files that end before their strips or tiles do; gives warnings."""
    for page in series.pages:
        if page is None:
            continue
        if not len(page.dataoffsets):
            raise CellsegError(f"{path}: has no pixels; replace it or leave it out")
        ends = map(sum, zip(page.dataoffsets, page.databytecounts, strict=True))
        file = page.parent.filehandle.path
        if max(ends) > os.path.getsize(file):
            raise CellsegError(f"{file}: is truncated; replace it or leave it out")
    page = series.keyframe
    parts = Parts(page)
    samples = 1 if parts.separate else page.samplesperpixel
    nbytes = parts.rows * parts.columns * samples * np.dtype(page.dtype).itemsize
    if nbytes > _LARGEST_PART:
        raise CellsegError(f"{path}: one strip or tile of it takes {nbytes / 2**30:.1f} GiB; save it as a tiled TIFF")
    packed = max(page.databytecounts)
    if nbytes > max(_LARGE_PART, _DENSEST * packed):
        what = f"promises {nbytes / 2**30:.1f} GiB in a strip or tile of {packed} bytes"
        raise CellsegError(f"{path}: {what}; replace it or leave it out")
    if nbytes > _LARGE_PART:
        return [f"strips or tiles of {nbytes / 2**30:.1f} GiB are decoded as a whole; a tiled TIFF takes less memory"]
    return []


def _bytes(pixels):
    return 0 if pixels is None else pixels.nbytes
