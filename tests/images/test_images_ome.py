"""OME-TIFF in several files and with a companion file; OME-Zarr with fields and named series."""

import json
import shutil

import numpy as np
import pytest
import tifffile

from cellseg.errors import CellsegError
from cellseg.images.find import find_images, identify
from cellseg.images.open import open_image

SIDE = 32
SPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


def image_of(seed):
    return np.random.RandomState(seed).randint(0, 65535, (SIDE, SIDE)).astype(np.uint16)


def ome(uuid, images):
    """OME-XML of images, each a list of (file, UUID) along Z with its pixel size."""
    parts = []
    for number, (size, files) in enumerate(images):
        data = "".join(
            f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1"><UUID FileName="{file}">{own}</UUID></TiffData>'
            for z, (file, own) in enumerate(files)
        )
        sizes = f'SizeX="{SIDE}" SizeY="{SIDE}" SizeZ="{len(files)}" SizeC="1" SizeT="1"'
        sizes += f' PhysicalSizeX="{size}" PhysicalSizeY="{size}"'
        parts.append(
            f'<Image ID="Image:{number}"><Pixels ID="Pixels:{number}" DimensionOrder="XYZCT" Type="uint16" {sizes}>'
            f'<Channel ID="Channel:{number}:0" Name="DAPI" SamplesPerPixel="1"/>{data}</Pixels></Image>'
        )
    return f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{SPACE}" UUID="{uuid}">{"".join(parts)}</OME>'


def write(path, seed, xml, compression=None):
    path.parent.mkdir(exist_ok=True, parents=True)
    tifffile.imwrite(path, image_of(seed), description=xml, metadata=None, compression=compression)


def stack(folder, compression=None, count=3):
    """One stack, a file a slice."""
    files = [(f"z{z}.ome.tif", f"urn:uuid:{z}") for z in range(count)]
    for z, (name, uuid) in enumerate(files):
        write(folder / name, z, ome(uuid, [(0.5, files)]), compression)
    return folder


def planes(path, **options):
    with open_image(path, **options) as source:
        return [plane.read(0, SIDE, 0, SIDE) for plane in source.planes], source


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_stack_in_several_files_is_one_image(tmp_path, compression):
    folder = stack(tmp_path / "in", compression)
    assert [found.name for found in find_images([folder])] == ["z0.ome.tif"]
    assert [found.name for found in find_images(sorted(folder.iterdir()))] == ["z0.ome.tif"]
    assert [found.name for found in find_images([folder / "z1.ome.tif"])] == ["z1.ome.tif"]
    for name in ("z0.ome.tif", "z2.ome.tif"):
        read, source = planes(folder / name)
        np.testing.assert_array_equal(read, [image_of(seed) for seed in range(3)])
        assert source.axes == (("Z", 3),) and source.pixel_size == (0.5, 0.5) and source.warnings == []


def test_any_file_of_a_stack_tells_whether_it_changed(tmp_path):
    folder = stack(tmp_path / "in")
    before = identify(folder / "z0.ome.tif")
    assert before.size == sum(path.stat().st_size for path in folder.iterdir())
    with open(folder / "z2.ome.tif", "ab") as stream:
        stream.write(b"more")
    assert identify(folder / "z0.ome.tif") != before


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_missing_file_of_a_stack_is_said(tmp_path, compression):
    folder = stack(tmp_path / "in", compression)
    (folder / "z1.ome.tif").unlink()
    read, source = planes(folder / "z0.ome.tif")
    np.testing.assert_array_equal(read, [image_of(0), np.zeros((SIDE, SIDE)), image_of(2)])
    assert "1 of its 3 files missing (z1.ome.tif)" in " ".join(source.warnings)


def test_a_truncated_file_of_a_stack_is_named(tmp_path):
    folder = stack(tmp_path / "in")
    content = (folder / "z1.ome.tif").read_bytes()
    (folder / "z1.ome.tif").write_bytes(content[:-500])
    with pytest.raises(CellsegError, match="z1.ome.tif: is truncated"):
        planes(folder / "z0.ome.tif")


def test_the_files_of_a_linked_stack_are_looked_for_beside_the_links(tmp_path):
    folder = stack(tmp_path / "in")
    (tmp_path / "view").mkdir()
    for number, path in enumerate(sorted(folder.iterdir())):
        (tmp_path / f"store{number}").mkdir()
        shutil.move(path, tmp_path / f"store{number}" / "object")
        (tmp_path / "view" / path.name).symlink_to(tmp_path / f"store{number}" / "object")
    assert len(find_images([tmp_path / "view"])) == 1
    read, source = planes(tmp_path / "view" / "z1.ome.tif")
    np.testing.assert_array_equal(read, [image_of(seed) for seed in range(3)])
    assert source.warnings == []


def test_positions_are_images_with_their_own_sizes(tmp_path):
    files = [(f"s{number}.ome.tif", f"urn:uuid:{number}") for number in range(3)]
    images = [(size, [file]) for size, file in zip((0.5, 0.75, 1.0), files, strict=True)]
    for number, (name, uuid) in enumerate(files):
        write(tmp_path / name, number, ome(uuid, images))
    found = find_images([tmp_path])
    assert [one.name for one in found] == [name for name, _ in files]
    for number, one in enumerate(found):
        read, source = planes(one.path)
        np.testing.assert_array_equal(read, [image_of(number)])
        assert source.pixel_size == (0.5 + number / 4,) * 2 and source.warnings == []


