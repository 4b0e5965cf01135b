"""Data layers against real Caffe, bit for bit: pictures, sizes, databases, transformations, random streams."""

import contextlib
import importlib.util
import subprocess
from pathlib import Path

import numpy as np
import pytest
from caffe_server import CaffeServer, everything
from imagecodecs import jpeg8_encode
from nets import execute
from PIL import Image
from support import caffe_program

from cellseg.engine.caffe_schema import MESSAGES
from cellseg.engine.torch import Net, set_random_seed

lmdb = pytest.importorskip("lmdb")  # of the extra caffe-data, which the image of docker/ has not

TRAIN, TEST = 0, 1
HAS_LEVELDB = importlib.util.find_spec("plyvel") is not None
RNG = np.random.default_rng(4)
HEIGHT, WIDTH = 22, 38
#: Sizes that pictures are given: half, twice, others.
SIZES = [(HEIGHT // 2, WIDTH // 2), (2 * HEIGHT, 2 * WIDTH), (31, 17), (9, 95), (HEIGHT, 7)]


@pytest.fixture(scope="module")
def caffe():
    with CaffeServer() as server:
        yield server


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder with a picture of each kind, all of one size, and a list of them with labels."""
    folder = tmp_path_factory.mktemp("some pictures")
    rows, columns = np.indices((HEIGHT, WIDTH))
    waves = [128 + 120 * np.sin(rows / (2 + i) + columns / (5 - i)) for i in range(3)]
    colours = (np.stack(waves, -1) + RNG.normal(0, 20, (HEIGHT, WIDTH, 3))).clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(colours)
    turned, exif = picture.transpose(Image.Transpose.ROTATE_90), Image.Exif()
    exif[0x0112] = 6
    opacity = Image.fromarray(RNG.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8))
    see_through = picture.copy()
    see_through.putalpha(opacity)
    grey16 = Image.fromarray(RNG.integers(0, 2**16, (HEIGHT, WIDTH), dtype=np.uint16))
    for name, image, options in [
        ("a.jpg", picture, {"quality": 90}),
        ("b c.jpg", picture, {"quality": 60, "subsampling": 0}),
        ("progressive.jpg", picture, {"progressive": True}),
        ("grey.jpg", picture.convert("L"), {}),
        ("ink.jpg", picture.convert("CMYK"), {}),
        ("turned.jpg", turned, {"exif": exif}),
        ("rgb.png", picture, {}),
        ("rgba.png", see_through, {}),
        ("grey.png", picture.convert("L"), {}),
        ("grey_alpha.png", see_through.convert("LA"), {}),
        ("palette.png", picture.quantize(40), {}),
        ("grey16.png", grey16, {}),
        ("black.png", picture.convert("1"), {}),
        ("rgb.bmp", picture, {}),
        ("rgb.ppm", picture, {}),
        ("rgb.tif", picture, {}),
    ]:
        image.save(folder / name, **options)
    (folder / "halved.jpg").write_bytes(jpeg8_encode(colours, level=80, subsampling="440"))
    assert [part[1:3] for part in Image.open(folder / "halved.jpg").layer] == [(1, 2), (1, 1), (1, 1)]
    names = sorted(path.name for path in folder.iterdir())
    (folder / "list").write_text("".join(f"{name} {number - 3}\r\n" for number, name in enumerate(names)))
    return folder


def tool(name, *arguments):
    """Run one of the tools that come with real Caffe."""
    caffe = Path(caffe_program("caffe"))
    if not caffe.is_absolute() or not (caffe.parents[1] / "usr/bin" / name).exists():
        pytest.skip(f"this Caffe has no {name}")
    script = caffe.read_text().replace("usr/bin/caffe", f"usr/bin/{name}")
    done = subprocess.run(["sh", "-c", script, str(caffe), *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def layer(kind, name, fields, transform=""):
    """A data layer, and layers that copy its tops: Caffe frees what a data layer gives with the net."""
    tops = [f"{name}_{part}" for part in ("image", "label")]
    text = f'layer {{ name: "{name}" type: "{kind}" top: "{tops[0]}" top: "{tops[1]}" {fields} '
    text += f"transform_param {{ {transform} }} }}\n" if transform else "}\n"
    for top in tops:
        text += f'layer {{ name: "{top}2" type: "Power" bottom: "{top}" top: "{top}2" }}\n'
    return text


def compare(caffe, folder, text, phase, seed=9):
    """Both run the net; what the copies hold, and the parameters, are the same. Gives them."""
    theirs = caffe.run(text, backward=False, phase=phase, seed=seed)
    (folder / "net.prototxt").write_text(text)
    set_random_seed(seed)
    net = Net(folder / "net.prototxt", phase)
    net.forward()
    ours = everything(net)
    names = [name for name in theirs if name.endswith("2") or name.startswith("param ")]
    assert names
    for name in names:
        assert ours[name].shape == theirs[name].shape, name
        wrong = np.abs(ours[name] - theirs[name]).reshape(len(ours[name]), -1).max(1)
        assert (ours[name] == theirs[name]).all(), (name, wrong)
    return {name: theirs[name] for name in names}


def test_pictures_of_all_kinds_and_sizes(caffe, pictures):
    many, text = len((pictures / "list").read_text().splitlines()), ""
    for number, (height, width) in enumerate([(0, 0), *SIZES]):
        for colour in ("true", "false"):
            fields = f'source: "{pictures}/list" root_folder: "{pictures}/" batch_size: {many} is_color: {colour}'
            fields += f" new_height: {height} new_width: {width}" if height else ""
            text += layer("ImageData", f"{colour}{number}", f"image_data_param {{ {fields} }}")
    found = compare(caffe, pictures, text, TEST)
    assert found["data true0_label2"].tolist() == [number - 3 for number in range(many)]


def write_lmdb(folder, values):
    with lmdb.open(str(folder), map_size=1 << 20) as environment, environment.begin(write=True) as transaction:
        for number, datum in enumerate(values):
            transaction.put(b"%08d" % number, datum.SerializeToString())
    return folder


def test_transformations_and_random_streams(caffe, pictures, tmp_path):
    """A net of all data layers, with fillers between them: each draws its numbers where Caffe draws them."""
    Datum, images = MESSAGES["Datum"], RNG.integers(0, 256, (7, 3, 9, 12), dtype=np.uint8)
    raw = [Datum(channels=3, height=9, width=12, data=x.tobytes(), label=number) for number, x in enumerate(images[:6])]
    raw.append(Datum(channels=3, height=9, width=12, float_data=images[6].ravel() / 7.0, label=-1))
    write_lmdb(tmp_path / "raw", raw)
    names = ["a.jpg", "b c.jpg", "rgb.png", "rgb.bmp"]
    encoded = [Datum(encoded=True, data=(pictures / name).read_bytes(), label=n) for n, name in enumerate(names)]
    write_lmdb(tmp_path / "encoded", encoded)
    turned = [Datum(encoded=True, data=(pictures / "turned.jpg").read_bytes())]
    write_lmdb(tmp_path / "turned", turned)
    see_through = [Datum(encoded=True, data=(pictures / name).read_bytes()) for name in ("rgba.png", "grey_alpha.png")]
    write_lmdb(tmp_path / "see_through", see_through)
    for backend in ("lmdb", "leveldb")[: 1 + HAS_LEVELDB]:
        options = ["-shuffle", "-encoded", "-resize_height=14", "-resize_width=15", f"-backend={backend}"]
        tool("convert_imageset", *options, f"{pictures}/", pictures / "list", tmp_path / backend)
    tool("compute_image_mean", "-backend=lmdb", tmp_path / "lmdb", tmp_path / "mean.binaryproto")

    def data(name, backend, batch, transform):
        fields = f'data_param {{ source: "{tmp_path}/{name}" batch_size: {batch} backend: {backend} rand_skip: 5 }}'
        return layer("Data", name, fields, transform)

    listed = f'source: "{pictures}/list" root_folder: "{pictures}/" batch_size: 37 shuffle: true rand_skip: 6'
    mean = f'mean_file: "{tmp_path}/mean.binaryproto"'
    filler = 'inner_product_param { num_output: 2 weight_filler { type: "gaussian" } }'
    text = layer("ImageData", "listed", f"image_data_param {{ {listed} new_height: 14 new_width: 15 }}",
        f"crop_size: 5 mirror: true scale: 0.3 {mean}")  # fmt: skip
    text += f'layer {{ name: "first" type: "InnerProduct" bottom: "listed_image2" top: "first" {filler} }}\n'
    text += data("raw", "LMDB", 19, "crop_size: 6 mean_value: [1.5, 20, 30] scale: 0.017 mirror: true")
    text += data("encoded", "LMDB", 9, "force_gray: true mean_value: 100 mirror: true")
    text += data("turned", "LMDB", 1, "")
    text += data("see_through", "LMDB", 2, "scale: 2")
    text += data("lmdb", "LMDB", 20, f"crop_size: 13 {mean} force_color: true")
    text += HAS_LEVELDB * data("leveldb", "LEVELDB", 20, "crop_size: 14 force_color: true")
    text += f'layer {{ name: "last" type: "InnerProduct" bottom: "lmdb_image2" top: "last" {filler} }}\n'
    found = compare(caffe, tmp_path, text, TRAIN)
    labels = found["data listed_label2"].tolist()
    assert set(labels) == set(range(-3, 14)) and labels[:17] != labels[17:34]
    assert found["data encoded_image2"].shape == (9, 1, HEIGHT, WIDTH)
    compare(caffe, tmp_path, text, TEST, seed=10)


def test_arrays_in_memory(caffe, tmp_path):
    script = """
caffe.set_random_seed(3)
open("net.prototxt", "w").write(given["text"])
net = caffe.Net("net.prototxt", caffe.TRAIN)
found["weights"] = net.params["first"][0].data.copy()
for number, (data, labels) in enumerate(given["arrays"]):
    net.set_input_arrays(data, labels)
    for turn in range(4):
        net.forward()
        for name in ("copy", "labels"):
            found["%s %d %d" % (name, number, turn)] = net.blobs[name].data.copy()
"""
    fields = "memory_data_param { batch_size: 2 channels: 3 height: 4 width: 5 }"
    text = f'layer {{ name: "m" type: "MemoryData" top: "x" top: "y" {fields} transform_param {{ mirror: true }} }}'
    for name, bottom in (("copy", "x"), ("labels", "y")):
        text += f'layer {{ name: "{name}" type: "Power" bottom: "{bottom}" top: "{name}" }}'
    filler = 'inner_product_param { num_output: 2 weight_filler { type: "gaussian" } }'
    text += f'layer {{ name: "first" type: "InnerProduct" bottom: "copy" top: "first" {filler} }}'
    arrays = [
        (RNG.normal(size=(many, 3, 4, 5)).astype(np.float32), np.arange(many).astype(np.float32)) for many in (6, 2)
    ]
    arrays[1] = arrays[1][0], arrays[1][1].reshape(-1, 1, 1, 1)
    theirs = caffe.script(script, text=text, arrays=arrays)
    ours = on_torch(tmp_path, script, text=text, arrays=arrays)
    assert set(ours) == set(theirs) and len(ours) == 17
    for name, values in theirs.items():
        np.testing.assert_array_equal(ours[name], values, name)
    assert ours["labels 0 1"].ravel().tolist() == [2, 3] and ours["labels 0 3"].ravel().tolist() == [0, 1]


def on_torch(folder, script, **given):
    """A script on the embedded engine, in this process."""
    with contextlib.chdir(folder):
        return execute("torch", script, given)
