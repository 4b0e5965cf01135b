"""The readers of image formats: the one place that knows which formats there are.

A reader is a module with these members; the last two are optional:

SUFFIXES
    Endings of the names of its files, in small letters.
read_layout(path, series=None, stored=False)
    Gives a `cellseg.images.source.Layout`. `series` is the number of the image to read in a file that holds several.
    With `stored`, values are as they stand in the file: no palette is looked up and WhiteIsZero is not turned.
is_image(path)
    Whether the reader takes this folder.
images_in(path)
    The images in a file or folder, each with the files that it is made of (None: itself alone).

To add a format, write such a module and put it into `READERS`.
"""

from pathlib import Path

from cellseg.images import leica, nikon, ome_zarr, picture, tiff, zeiss

READERS = (tiff, picture, ome_zarr, zeiss, nikon, leica)
#: Endings of the names of all images.
SUFFIXES = tuple(suffix for reader in READERS for suffix in reader.SUFFIXES)


def reader_of(path):
    """The reader of a file or folder; that of pictures, which looks at the content, for a file of unknown suffix."""
    path = Path(path)
    if path.is_dir():
        return next((reader for reader in READERS if _takes_folder(reader, path)), ome_zarr)
    return next((reader for reader in READERS if path.suffix.lower() in reader.SUFFIXES), picture)


def is_image_folder(path) -> bool:
    """Whether a folder is an image, as an OME-Zarr is, and not a folder of images."""
    return Path(path).is_dir() and any(_takes_folder(reader, path) for reader in READERS)


def images_in(path) -> list[tuple[Path, frozenset[Path] | None]]:
    """The images that a file or folder holds, each with the files that it is made of (None: itself alone)."""
    look = getattr(reader_of(path), "images_in", None)
    return look(Path(path)) if look else [(Path(path), None)]


def _takes_folder(reader, path):
    return hasattr(reader, "is_image") and reader.is_image(Path(path))
