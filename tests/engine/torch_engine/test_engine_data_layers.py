"""Input, DummyData and HDF5Data: shapes, the order of rows, states, and what they refuse."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from google.protobuf import text_format

from cellseg.engine.caffe_schema import MESSAGES
from cellseg.engine.layers.data import DummyData, HDF5Data, Input
from cellseg.engine.torch.context import context
from cellseg.engine.torch.random import CRand, MersenneTwister
from cellseg.errors import CellsegError

TRAIN, TEST = 0, 1


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """A process that has drawn nothing yet, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(context, "random", MersenneTwister(1))
    monkeypatch.setattr(context, "rand", CRand())


def made(kind, text, phase=TRAIN):
    parameter = text_format.Parse(f'name: "it" type: "{kind.__name__}" {text}', MESSAGES["LayerParameter"]())
    layer = kind(parameter, phase)
    layer.setup([])
    layer.open()
    return layer, layer.reshape([])


def run(layer):
    return layer.forward([], [], [], [])


def refused(kind, text, *words):
    with pytest.raises(CellsegError) as error:
        run(made(kind, text)[0])
    assert_one_line(error.value, "it", *words)


def assert_one_line(error, *words):
    assert len(str(error).splitlines()) == 1, error
    for word in words:
        assert word in str(error), error


def write(name, numbers, **datasets):
    """A file whose rows hold `numbers`: ``data`` of shape (rows, 1, 2, 2) and ``label`` of shape (rows,)."""
    numbers = np.asarray(numbers, dtype=np.float32)
    datasets = {"data": np.repeat(numbers, 4).reshape(-1, 1, 2, 2), "label": numbers % 2, **datasets}
    with h5py.File(name, "w") as file:
        for key, values in datasets.items():
            if values is not None:
                file[key] = values


def hdf5(names, batch, more="", tops=("data", "label"), phase=TRAIN):
    Path("list.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    tops = " ".join(f'top: "{top}"' for top in tops)
    return made(HDF5Data, f'{tops} hdf5_data_param {{ source: "list.txt" batch_size: {batch} {more} }}', phase)


def rows(layer, batches):
    return [[int(row) for row in run(layer)[0][:, 0, 0, 0]] for _ in range(batches)]


def test_input():
    assert made(Input, 'top: "a" top: "b" input_param { shape { dim: 2 dim: 3 } }')[1] == [(2, 3), (2, 3)]
    assert made(Input, 'top: "a" top: "b" input_param { shape { dim: 2 } shape { } }')[1] == [(2,), ()]
    assert made(Input, 'top: "a"')[1] == [()]
    refused(Input, 'top: "a" input_param { shape { dim: 2 } shape { dim: 2 } }', "shape", "2 times")
    refused(Input, 'top: "a" input_param { shape { dim: 65536 dim: 65536 } }', "65536")
    refused(Input, 'top: "a" input_param { shape { dim: -1 } }', "-1")


def test_dummy_data():
    layer, shapes = made(
        DummyData,
        'top: "a" top: "b" top: "c" dummy_data_param { shape { dim: 2 dim: 3 } '
        'data_filler { value: 4 } data_filler { type: "uniform" } data_filler { type: "gaussian" } }',
    )
    assert shapes == [(2, 3)] * 3
    first, second = run(layer), run(layer)
    assert (first[0] == 4).all() and second[0] is first[0]  # what a script writes into it stays
    stream = MersenneTwister(1)
    for tops in (first, second):
        np.testing.assert_array_equal(tops[1].flatten(), stream.uniform(6, 0, 1))
        np.testing.assert_array_equal(tops[2].flatten(), stream.gaussian(6, 0, 1))


def test_dummy_data_of_older_files():
    text = 'top: "a" top: "b" dummy_data_param { num: 2 num: 5 channels: 3 height: 4 width: 1 }'
    layer, shapes = made(DummyData, text)
    assert shapes == [(2, 3, 4, 1), (5, 3, 4, 1)]
    assert [not top.any() and top.shape == shape for top, shape in zip(run(layer), shapes)] == [True, True]
    assert context.random.state() == MersenneTwister(1).state()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["shape"]),
        ("shape { dim: 2 } shape { dim: 2 }", ["shape", "3 tops"]),
        ("shape { dim: 2 } num: 1", ["both"]),
        ("num: 1 channels: 1 height: 1", ["width"]),
        ("shape { dim: 2 } data_filler { } data_filler { }", ["data_filler", "3 tops"]),
        ('shape { dim: 2 } data_filler { type: "odd" }', ["odd", "gaussian"]),
        ("shape { dim: 0 } data_filler { value: 1 }", ["0"]),
        ("shape { dim: 3000000000 }", ["3000000000"]),
    ],
)
def test_dummy_data_refuses(text, words):
    refused(DummyData, f'top: "a" top: "b" top: "c" dummy_data_param {{ {text} }}', *words)


