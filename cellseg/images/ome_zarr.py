"""OME-Zarr images (NGFF 0.4 and 0.5): the full size of a multiscale image, chunk by chunk; plates and series.

The libraries for it (ome-zarr, ngff-zarr, bioio-ome-zarr) bring Dask, fsspec and more, and build lazy arrays of all
levels. What is needed here is the name of one array, its axes and its scale, which zarr and a page of code give.
"""

import json
import math
from pathlib import Path, PurePosixPath

import numpy as np

from cellseg.errors import CellsegError, install
from cellseg.images.source import Layout
from cellseg.images.units import pixel_size

SUFFIXES = (".zarr",)

_RECORDS = ((".zattrs", ()), ("zarr.json", ("attributes", "ome")))  # of zarr's formats 2 and 3
_KEYS = ("multiscales", "plate", "well", "bioformats2raw.layout")


def is_image(path: Path) -> bool:
    """Whether a folder is an OME-Zarr, or a part of one that holds images."""
    return path.suffix.lower() in SUFFIXES or any(key in _attributes(path) for key in _KEYS)


def images_in(path: Path) -> list[tuple[Path, None]]:
    """The fields of a plate or a well, the images of a series, or the image itself.

    Raises
    ------
    CellsegError
        If the metadata names a place outside of the folder.
    """
    attributes = _attributes(path)
    if "plate" in attributes:
        parts = [well["path"] for well in attributes["plate"].get("wells", [])]
    elif "well" in attributes:
        parts = [field["path"] for field in attributes["well"].get("images", [])]
    elif "bioformats2raw.layout" in attributes:
        parts = _attributes(path / "OME").get("series") or _numbered(path)
    else:
        return [(path, None)]
    return [image for part in parts for image in images_in(_inside(path, part))]


def read_layout(path, series=None, stored=False) -> Layout:
    """What the metadata of an OME-Zarr image says; see `cellseg.images.registry`."""
    try:
        import zarr
    except ImportError as error:
        raise CellsegError(f"{path}: OME-Zarr needs zarr ({error}); {install('zarr')}") from error
    path = Path(path)
    attributes = _attributes(path)
    scales = attributes.get("multiscales")
    if not scales:
        raise CellsegError(f"{path}: is no OME-Zarr image (its metadata names no multiscales); give one that is")
    if not 0 <= (series or 0) < len(scales):
        raise CellsegError(f"{path}: has {len(scales)} series; --series takes 0 to {len(scales) - 1}")
    note = f"only the first of its {len(scales)} series is used (--series takes another)"
    image = scales[series or 0]
    level = image["datasets"][0]
    _inside(path, level["path"])
    array = zarr.open_array(zarr.open_group(path, mode="r").store, path=level["path"], mode="r")
    axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in image.get("axes", "tczyx")]
    letters = "".join(axis["name"].upper() if axis["name"].upper() in "TCZYX" else "I" for axis in axes)
    if len(letters) != array.ndim:
        raise CellsegError(f"{path}: names {len(letters)} axes for {array.ndim} dimensions; repair its metadata")
    names = tuple(channel.get("label", "") for channel in attributes.get("omero", {}).get("channels", []))
    size, warnings = _pixel_size(axes, image, level, letters)
    if series is None and len(scales) > 1:
        warnings.append(note)
    return Layout(
        letters, array.shape, np.dtype(array.dtype), lambda key: np.asarray(array[key]), names, size, warnings
    )


def _inside(folder, part):
    """The folder that metadata names, which must lie in this one, so that no result is written elsewhere."""
    if PurePosixPath(part).is_absolute() or ".." in PurePosixPath(part).parts:
        raise CellsegError(
            f"{folder}: its metadata names '{part}', which lies outside of it; repair it or leave it out"
        )
    return folder / part


def _numbered(path):
    return sorted((one.name for one in path.iterdir() if one.name.isdigit()), key=int)


def _attributes(group):
    """What NGFF's metadata says of a group; nothing if it has none."""
    for name, keys in _RECORDS:
        try:
            record = json.loads((group / name).read_text(encoding="utf-8"))
            for key in keys:
                record = record.get(key, {})
            return record.get("ome", record)
        except (OSError, ValueError, AttributeError):
            continue
    return {}


def _pixel_size(axes, image, level, letters):
    sides = {}
    for number, (letter, axis) in enumerate(zip(letters, axes, strict=True)):
        scales = [
            one["scale"]
            for part in (level, image)
            for one in part.get("coordinateTransformations", [])
            if "scale" in one
        ]
        sides[letter] = (math.prod(scale[number] for scale in scales), axis.get("unit"))
    (height, height_unit), (width, width_unit) = sides.get("Y", (None, None)), sides.get("X", (None, None))
    return pixel_size(height, width, height_unit, width_unit)