def companion(folder):
    files = [(f"t{number}.ome.tif", f"urn:uuid:{number}") for number in range(3)]
    for number, (name, uuid) in enumerate(files):
        only = '<BinaryOnly MetadataFile="well.companion.ome" UUID="urn:uuid:9"/>'
        write(folder / name, number, f'<OME xmlns="{SPACE}" UUID="{uuid}">{only}</OME>')
    (folder / "well.companion.ome").write_text(ome("urn:uuid:9", [(0.5, files)]))
    return folder


def test_a_companion_file_describes_its_files(tmp_path):
    folder = companion(tmp_path / "in")
    assert [found.name for found in find_images([folder])] == ["t0.ome.tif"]
    read, source = planes(folder / "t1.ome.tif")
    np.testing.assert_array_equal(read, [image_of(seed) for seed in range(3)])
    assert source.pixel_size == (0.5, 0.5) and source.channel == "DAPI" and source.warnings == []


def test_without_its_companion_a_file_is_read_alone(tmp_path):
    folder = companion(tmp_path / "in")
    (folder / "well.companion.ome").unlink()
    read, source = planes(folder / "t1.ome.tif")
    np.testing.assert_array_equal(read, [image_of(1)])
    assert "well.companion.ome" in source.warnings[0]


def test_a_renamed_file_is_read_by_its_uuid(tmp_path):
    write(tmp_path / "a.ome.tif", 5, ome("urn:uuid:1", [(0.5, [("before.ome.tif", "urn:uuid:1")])]))
    read, source = planes(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(read, [image_of(5)])
    assert source.pixel_size == (0.5, 0.5) and source.warnings == []


def test_several_images_in_one_file_are_series(tmp_path):
    images = [(size, [("a.ome.tif", "urn:uuid:1")]) for size in (0.5, 0.75)]
    xml = ome("urn:uuid:1", images)
    first, second, rest = xml.split('IFD="0"')
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as writer:
        for seed in range(2):
            text = f'{first}IFD="0"{second}IFD="1"{rest}' if seed == 0 else None
            writer.write(image_of(seed), description=text, metadata=None, contiguous=False)
    read, source = planes(tmp_path / "a.ome.tif")
    assert source.pixel_size == (0.5, 0.5) and "first of its 2 series" in source.warnings[0]
    read, source = planes(tmp_path / "a.ome.tif", series=1)
    np.testing.assert_array_equal(read, [image_of(1)])
    assert source.pixel_size == (0.75, 0.75) and source.warnings == []


def zarr_image(path, seed):
    zarr = pytest.importorskip("zarr")
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    scale = [{"type": "scale", "scale": [0.5, 0.25]}]
    group = zarr.open_group(path, mode="w", zarr_format=2)
    group.create_array("0", data=image_of(seed), chunks=(16, 16))
    group.attrs["multiscales"] = [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}]


def attributes(path, record):
    path.mkdir(parents=True, exist_ok=True)
    (path / ".zattrs").write_text(json.dumps(record))


def plate(folder):
    attributes(folder, {"plate": {"wells": [{"path": "A/1"}, {"path": "A/2"}]}})
    for well in ("1", "2"):
        attributes(folder / "A" / well, {"well": {"images": [{"path": "0"}, {"path": "1"}]}})
        for field in ("0", "1"):
            zarr_image(folder / "A" / well / field, int(well) * 2 + int(field))
    return folder


def test_a_plate_a_well_and_a_field_can_be_given(tmp_path):
    folder = plate(tmp_path / "plate.ome.zarr")
    names = [found.name for found in find_images([folder])]
    assert names == [f"plate.ome.zarr/A/{well}/{field}" for well in (1, 2) for field in (0, 1)]
    assert [found.name for found in find_images([folder / "A/2"])] == ["2/0", "2/1"]
    (found,) = find_images([folder / "A/2/1"])
    read, source = planes(found.path)
    np.testing.assert_array_equal(read, [image_of(5)])
    assert found.name == "1" and source.pixel_size == (0.5, 0.25)


def test_links_of_a_plate_that_lead_back_to_it_end(tmp_path):
    folder = plate(tmp_path / "plate.ome.zarr")
    attributes(folder, {"plate": {"wells": [{"path": name} for name in ("A/1", "B", "C")]}})
    for name in ("B", "C"):
        (folder / name).symlink_to(".")
    names = [found.name.removeprefix("plate.ome.zarr/") for found in find_images([folder])]
    assert names == ["A/1/0", "A/1/1", "B", "C"]
    with pytest.raises(CellsegError, match="plate.ome.zarr/B: is no OME-Zarr image"):
        open_image(folder / "B")


@pytest.mark.parametrize("named", [True, False])
def test_series_of_bioformats2raw(tmp_path, named):
    folder, series = tmp_path / "a.zarr", ["pos_B", "pos_A"] if named else ["0", "1"]
    attributes(folder, {"bioformats2raw.layout": 3})
    attributes(folder / "OME", {"series": series} if named else {})
    for number, name in enumerate(series):
        zarr_image(folder / name, number)
    found = find_images([folder])
    assert [one.name for one in found] == [f"a.zarr/{name}" for name in series]
    np.testing.assert_array_equal(planes(found[1].path)[0], [image_of(1)])


@pytest.mark.parametrize("place", ["../../x", "A/../../x", "/x"])
def test_a_plate_whose_fields_lie_elsewhere_is_refused(tmp_path, place):
    zarr_image(tmp_path / "x", 0)
    folder = tmp_path / "deep" / "plate.zarr"
    attributes(folder, {"plate": {"wells": [{"path": place}]}})
    (found,) = find_images([folder])  # one bad plate keeps nobody from the others
    with pytest.raises(CellsegError, match="plate.zarr: its metadata names .*, which lies outside of it"):
        open_image(found.path)