def test_batches_run_across_files_and_back_to_the_first():
    for name, numbers in (("a.h5", range(3)), ("b.h5", range(3, 5)), ("c.h5", range(5, 6))):
        write(name, numbers)
    layer, shapes = hdf5(["a.h5", "b.h5", "c.h5"], 4)
    assert shapes == [(4, 1, 2, 2), (4,)]
    assert rows(layer, 4) == [[0, 1, 2, 3], [4, 5, 0, 1], [2, 3, 4, 5], [0, 1, 2, 3]]
    many, _ = hdf5(["c.h5"], 3)
    assert rows(many, 2) == [[5, 5, 5], [5, 5, 5]]
    assert run(many)[1].tolist() == [1, 1, 1]


def test_shuffled_rows_come_as_real_caffe_gave_them():
    for name, numbers in (("a.h5", range(5)), ("b.h5", range(5, 13)), ("c.h5", range(13, 16))):
        write(name, numbers)
    layer, _ = hdf5(["a.h5", "b.h5", "c.h5"], 16, "shuffle: true")
    assert rows(layer, 2) == [
        [4, 3, 1, 2, 0, 15, 14, 13, 5, 12, 10, 7, 8, 9, 11, 6],
        [14, 13, 15, 3, 0, 2, 1, 4, 9, 8, 6, 5, 10, 7, 11, 12],
    ]


def test_a_batch_is_a_copy():
    write("a.h5", range(4))
    layer, _ = hdf5(["a.h5"], 4)
    run(layer)[0].fill_(9)
    assert rows(layer, 1) == [[0, 1, 2, 3]]


def test_all_kinds_of_numbers_are_read():
    for kind in ("f2", "f4", ">f8", "u1", ">i2", "i8"):
        write("a.h5", range(4), label=np.arange(4, dtype=kind))
        labels = run(hdf5(["a.h5"], 4)[0])[1]
        assert labels.dtype == torch.float32 and labels.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("more", ["", "shuffle: true"])
@pytest.mark.parametrize("sizes", [[7], [4, 3, 5]])
def test_a_state_goes_on_where_it_was_taken(sizes, more):
    names, number = [], 0
    for size in sizes:
        names.append(f"{size}.h5")
        write(names[-1], range(number, number + size))
        number += size
    layer, _ = hdf5(names, 5, more)
    for done in range(8):
        state, rand = json.loads(json.dumps(layer.state())), context.rand.state()
        expected = rows(layer, 6)
        after = context.rand.state()
        other, _ = hdf5(names, 5, more)
        rows(other, done % 3)
        other.set_state(state)
        context.rand.set_state(rand)
        assert rows(other, 6) == expected and context.rand.state() == after
        context.rand.set_state(rand)
        layer.set_state(state)
        rows(layer, 1)


