"""Public data sets: from an archive like the published one, by file and over HTTP, whole or damaged."""

import http.server
import io
import os
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import ROOT

from cellseg.data import public
from cellseg.data.public import Cut, _digest, fetch, find_real, read_table
from cellseg.errors import CellsegError

#: A folder that holds real55/ and fields/ as `fetch` makes them, for the test of the committed tables.
DATA = os.environ.get("CELLSEG_TEST_DATA")


def png(array):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


def write_archive(path, fields, below=""):
    """An archive as it is published: a folder a field, its image in RGBA, one mask a nucleus."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, (image, labels) in fields.items():
            alpha = np.full_like(image, 255)
            archive.writestr(f"{below}{name}/images/{name}.png", png(np.dstack([image, image, image, alpha])))
            for number in range(1, labels.max() + 1):
                mask = (labels == number).astype(np.uint8) * 255
                archive.writestr(f"{below}{name}/masks/mask{number:03d}.png", png(mask))
    return path


@pytest.fixture
def fields():
    rng = np.random.RandomState(0)
    images = [rng.randint(0, 255, (50, 40)).astype(np.uint8) for _ in range(2)]
    labels = np.zeros((50, 40), np.uint8)
    for number, (row, column) in enumerate(((2, 2), (15, 10), (30, 25), (41, 2))):
        labels[row : row + 8, column : column + 8] = number + 1
    return {"aa": (images[0], labels), "bb": (images[1], labels.copy())}


@pytest.fixture
def table(fields, monkeypatch):
    """The table of a data set of two images: a crop that holds the nuclei 2 and 3, and a whole field."""
    image, labels = fields["aa"]
    crop = np.zeros((30, 30), np.uint8)
    crop[labels[10:40, 8:38] == 2], crop[labels[10:40, 8:38] == 3] = 1, 2
    cuts = [
        Cut("train", "a.png", "aa", 10, 8, 30, 30, 2, _digest(image[10:40, 8:38]), _digest(crop)),
        Cut("test", "b.png", "bb", 0, 0, 50, 40, 4, _digest(fields["bb"][0]), _digest(fields["bb"][1])),
    ]
    monkeypatch.setattr(public, "read_table", lambda name: cuts)
    return cuts


@pytest.fixture
def archive(tmp_path, fields):
    return write_archive(tmp_path / "stage1_train.zip", fields)


def read(path):
    return np.asarray(Image.open(path))


def check(folder, fields):
    assert np.array_equal(read(folder / "test" / "images" / "b.png"), fields["bb"][0])
    assert np.array_equal(read(folder / "test" / "labels" / "b.png"), fields["bb"][1])
    assert np.array_equal(read(folder / "test" / "masks" / "b.png"), (fields["bb"][1] > 0) * 255)
    crop = read(folder / "train" / "labels" / "a.png")
    assert np.array_equal(crop > 0, np.isin(fields["aa"][1][10:40, 8:38], (2, 3)))
    assert np.unique(crop).tolist() == [0, 1, 2]


@pytest.mark.parametrize("below", ["", "stage1_train/"])
def test_cut_from_an_archive(tmp_path, fields, table, below):
    archive = write_archive(tmp_path / "given.zip", fields, below)
    folder = fetch("real55", tmp_path / "out", str(archive))
    check(folder, fields)
    archive.unlink()
    assert fetch("real55", tmp_path / "out", str(archive)) == folder  # complete: the archive is not looked at


def test_the_environment_names_the_archive(tmp_path, fields, table, archive, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BBBC038", str(archive))
    check(find_real("real55"), fields)
    assert find_real("real55") == Path("runs/public/real55")
    (tmp_path / "real55").mkdir()
    assert find_real("real55") == Path("real55")  # the user's own folder comes first


def test_a_changed_pixel_is_made_right_again(tmp_path, fields, table, archive):
    folder = fetch("real55", tmp_path / "out", str(archive))
    (folder / "test" / "images" / "b.png").unlink()
    check(fetch("real55", tmp_path / "out", str(archive)), fields)


def test_a_folder_of_something_else_is_left_alone(tmp_path, table, archive):
    (tmp_path / "out" / "train" / "images").mkdir(parents=True)
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(CellsegError, match="notes.txt"):
        fetch("real55", tmp_path / "out", str(archive))
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def refused(tmp_path, archive, words):
    with pytest.raises(CellsegError, match=words):
        fetch("real55", tmp_path / "out", str(archive))
    assert not (tmp_path / "out").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".cellseg")]


def test_other_pixels_are_refused(tmp_path, fields, table, archive, monkeypatch):
    others = [table[0], replace(table[1], labels_sha256="0" * 16)]
    monkeypatch.setattr(public, "read_table", lambda name: others)
    refused(tmp_path, archive, "pixels of bb are not those")


def test_damaged_archives_are_refused(tmp_path, fields, table, archive):
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    refused(tmp_path, archive, "not a whole zip file")
    place = whole.index(b"IDAT") + 20
    archive.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
    refused(tmp_path, archive, "Bad CRC-32")
    write_archive(archive, {"aa": fields["aa"]})
    refused(tmp_path, archive, "holds no field bb")
    refused(tmp_path, tmp_path / "nowhere.zip", "no such file")


@pytest.fixture
def served(archive, tmp_path, monkeypatch):
    """The archive on a server of this machine; `served.body` is what it sends, `served.promised` how much it says."""
    monkeypatch.setenv("CELLSEG_CACHE", str(tmp_path / "cache"))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked += 1
            self.send_response(200 if self.server.body else 404)
            self.send_header("Content-Length", str(self.server.promised or len(self.server.body)))
            self.end_headers()
            self.wfile.write(self.server.body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.body, server.promised, server.asked = archive.read_bytes(), None, 0
        server.address = f"http://127.0.0.1:{server.server_port}/stage1_train.zip"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_fetched_once(tmp_path, fields, table, served):
    check(fetch("real55", tmp_path / "out", served.address), fields)
    check(fetch("real55", tmp_path / "again", served.address), fields)
    assert served.asked == 1


def test_an_interrupted_download_leaves_nothing(tmp_path, fields, table, served):
    whole = served.body
    served.body, served.promised = whole[: len(whole) // 2], len(whole)
    refused(tmp_path, served.address, "cannot be fetched")
    served.body, served.promised = b"", None
    refused(tmp_path, served.address, "404")
    assert not list((tmp_path / "cache").iterdir())
    served.body = whole
    check(fetch("real55", tmp_path / "out", served.address), fields)


def test_a_damaged_download_is_fetched_again(tmp_path, fields, table, served):
    whole, served.body = served.body, b"<html>come back later</html>"
    refused(tmp_path, served.address, "not a whole zip file.*run the command again")
    served.body = whole
    check(fetch("real55", tmp_path / "out", served.address), fields)


def test_no_network(tmp_path, table, served):
    address = served.address
    served.shutdown()
    served.server_close()
    refused(tmp_path, address, "no network.*BBBC038=path/to/stage1_train.zip")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_no_space(tmp_path, archive, served):
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "from cellseg.data import public\n"
        f"public.fetch('real55', {str(tmp_path / 'out')!r}, {served.address!r})"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert "cannot be written (File too large); make room there" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists() and not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize(
    ("name", "counts"), [("real55", {"train": 55, "test": 40}), ("fields", {"train": 331, "test": 41})]
)
def test_committed_tables(name, counts):
    cuts = read_table(name)
    assert {split: sum(cut.split == split for cut in cuts) for split in counts} == counts
    assert len({(cut.split, cut.file) for cut in cuts}) == len(cuts)
    tested = {cut.image_id for cut in read_table("real55") if cut.split == "test"}
    assert not tested & {cut.image_id for cut in cuts if cut.split == "train"}  # no field is in both splits


def test_unknown_names_are_refused():
    with pytest.raises(CellsegError, match="there are: real55, fields"):
        read_table("bbbc039")


@pytest.mark.skipif(not DATA, reason="CELLSEG_TEST_DATA names no folder that holds real55/ and fields/")
@pytest.mark.parametrize("name", public.PUBLIC)
def test_the_published_pixels(tmp_path, name):
    """The real data sets, out of an archive that is put together again from them."""
    fields, cuts = {}, read_table(name)
    for cut in cuts:
        image, labels = (read(Path(DATA) / name / cut.split / kind / cut.file) for kind in ("images", "labels"))
        edges = ((cut.row, 0), (cut.column, 0))
        fields[cut.image_id] = np.pad(image, edges), np.pad(labels, edges)
    archive = write_archive(tmp_path / "stage1_train.zip", fields)
    folder = fetch(name, tmp_path / "out", str(archive))
    assert sum(1 for _ in folder.rglob("*.png")) == 3 * len(cuts)
