"""The mean of images: as real Caffe computes and reads it, in each form, and what is refused."""

import importlib.util
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import caffe_program

from cellseg import commands
from cellseg.data.mean import compute_mean, read_mean, write_mean
from cellseg.engine.hdf5 import writing
from cellseg.errors import CellsegError

IMAGES = np.random.default_rng(1).integers(0, 256, (5, 6, 7, 3), dtype=np.uint8)


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """Pictures, and a list of them with labels; one name holds a space."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    for number, image in enumerate(IMAGES):
        Image.fromarray(image).save(tmp_path / f"images/a {number}.png")
    (tmp_path / "list.txt").write_text("".join(f"a {number}.png {number}\n" for number in range(5)))
    return tmp_path


def test_of_pictures_and_of_hdf5_files(pictures):
    expected = IMAGES[..., ::-1].transpose(0, 3, 1, 2).astype(float).mean(0)
    for mean, number in (compute_mean("images"), compute_mean("list.txt", root="images/")):
        assert number == 5 and mean.dtype == np.float32
        np.testing.assert_allclose(mean, expected, rtol=1e-6)
    assert compute_mean("images", grey=True)[0].shape == (1, 6, 7)
    rows = np.random.default_rng(2).normal(size=(7, 2, 3, 4))
    for name, part in (("a.h5", rows[:2]), ("b.h5", rows[2:])):
        with writing(name) as file:
            file["data"], file["other"] = part, part + 1
    (pictures / "files.txt").write_text("a.h5 b.h5")
    np.testing.assert_allclose(compute_mean("files.txt")[0], rows.mean(0), atol=1e-6)
    np.testing.assert_allclose(compute_mean("b.h5", "other")[0], rows[2:].mean(0) + 1, atol=1e-6)


@pytest.mark.caffe
def test_real_caffe_computes_the_same_and_reads_ours(pictures):
    caffe = caffe_program("caffe")
    if not os.path.isfile(f"{os.path.dirname(caffe or '')}/../usr/bin/convert_imageset"):
        pytest.skip("needs the tools of real Caffe: make caffe")
    text = (
        Path(caffe).read_text().replace('$(dirname "$(readlink -f "$0")")/..', os.path.dirname(os.path.dirname(caffe)))
    )
    for tool, *arguments in (
        ("convert_imageset", "images/", "list.txt", "db"),
        ("compute_image_mean", "db", "real.binaryproto"),
    ):
        script = text.replace('usr/bin/caffe"', f'usr/bin/{tool}"')
        done = subprocess.run(["sh", "-c", script, "sh", *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert commands.main(["mean", "list.txt", "--root", "images/", "--out", "ours.binaryproto"]) is None
    np.testing.assert_allclose(read_mean("ours.binaryproto"), read_mean("real.binaryproto"), rtol=1e-6)
    if importlib.util.find_spec("lmdb"):
        mean, number = compute_mean("db")
        assert number == 5
        np.testing.assert_array_equal(mean, read_mean("ours.binaryproto"))
    code = (
        "import caffe; b = caffe.proto.caffe_pb2.BlobProto(); b.ParseFromString(open('ours.binaryproto','rb').read());"
    )
    code += "print(caffe.io.blobproto_to_array(b).shape, b.num)"
    done = subprocess.run([caffe_program("python"), "-c", code], capture_output=True, text=True)
    assert done.stdout.startswith("(1, 3, 6, 7) 1"), done.stderr


def test_each_form_is_the_same_mean(pictures, capsys):
    commands.main(["mean", "images", "--out", "m.binaryproto"])
    commands.main(["mean", "m.binaryproto", "--out", "m.npy"])
    commands.main(["mean", "m.npy", "--out", "m.png"])
    mean, shown = read_mean("m.binaryproto"), capsys.readouterr().out
    with Image.open("m.png") as opened:
        picture = np.asarray(opened)
    np.testing.assert_array_equal(np.load("m.npy"), mean)
    np.testing.assert_array_equal(picture[..., 0], mean[2].round())
    assert "of 5 images, 3x6x7" in shown and f"channel 0: {mean[0].mean():.6g}" in shown
    np.save("values.npy", [104.0, 117, 123])
    assert read_mean("values.npy").shape == (3, 1, 1)


def test_what_is_no_mean_is_refused_and_nothing_is_written(pictures):
    Image.fromarray(IMAGES[0][:3]).save("images/small.png")
    np.save("wide.npy", np.zeros((6, 7)))
    np.save("objects.npy", np.array([{}], object))
    np.save("many.npy", np.zeros((2, 3, 4, 5)))
    np.save("nan.npy", np.full((3, 4), np.nan))
    (pictures / "wide.txt").write_text("wide.npy 0\n")
    (pictures / "unlabelled.txt").write_text("a.png\n")
    (pictures / "short.binaryproto").write_bytes(b"\x08\x01\x10\x03")
    for source, words in (
        ("images", "small.png: is 3x3x7, but .* is 3x6x7"),
        ("wide.txt", "wide.npy cannot be read"),
        ("unlabelled.txt", "line 1: must be the name of an image"),
        ("missing", "cannot be read"),
        ("objects.npy", "cannot be read"),
        ("many.npy", "of the shape .2, 3, 4, 5."),
        ("nan.npy", "NaN"),
        ("short.binaryproto", "holds no numbers"),
    ):
        with pytest.raises(CellsegError, match=words):
            commands.main(["mean", source, "--out", "out.npy"])
    assert not (pictures / "out.npy").exists()
    with pytest.raises(CellsegError, match="written as .binaryproto"):
        write_mean("mean.jpg", np.zeros((3, 2, 2)))