def test_a_state_of_other_data_is_refused():
    write("a.h5", range(4))
    write("b.h5", range(5))
    state = hdf5(["a.h5", "b.h5"], 2, "shuffle: true")[0].state()
    alone, plain = hdf5(["a.h5"], 2, "shuffle: true")[0], hdf5(["a.h5", "b.h5"], 2)[0]
    whole = hdf5(["a.h5", "b.h5"], 2, "shuffle: true")[0]
    for layer, wrong, word in (
        (alone, state, "other files"),
        (plain, state, "shuffled"),
        (whole, {}, "names"),
        (whole, {**state, "row": 9}, "fit together"),
        (whole, {**state, "files": [0, 0]}, "fit together"),
        (whole, {**state, "order": "!"}, "state"),
        (whole, {**state, "order": 3}, "state"),
    ):
        with pytest.raises(CellsegError) as error:
            layer.set_state(wrong)
        assert_one_line(error.value, "list.txt", word)
    write("a.h5", range(3))
    write("b.h5", range(3))
    with pytest.raises(CellsegError) as error:
        hdf5(["a.h5", "b.h5"], 2, "shuffle: true")[0].set_state(state)
    assert_one_line(error.value, "rows")


@pytest.mark.parametrize("more", ["", "shuffle: true"])
def test_several_processes_share_the_rows_out(monkeypatch, more):
    for name, numbers in (("a.h5", range(5)), ("b.h5", range(5, 8))):
        write(name, numbers)
    alone = rows(hdf5(["a.h5", "b.h5"], 12, more)[0], 4)
    shares = []
    for rank in range(3):
        monkeypatch.setattr(context, "rand", CRand())
        monkeypatch.setattr(context, "rank", rank)
        monkeypatch.setattr(context, "world_size", 3)
        shares.append(rows(hdf5(["a.h5", "b.h5"], 4, more)[0], 4))
        monkeypatch.setattr(context, "rand", CRand())
        assert rows(hdf5(["a.h5", "b.h5"], 12, more, phase=TEST)[0], 4) == alone
    together = np.array(shares).reshape(3, -1).T.ravel()
    np.testing.assert_array_equal(together, np.ravel(alone))


@pytest.mark.parametrize(
    ("datasets", "words"),
    [
        ({"label": None}, ["'label'", "data"]),
        ({"label": np.zeros(3)}, ["'label'", "3", "4"]),
        ({"label": np.array([0, 1, np.nan, 0])}, ["'label'", "NaN"]),
        ({"label": np.array([0, 1, np.inf, 0])}, ["'label'", "NaN or infinite"]),
        ({"label": np.array([0, 1, -np.inf, 0])}, ["'label'", "NaN or infinite"]),
        ({"label": np.array([0, 1, 1e39, 0])}, ["'label'", "NaN or infinite"]),
        ({"label": np.array([b"a"] * 4)}, ["'label'", "numbers"]),
        ({"label": np.zeros(4, dtype=bool)}, ["'label'", "bool"]),
        ({"label": np.zeros(4, dtype=complex)}, ["'label'", "complex"]),
        ({"label": np.zeros(4, dtype=[("a", "f4")])}, ["'label'", "numbers"]),
        ({"label": 3}, ["'label'", "scalar"]),
        ({"label": h5py.Empty("f4")}, ["'label'", "scalar"]),
        ({"label": np.zeros((4, 0))}, ["'label'", "4x0"]),
        ({"data": np.zeros((0, 1)), "label": np.zeros(0)}, ["'data'", "0x1"]),
    ],
)
def test_unsuitable_datasets_are_refused(datasets, words):
    write("odd.h5", range(4), **datasets)
    refused_list(["odd.h5"], "odd.h5", *words)


def refused_list(names, *words, **options):
    with pytest.raises(CellsegError) as error:
        hdf5(names, 2, **options)
    assert_one_line(error.value, "it", *words)


def test_a_group_is_no_dataset():
    with h5py.File("odd.h5", "w") as file:
        file.create_group("data")
    refused_list(["odd.h5"], "odd.h5", "no dataset 'data'")


def test_files_of_other_shapes_are_refused_before_training():
    write("a.h5", range(4))
    write("b.h5", range(4), data=np.zeros((4, 1, 2, 3)))
    refused_list(["a.h5", "b.h5"], "b.h5", "'data'", "1x2x3", "1x2x2")


