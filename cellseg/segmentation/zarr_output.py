"""An image as OME-Zarr (NGFF 0.4), with its cells as a label image inside, where napari and others look for labels.

The library ome-zarr (0.18) writes whole arrays or Dask graphs, and needs some 25 further packages, clients for cloud
storage among them. Here the rows come band by band, and only a band is in memory.
"""

import numpy as np

from cellseg.errors import CellsegError, install

LABELS = "cells"

_CHUNK = 1024
_SMALLEST = 1024  # pixels; a level that is not larger is the last


def write_ome_zarr(path, image, labels, source, label_type):
    """Write an image and its labels, each with smaller copies. Only some rows are in memory.

    Parameters
    ----------
    path : path
        A new folder.
    image, labels : sequence of callable
        One a plane. Called with a height, it gives the plane's rows from the top in arrays of that height.
    source : cellseg.images.source.Source
        Gives the axes, sizes and pixel size.
    label_type : numpy.dtype

    Raises
    ------
    CellsegError
        If zarr is missing.
    """
    zarr = _zarr()
    shape = tuple(source.planes[0].shape)
    grid = tuple(length for _, length in source.axes)
    axes, scale = _axes(source), [1.0] * len(grid) + list(source.pixel_size or (1.0, 1.0))
    group = zarr.open_group(path, mode="w", zarr_format=2)
    levels = _write_levels(group, image, grid, shape, np.dtype(source.planes[0].dtype), _mean)
    group.attrs["multiscales"] = [_multiscales(source.channel, axes, scale, levels)]
    group.create_group("labels").attrs["labels"] = [LABELS]
    cells = group.create_group(f"labels/{LABELS}")
    levels = _write_levels(cells, labels, grid, shape, np.dtype(label_type), _first)
    cells.attrs["multiscales"] = [_multiscales(LABELS, axes, scale, levels)]
    cells.attrs["image-label"] = {"version": "0.4", "source": {"image": "../../"}}


def _zarr():
    try:
        import zarr
    except ImportError as error:
        raise CellsegError(f"OME-Zarr needs zarr ({error}); {install('zarr')}") from error
    return zarr


def _axes(source):
    kinds = {"T": {"name": "t", "type": "time"}, "Z": {"name": "z", "type": "space"}}
    unit = {"unit": "micrometer"} if source.pixel_size else {}
    if "Z" not in dict(source.axes):  # a sequence without a named axis counts as slices, as in our TIFF files
        kinds["I"] = kinds["Z"]
    before = [kinds.get(letter, {"name": "i"}) for letter, _ in source.axes]
    return [*before, *({"name": name, "type": "space", **unit} for name in "yx")]


def _multiscales(name, axes, scale, levels):
    def transformed(level):
        factors = [*scale[:-2], *(side * 2**level for side in scale[-2:])]
        return [{"type": "scale", "scale": factors}]

    datasets = [{"path": str(level), "coordinateTransformations": transformed(level)} for level in range(levels)]
    return {"version": "0.4", "name": name, "axes": axes, "datasets": datasets}


def _write_levels(group, planes, grid, shape, dtype, reduce):
    """Write each plane at full size, then each level from the one before. Returns the number of levels."""
    level, before = 0, None
    while True:
        array = group.create_array(
            str(level),
            shape=(*grid, *shape),
            chunks=(*(1 for _ in grid), *(min(_CHUNK, side) for side in shape)),
            dtype=dtype,
            chunk_key_encoding={"name": "v2", "separator": "/"},
        )
        for number, index in enumerate(np.ndindex(*grid)):
            bands = planes[number](_CHUNK) if before is None else _reduced(before, index, reduce)
            top = 0
            for band in bands:
                array[(*index, slice(top, top + len(band)))] = band
                top += len(band)
        level, before = level + 1, array
        if max(shape) <= _SMALLEST:
            return level
        shape = tuple(-(-side // 2) for side in shape)


def _reduced(array, index, reduce):
    height = array.shape[-2]
    for top in range(0, height, 2 * _CHUNK):
        band = array[(*index, slice(top, min(top + 2 * _CHUNK, height)))]
        odd = [(0, side % 2) for side in band.shape]
        yield reduce(np.pad(band, odd, mode="edge"))


def _mean(band):
    squares = [band[row::2, column::2].astype(np.float64) for row in (0, 1) for column in (0, 1)]
    mean = sum(squares) / 4
    return (np.floor(mean + 0.5) if band.dtype.kind in "ui" else mean).astype(band.dtype)


def _first(band):
    return band[::2, ::2]
