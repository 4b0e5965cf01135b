"""OME-Zarr with all its levels."""

import numpy as np
import pytest

from cellseg.images.source import Plane, Source
from cellseg.segmentation import zarr_output
from cellseg.segmentation.zarr_output import write_ome_zarr


def bands(array):
    return lambda height: (array[top : top + height] for top in range(0, len(array), height))


@pytest.mark.parametrize("axes", [(), (("T", 2),), (("T", 2), ("Z", 3))])
def test_each_level_halves_the_one_before(tmp_path, monkeypatch, axes):
    zarr = pytest.importorskip("zarr")
    monkeypatch.setattr(zarr_output, "_CHUNK", 16)
    monkeypatch.setattr(zarr_output, "_SMALLEST", 16)
    grid = tuple(length for _, length in axes)
    rng = np.random.RandomState(0)
    image = rng.randint(0, 60000, (*grid, 61, 45)).astype(np.uint16)
    labels = rng.randint(0, 70000, image.shape).astype(np.uint32)
    planes = [Plane("a.tif", {}, (61, 45), np.dtype(np.uint16), None, None) for _ in np.ndindex(*grid)]
    source = Source("a.tif", planes, axes, ("DAPI",), "DAPI", (0.5, 0.25), [], None)
    each = [[bands(array[index]) for index in np.ndindex(*grid)] for array in (image, labels)]
    write_ome_zarr(tmp_path / "a.ome.zarr", *each, source, np.uint32)
    group = zarr.open_group(str(tmp_path / "a.ome.zarr"), mode="r")
    for part, array in ((group, image), (group["labels/cells"], labels)):
        (about,) = part.attrs["multiscales"]
        assert "".join(axis["name"] for axis in about["axes"]) == "".join(letter for letter, _ in axes).lower() + "yx"
        assert [level["path"] for level in about["datasets"]] == ["0", "1", "2"]
        np.testing.assert_array_equal(part["0"][...], array)
        for level, data in enumerate(about["datasets"]):
            side = tuple(-(-length // 2**level) for length in (61, 45))
            assert part[data["path"]].shape == (*grid, *side)
            (transform,) = data["coordinateTransformations"]
            assert transform["scale"] == [*(1.0 for _ in grid), 0.5 * 2**level, 0.25 * 2**level]
    np.testing.assert_array_equal(group["labels/cells/1"][...], labels[..., ::2, ::2])
    mean = image[..., :60, :44].reshape(*grid, 30, 2, 22, 2).mean(axis=(-3, -1))
    np.testing.assert_allclose(group["1"][..., :30, :22], mean, atol=0.5)
