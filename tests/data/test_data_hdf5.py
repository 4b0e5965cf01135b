from pathlib import Path

import h5py
import numpy as np
import pytest
from support import blobs, on_caffe

from cellseg.data.hdf5 import list_entry, read_list, read_numbers, write_split
from cellseg.errors import CellsegError


@pytest.fixture
def split(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    images, masks = blobs(7, 16)
    write_split("data", "data", "train", images, masks, rows=3)
    return images, masks


def test_shards_hold_all_rows_in_order(split):
    images, masks = split
    assert Path("data/train.txt").read_text().split() == [f"data/train_{n}.h5" for n in range(3)]
    data, label = read_list("data/train.txt")
    np.testing.assert_array_equal(data, images)
    np.testing.assert_array_equal(label, masks)


def test_numbers_and_distance_of_cells_are_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    labels = np.zeros((3, 16, 16), int)
    labels[1, 2:9, 2:9], labels[1, 2:9, 9:14], labels[2, 4:9, 4:9] = 7, 70000, 1
    write_split("data", "data", "train", np.ones((3, 16, 16)), labels, ("label", "distance_target"), rows=2)
    np.testing.assert_array_equal(read_numbers("data/train.txt"), labels)
    np.testing.assert_array_equal(read_list("data/train.txt")[1], labels > 0)
    with h5py.File("data/train_0.h5") as file:
        distance = file["distance_target"][1, 0]
    assert distance.dtype == np.float32 and distance[5, 5] == 1
    assert distance[5, 8] == distance[5, 2] == 0.25  # where it touches another cell as at its edge


def test_a_shard_of_others_has_no_numbers(split):
    with h5py.File("data/train_1.h5", "r+") as file:
        del file["labels"]
    assert read_numbers("data/train.txt") is None


@pytest.mark.parametrize("name", ["a b", "a\tb"])
def test_white_space_is_refused_because_caffe_cannot_read_it(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CellsegError, match="spaces"):
        list_entry(Path(name) / "train_0.h5")
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    assert list_entry("data/train_0.h5") == "data/train_0.h5"


@pytest.mark.caffe
def test_caffe_reads_the_rows_in_order_across_shards(split):
    source = 'hdf5_data_param { source: "data/train.txt" batch_size: 2 }'
    Path("net.prototxt").write_text(f'layer {{ name: "data" type: "HDF5Data" top: "data" top: "label" {source} }}')
    script = """
net = caffe.Net("net.prototxt", caffe.TEST)
found["data"], found["label"] = [], []
for _ in range(7):
    net.forward()
    for name in found:
        found[name].append(net.blobs[name].data.copy())
"""
    found = on_caffe(script)
    images, masks = split
    np.testing.assert_array_equal(np.concatenate(found["data"])[:, 0], np.concatenate([images, images]))
    np.testing.assert_array_equal(np.concatenate(found["label"])[:, 0], np.concatenate([masks, masks]))


def damage_missing(path):
    path.unlink()
    return "which is not there"


def damage_truncated(path):
    path.write_bytes(path.read_bytes()[:3000])
    return "damaged"


def damage_random(path):
    path.write_bytes(np.random.RandomState(0).bytes(5000))
    return "damaged"


def rewrite(path, **datasets):
    with h5py.File(str(path), "w") as file:
        for name, value in datasets.items():
            file[name] = value


def damage_no_label(path):
    rewrite(path, data=np.zeros((2, 1, 16, 16)))
    return "no dataset 'label'"


def damage_shape(path):
    rewrite(path, data=np.zeros((2, 1, 16, 16)), label=np.zeros((2, 16, 16)))
    return r"both must be \(N, 1, H, W\)"


def damage_nan(path):
    rewrite(path, data=np.full((2, 1, 16, 16), np.nan), label=np.zeros((2, 1, 16, 16)))
    return "NaN"


def damage_labels(path):
    rewrite(path, data=np.zeros((2, 1, 16, 16)), label=np.full((2, 1, 16, 16), 2))
    return "other than 0 and 1"


def damage_other_size(path):
    rewrite(path, data=np.zeros((2, 1, 8, 8)), label=np.zeros((2, 1, 8, 8)))
    return "different sizes"


DAMAGES = [value for name, value in sorted(globals().items()) if name.startswith("damage_")]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damaged_shards_are_named(split, damage):
    message = damage(Path("data/train_1.h5"))
    with pytest.raises(CellsegError, match=message):
        read_list("data/train.txt")


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00"])
def test_unusable_lists(tmp_path, content):
    path = tmp_path / "train.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CellsegError, match="train.txt"):
        read_list(path)