def test_missing_and_damaged_files_are_refused_before_training():
    write("a.h5", range(4))
    content = Path("a.h5").read_bytes()
    Path("short.h5").write_bytes(content[: len(content) // 2])
    Path("text.h5").write_text("no HDF5")
    refused_list(["a.h5", "none.h5"], "list.txt", "none.h5")
    refused_list(["a.h5", "."], "list.txt", ".")
    refused_list(["a.h5", "short.h5"], "short.h5", "damaged")
    refused_list(["a.h5", "text.h5"], "text.h5", "not an HDF5 file")
    refused_list(["a.h5", "no\x00thing\u2028.h5"], "list.txt")
    refused_list([], "list.txt", "no HDF5 file")


def test_too_many_numbers_are_refused_without_reading_them():
    with h5py.File("huge.h5", "w") as file:
        file.create_dataset("data", (65536, 65536), dtype="f4", chunks=(1, 1024))
        file.create_dataset("much", (65536, 16384), dtype="f4", chunks=(1, 1024))
    refused_list(["huge.h5"], "huge.h5", "65536x65536", "several files", tops=["data"])
    refused_list(["huge.h5"], "huge.h5", "65536x16384", "too small", tops=["much"])
    with h5py.File("rows.h5", "w") as file:
        file["data"] = np.zeros((1, 65536), dtype="f4")
    with pytest.raises(CellsegError) as error:
        hdf5(["rows.h5"], 65536, tops=["data"])
    assert_one_line(error.value, "it", "65536")


def test_bad_fields_are_refused():
    write("a.h5", range(4))
    Path("list.txt").write_text("a.h5")
    for text, words in (
        ("hdf5_data_param { batch_size: 2 }", ["source"]),
        ('hdf5_data_param { source: "none.txt" batch_size: 2 }', ["none.txt"]),
        ('hdf5_data_param { source: "." batch_size: 2 }', ["."]),
        ('hdf5_data_param { source: "a.h5" batch_size: 2 }', ["a.h5", "lists"]),
        ('hdf5_data_param { source: "list.txt" }', ["batch_size", "0"]),
        ('hdf5_data_param { source: "list.txt" batch_size: 4294967295 }', ["4294967295"]),
        ('hdf5_data_param { source: "list.txt" batch_size: 2 } transform_param { scale: 1 }', ["transform_param"]),
    ):
        refused(HDF5Data, f'top: "data" {text}', *words)


def test_labels_must_be_among_the_classes():
    write("a.h5", range(4), label=np.array([0, 1.9, -0.5, 255]))
    write("b.h5", range(4), label=np.array([0, 1, 2, 255]))
    layer, _ = hdf5(["a.h5", "b.h5"], 4)
    with pytest.raises(CellsegError) as error:
        layer.require_classes("label", 2)
    assert_one_line(error.value, "it", "a.h5", "'label'", "255", "0 to 1")
    layer, _ = hdf5(["a.h5", "b.h5"], 4)
    layer.require_classes("label", 2, ignore=255)
    for _ in range(2):  # the second file is refused whenever it is to be loaded
        with pytest.raises(CellsegError) as error:
            run(layer)
        assert_one_line(error.value, "it", "b.h5", "'label'", "label 2", "0 to 1", "255 to ignore")


def test_a_file_that_changes_meanwhile_is_refused():
    write("a.h5", range(4))
    write("b.h5", range(4))
    layer, _ = hdf5(["a.h5", "b.h5"], 3)
    write("b.h5", range(4), data=np.zeros((4, 3)))
    assert rows(layer, 1) == [[0, 1, 2]]
    with pytest.raises(CellsegError) as error:
        run(layer)
    assert_one_line(error.value, "it", "b.h5", "'data'")


def test_the_list_is_split_at_white_space():
    for name in ("a.h5", "b.h5"):
        write(name, range(2))
    layer, _ = hdf5(["\n\t a.h5 b.h5\x0b\r\na.h5 "], 6)
    assert rows(layer, 1) == [[0, 1, 0, 1, 0, 1]]
