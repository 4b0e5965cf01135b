"""What an image file says and whether it can be read; little is imported, since a child process starts for it."""

import contextlib

from cellseg.errors import CellsegError
from cellseg.images.open import open_image
from cellseg.images.source import bands_of, reading


def look(
    path: str, channel: str | int | None = None, axes: str | None = None, series: int | None = None
) -> tuple[int, tuple[int, int]]:
    """The number of an image's planes, and the shape of each.

    Parameters
    ----------
    path, channel, axes, series
        As of `cellseg.images.open.open_image`.

    Raises
    ------
    CellsegError
        If it cannot be opened, whatever the reason.
    """
    with _looking(path), open_image(path, channel, axes, series) as source:
        return len(source.planes), source.planes[0].shape


def read_through(
    path: str, channel: str | int | None = None, axes: str | None = None, series: int | None = None
) -> tuple[str, str]:
    """The channel and the type of an image that can be read to its end; parameters and errors as of `look`."""
    with _looking(path), open_image(path, channel, axes, series) as source:
        for plane in source.planes:
            for _ in bands_of(plane):
                pass
        return source.channel, source.planes[0].dtype.name


@contextlib.contextmanager
def _looking(path):
    """Turn whatever a decoder raises into one line that names the file, also that it takes too much memory."""
    try:
        with reading(path):
            yield
    except MemoryError as error:
        raise CellsegError(f"{path}: takes more memory than there is; leave it out") from error
