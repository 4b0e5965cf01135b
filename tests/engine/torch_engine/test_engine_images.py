"""ImageData, Data, MemoryData: what they refuse, states, shares of several processes; values are for parity tests."""

import json
import sys
from pathlib import Path

import lmdb
import numpy as np
import pytest
from google.protobuf import text_format
from PIL import Image

from cellseg.engine.caffe_schema import MESSAGES
from cellseg.engine.layers.data import MemoryData
from cellseg.engine.layers.images import Data, ImageData
from cellseg.engine.torch.context import context
from cellseg.engine.torch.random import MersenneTwister
from cellseg.errors import CellsegError

try:
    import plyvel
except ImportError:  # it has no files for the newest Pythons
    plyvel = None

TRAIN, TEST = 0, 1
Datum, BlobProto = MESSAGES["Datum"], MESSAGES["BlobProto"]


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """A random stream that has drawn nothing yet; a folder with pictures, lists, means and databases."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(context, "random", MersenneTwister(1))
    for number in range(5):
        Image.fromarray(np.full((4, 6, 3), number, np.uint8)).save(f"{number}.png")
    Image.fromarray(np.zeros((5, 6, 3), np.uint8)).save("tall.png")
    Image.fromarray(np.zeros((4, 6), np.float32)).save("float.tif")
    Path("list").write_text("".join(f"{number}.png {number}\n" for number in range(5)))
    Path("text.png").write_text("no picture")
    Path("cut.png").write_bytes(Path("0.png").read_bytes()[:48])
    Path("mean").write_bytes(BlobProto(shape={"dim": [1, 3, 4, 6]}, data=[1] * 72).SerializeToString())
    Path("mean3").write_bytes(BlobProto(shape={"dim": [3, 4, 6]}, data=[1] * 72).SerializeToString())
    Path("mean2").write_bytes(BlobProto(num=1, channels=1, height=4, width=6, data=[1] * 24).SerializeToString())
    write("lmdb", [record(number) for number in range(5)])


def record(number, **fields):
    fields = {"channels": 1, "height": 2, "width": 3, "data": bytes([number] * 6), "label": number, **fields}
    return Datum(**fields).SerializeToString()


def write(name, values, backend="LMDB"):
    if backend == "LEVELDB":
        if plyvel is None:
            pytest.skip("needs plyvel")
        with plyvel.DB(name, create_if_missing=True) as database:
            for number, value in enumerate(values):
                database.put(b"%04d" % number, value)
        return
    with lmdb.open(name, map_size=1 << 20) as environment, environment.begin(write=True) as transaction:
        for number, value in enumerate(values):
            transaction.put(b"%04d" % number, value)


def made(kind, fields, change="", phase=TRAIN):
    name = {"ImageData": "image_data_param", "Data": "data_param", "MemoryData": "memory_data_param"}[kind.__name__]
    text = f'name: "it" type: "{kind.__name__}" top: "x" top: "y" {name} {{ {fields} }}'
    text += f" transform_param {{ {change} }}" if change else ""
    layer = kind(text_format.Parse(text, MESSAGES["LayerParameter"]()), phase)
    layer.setup([])
    layer.open()
    return layer, layer.reshape([])


def batches(layer, count):
    return [[values.tolist() for values in layer.forward([], [], [], [])] for _ in range(count)]


@pytest.mark.parametrize(
    ("listed", "fields", "change", "words"),
    [
        ("0.png 0", "batch_size: 0", "", "batch_size is 0"),
        ("", "", "", "other is empty"),
        ("0.png 0\n1.png", "", "", "line 2: must be the name of an image, a space, and a whole number"),
        ("0.png 1.5", "", "", "line 1: must be"),
        ("0.png\t1", "", "", "line 1: must be"),
        ("gone.png 0", "", "", "gone.png cannot be read .No such file"),
        ("text.png 0", "", "", "text.png cannot be read .no picture"),
        ("cut.png 0", "", "", "cut.png cannot be read .no picture, or a damaged one"),
        ("float.tif 0", "", "", "float.tif has pixels of the kind 'F'; give a picture of 8 bits"),
        ("0.png 0", "new_height: 3", "", "new_height and new_width must be given both"),
        ("0.png 0", "rand_skip: 2000000", "", "rand_skip would pass over"),
        ("0.png 0", "", "crop_size: 5", "0.png is 4x6, smaller than crop_size 5"),
        ("0.png 0", "", "mean_value: [1, 2]", "mean_value is given 2 times, but 0.png has 3 channels"),
        ("0.png 0", "", 'mean_file: "mean" mean_value: 1', "mean_file and mean_value are both given"),
        ("0.png 0", "", 'mean_file: "gone"', "gone: cannot be read"),
        ("0.png 0", "", 'mean_file: "0.png"', "0.png: not a .binaryproto"),
        ("0.png 0", "", 'mean_file: "mean2"', "0.png is 3x4x6, but the mean in mean2 is 1x4x6"),
        ("0.png 0", "", 'mean_file: "mean3"', "mean_file mean3 is 3x4x6; it must be 1 x channels"),
        ("0.png 0\ntall.png 1", "batch_size: 2", "", "differ in size: 3x4x6 and 3x5x6"),
        ("0.png 0\ntall.png 1", "batch_size: 2", 'mean_file: "mean"', "tall.png is 3x5x6, but the mean"),
    ],
)
def test_lists_and_pictures_that_cannot_be_used(listed, fields, change, words):
    Path("other").write_text(listed)
    with pytest.raises(CellsegError, match=words) as error:
        batches(made(ImageData, f'source: "other" {fields}', change)[0], 1)
    assert "layer 'it' (ImageData): " in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("source", "values", "fields", "change", "words"),
    [
        ("", [], "backend: LMDB", "", "source is not given"),
        ("gone", [], "backend: LMDB", "", "source gone is not there"),
        ("list", [], "backend: LMDB", "", "source list is a file"),
        ("lmdb", [], "", "", "no LEVELDB .it has no CURRENT.; give the folder, or its backend"),
        ("own", [], "backend: LMDB", "", "own holds no record"),
        ("own", [b"\xff"], "backend: LMDB", "", "record b'0000' in own is no Datum"),
        ("own", [record(1, height=3)], "backend: LMDB", "", "holds 6 numbers for an image of 1x3x3"),
        ("own", [record(1, data=b"")], "backend: LMDB", "", "holds 0 numbers"),
        ("own", [record(1, encoded=True)], "backend: LMDB", "", "record b'0000' in own cannot be read"),
        ("lmdb", [], "backend: LMDB", "force_color: true force_gray: true", "force_color and force_gray"),
        ("lmdb", [], "backend: LMDB batch_size: 0", "", "batch_size is 0"),
    ],
)
def test_databases_that_cannot_be_used(source, values, fields, change, words):
    if source == "own":
        write("own", values)
    batch = "" if "batch_size" in fields else "batch_size: 1"
    with pytest.raises(CellsegError, match=words) as error:
        made(Data, f'source: "{source}" {batch} {fields}', change)
    assert "layer 'it' (Data): " in str(error.value) and "\n" not in str(error.value)


def test_damaged_databases_and_missing_packages(monkeypatch):
    fields = 'batch_size: 1 backend: LMDB source: "%s"'
    for name, content in (("cut", Path("lmdb/data.mdb").read_bytes()[:-4096]), ("junk", b"x" * 9000)):
        Path(name).mkdir()
        Path(name, "data.mdb").write_bytes(content)
        with pytest.raises(CellsegError, match="is cut off" if name == "cut" else "cannot be opened"):
            made(Data, fields % name)
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(CellsegError, match=r"needs the package lmdb; run: pip install .*\[caffe-data\]"):
        made(Data, fields % "lmdb")
    write("level", [record(1)], "LEVELDB")
    level = 'batch_size: 1 source: "level"'
    with plyvel.DB("level"), pytest.raises(CellsegError, match="level cannot be opened .*end what else uses it"):
        made(Data, level)
    monkeypatch.setitem(sys.modules, "plyvel", None)
    with pytest.raises(CellsegError, match="needs the package plyvel; run: pip install plyvel"):
        made(Data, level)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (ImageData, 'source: "list" batch_size: 3 shuffle: true'),
        (ImageData, 'source: "list" batch_size: 3'),
        (Data, 'source: "lmdb" batch_size: 3 backend: LMDB'),
        (Data, 'source: "level" batch_size: 3'),
    ],
)
def test_a_state_goes_on_where_it_was_taken(kind, fields):
    write("level", [record(number) for number in range(5)], "LEVELDB")
    layer, shapes = made(kind, fields, "mirror: true crop_size: 2")
    assert [tuple(np.shape(part)) for part in batches(layer, 1)[0]] == shapes
    batches(layer, 1)
    state = json.loads(json.dumps(layer.state()))
    wanted = batches(layer, 4)
    assert len({tuple(labels) for _, labels in wanted}) > 1
    layer.set_state(state)
    assert batches(layer, 4) == wanted
    other, _ = made(kind, fields, "mirror: true crop_size: 2")
    other.set_state(state)
    assert batches(other, 4) == wanted
    for broken in ({}, {"transform": None, "place": {"key": "00", "turn": 0, "place": 9, "order": None}}):
        with pytest.raises(CellsegError, match="layer 'it'") as error:
            other.set_state(broken)
        assert str(error.value).count("layer 'it'") == 1


def test_fields_in_an_old_place_do_nothing_and_the_log_says_so(capfd):
    fields = 'source: "list" batch_size: 1 mirror: true scale: 3'
    assert batches(made(ImageData, fields)[0], 2)[1][0][0][0] == [[1] * 6] * 4
    assert "scale in image_data_param does nothing, as in Caffe; it is for transform_param" in capfd.readouterr().err


def test_several_processes_share_the_records_out(monkeypatch):
    fields = 'source: "lmdb" batch_size: 2 backend: LMDB'
    monkeypatch.setattr(context, "world_size", 2)
    for rank, phase, wanted in ((0, TRAIN, [0, 2, 4, 1, 3, 0]), (1, TRAIN, [1, 3, 0, 2, 4, 1]), (1, TEST, [0, 1])):
        monkeypatch.setattr(context, "rank", rank)
        found = batches(made(Data, fields, phase=phase)[0], len(wanted) // 2)
        assert [label for _, labels in found for label in labels] == wanted


def test_arrays_that_do_not_fit_are_refused(make_net):
    with pytest.raises(CellsegError, match="batch_size, channels, height and width are 2x0x4x5"):
        made(MemoryData, "batch_size: 2 height: 4 width: 5")
    text = 'layer { name: "it" type: "MemoryData" top: "x" top: "y" memory_data_param '
    net = make_net(text + "{ batch_size: 2 channels: 1 height: 1 width: 3 } }")
    with pytest.raises(CellsegError, match="layer 'it' .MemoryData.: has no data; call net.set_input_arrays"):
        net.forward()
    for data, labels, words in [
        ((2, 3), (2,), "data is 2x3; it must be N x 1x1x3"),
        ((2, 1, 1, 3), (3,), "labels are 3; there must be one for each of 2 images"),
        ((3, 1, 1, 3), (3,), "3 images are no multiple of batch_size 2"),
    ]:
        with pytest.raises(CellsegError, match=words):
            net.set_input_arrays(np.zeros(data), np.zeros(labels))
    other = make_net('layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 } } }')
    with pytest.raises(CellsegError, match="needs a net whose first layer is of type MemoryData"):
        other.set_input_arrays(np.zeros((2, 1, 1, 3)), np.zeros(2))
