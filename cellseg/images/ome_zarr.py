"""OME-Zarr images (NGFF 0.4 and 0.5): the full size of a multiscale image, chunk by chunk; plates and series.

The libraries for it (ome-zarr, ngff-zarr, bioio-ome-zarr) bring Dask, fsspec and more, and build lazy arrays of all
levels. What is needed here is the name of one array, its axes and its scale, which zarr and a page of code give.
"""

import json
import math
from pathlib import Path, PurePosixPath

import numpy as np

from cellseg.errors import CellsegError, install
from cellseg.images.source import Layout, series_number
from cellseg.images.units import pixel_size

SUFFIXES = (".zarr",)

_RECORDS = ((".zattrs", ()), ("zarr.json", ("attributes", "ome")))  # of zarr's formats 2 and 3
_KEYS = ("multiscales", "plate", "well", "bioformats2raw.layout")


def is_image(path: Path) -> bool:
    """Whether a folder is an OME-Zarr, or a part of one that holds images."""
    return path.suffix.lower() in SUFFIXES or any(key in _attributes(path) for key in _KEYS)


def images_in(path: Path, above: tuple[Path, ...] = ()) -> list[tuple[Path, None]]:
    """The fields of a plate or a well, the images of a series, or the image itself.

    Where the metadata is damaged, or a link leads back to a folder above, it is the folder itself: what is wrong is
    said when that is opened.
    """
    here = path.resolve()
    try:
        parts = _parts(path) if here not in above else []
    except CellsegError:
        parts = []
    return [image for part in parts for image in images_in(part, (*above, here))] or [(path, None)]


def read_layout(path, series=None, stored=False) -> Layout:
    """What the metadata of an OME-Zarr image says; see `cellseg.images.registry`."""
    try:
        import zarr
    except ImportError as error:
        raise CellsegError(f"{path}: OME-Zarr needs zarr ({error}); {install('zarr')}") from error
    path = Path(path)
    attributes = _attributes(path)
    _parts(path)  # tells what is wrong with those of a plate
    scales = attributes.get("multiscales")
    if not scales:
        raise CellsegError(f"{path}: is no OME-Zarr image (its metadata names no multiscales); give one that is")
    notes: list[str] = []
    image = scales[series_number(path, len(scales), series, notes)]
    level = image["datasets"][0]
    _inside(path, level["path"])
    array = zarr.open_array(zarr.open_group(path, mode="r").store, path=level["path"], mode="r")
    axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in image.get("axes", "tczyx")]
    letters = "".join(axis["name"].upper() if axis["name"].upper() in "TCZYX" else "I" for axis in axes)
    if len(letters) != array.ndim:
        raise CellsegError(f"{path}: names {len(letters)} axes for {array.ndim} dimensions; repair its metadata")
    names = tuple(str(channel.get("label") or "") for channel in attributes.get("omero", {}).get("channels", []))
    size, warnings = _pixel_size(axes, image, level, letters)
    warnings += notes
    return Layout(
        letters, array.shape, np.dtype(array.dtype), lambda key: np.asarray(array[key]), names, size, warnings
    )


def _parts(path):
    """The folders that a plate, a well or a series names; none of an image."""
    attributes = _attributes(path)
    try:
        if "plate" in attributes:
            names = [well["path"] for well in attributes["plate"].get("wells", [])]
        elif "well" in attributes:
            names = [field["path"] for field in attributes["well"].get("images", [])]
        elif "bioformats2raw.layout" in attributes:
            names = _attributes(path / "OME").get("series") or _numbered(path)
        else:
            return []
        return [_inside(path, name) for name in names]
    except (AttributeError, KeyError, TypeError) as error:
        what = f"its metadata of a plate, a well or a series is not as it should be ({error})"
        raise CellsegError(f"{path}: {what}; repair it or leave it out") from error


def _inside(folder, part):
    """The folder that metadata names, which must lie in this one, so that no result is written elsewhere."""
    parts = PurePosixPath(part).parts
    if not parts:
        raise CellsegError(f"{folder}: its metadata names itself as a part; repair it or leave it out")
    if PurePosixPath(part).is_absolute() or ".." in parts:
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
            record = record.get("ome", record)
        except (OSError, ValueError, AttributeError, RecursionError):
            continue
        return record if isinstance(record, dict) else {}
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
