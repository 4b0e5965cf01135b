"""Images that promise more than they hold, or are not what they are called: one line each, in little time."""

import json
import os
import resource
import shutil
import struct
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from support import ROOT

SPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
SIZES = 'SizeX="80" SizeY="64" SizeC="1" SizeT="1" Type="uint8"'

CODE = """
import resource, sys
from pathlib import Path
from cellseg.errors import CellsegError
from cellseg.images.find import find_images
from cellseg.images.open import open_image
for found in find_images([Path(sys.argv[1])]):
    try:
        with open_image(found.path) as source:
            height, width = source.planes[0].shape
            source.planes[0].read(0, min(height, 64), 0, min(width, 64))
        print(found.name, "read", sep="\\t")
    except CellsegError as error:
        print(found.name, error, sep="\\t")
"""


def tiff(width, height, compression, rows, following=0):
    """A TIFF of one page of 100 bytes in strips of so many rows, and where it says that the next page is."""
    values = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, compression), (262, 3, 1), (273, 4, 200)]
    values += [(277, 3, 1), (278, 4, rows), (279, 4, 100)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in values)
    head = b"II*\0" + struct.pack("<IH", 8, len(values)) + entries + struct.pack("<I", following)
    return head.ljust(300, b"\0")


def zarr(folder, shape, attributes):
    folder.mkdir(parents=True)
    array = {"zarr_format": 2, "shape": shape, "chunks": [min(side, 64) for side in shape], "dtype": "|u1"}
    array |= {"compressor": None, "fill_value": 0, "order": "C", "filters": None}
    (folder / ".zattrs").write_text(attributes if isinstance(attributes, str) else json.dumps(attributes))
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    (folder / "0").mkdir()
    (folder / "0/.zarray").write_text(json.dumps(array))


def scales(axes):
    return {"multiscales": [{"axes": list(axes), "datasets": [{"path": "0"}]}]}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What is said of each image of a folder, by a process that may take 4 GiB and 60 seconds of a processor."""
    folder = tmp_path_factory.mktemp("bad")
    image = np.zeros((64, 80), np.uint8)
    tifffile.imwrite(folder / "good.tif", image)
    xml = f'<OME xmlns="{SPACE}"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" SizeZ="2000000000" '
    xml += f"{SIZES}><TiffData/></Pixels></Image></OME>"
    tifffile.imwrite(folder / "slices.ome.tif", image, description=xml, metadata=None)
    shaped = '{"shape": [2000000000, 64, 80]}'
    tifffile.imwrite(folder / "shaped.tif", image, description=shaped, metadata=None)
    (folder / "raw.tif").write_bytes(tiff(60_000, 60_000, 1, 60_000))
    (folder / "packed.tif").write_bytes(tiff(60_000, 60_000, 8, 60_000))
    (folder / "round.tif").write_bytes(tiff(10, 10, 1, 10, following=8))
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
    (folder / "postscript.png").write_bytes(postscript)
    os.mkfifo(folder / "pipe.tif")
    zarr(folder / "planes.zarr", [1_000_000_000, 64, 64], scales("zyx"))
    zarr(folder / "large.zarr", [1_000_000_000, 1_000_000_000], scales("yx"))
    for number, wrong in enumerate(
        ([1], {"plate": 3}, {"well": {"images": [7]}}, {"plate": {"wells": [{"path": "."}]}})
    ):
        zarr(folder / f"attributes{number}.zarr", [64, 64], wrong)
    zarr(folder / "deep.zarr", [64, 64], "[" * 100_000)
    limits = [(resource.RLIMIT_AS, 4 << 30), (resource.RLIMIT_CPU, 60)]
    done = subprocess.run(
        [sys.executable, "-c", CODE, folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        preexec_fn=lambda: [resource.setrlimit(which, (most, most)) for which, most in limits],
    )
    assert done.returncode == 0, done.stderr
    yield dict(line.split("\t") for line in done.stdout.splitlines())
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("slices.ome.tif", "promises 2000000000 planes"),
        ("shaped.tif", "is truncated"),
        ("raw.tif", "is truncated"),
        ("packed.tif", "promises 3.4 GiB in a strip or tile of 100 bytes"),
        ("round.tif", "its pages lead back to earlier ones"),
        ("postscript.png", "is no PNG or JPEG"),
        ("pipe.tif", "neither a file nor a folder"),
        ("attributes0.zarr", "no multiscales"),
        ("attributes1.zarr", "metadata of a plate"),
        ("attributes2.zarr", "metadata of a plate"),
        ("attributes3.zarr", "names itself as a part"),
        ("deep.zarr", "no multiscales"),
        ("planes.zarr", "promises 1000000000 planes"),
        ("large.zarr", "promises 1 planes"),
    ],
)
def test_a_bad_image_is_told_in_one_line(said, name, words):
    if name.endswith("zarr"):
        pytest.importorskip("zarr")
    assert name in said[name] and words in said[name]


def test_the_image_among_them_is_read(said):
    assert said["good.tif"] == "read"
