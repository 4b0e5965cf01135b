"""What files of Caffe's hold: facts that follow from their text, and everything that the engine refuses in one list."""

import json

import numpy as np
import pytest
from fork_nets import NETS
from support import ROOT

from cellseg import commands
from cellseg.engine.blob_file import write_blob
from cellseg.engine.elsewhere import _FIELDS, _TYPES, STOCK
from cellseg.engine.fork_schema import messages
from cellseg.engine.hdf5 import writing
from cellseg.engine.layers import TYPES
from cellseg.engine.layers.forks import FORKS
from cellseg.errors import CellsegError
from cellseg.inspection.inspect import add_fits, inspect
from cellseg.inspection.text import lines

INPUT = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [2, 3, 20, 24] } } }\n'
NET = (
    INPUT
    + """
layer { name: "c" type: "Convolution" bottom: "data" top: "c" param { } param { lr_mult: 0 }
  convolution_param { num_output: 4 kernel_size: 5 stride: 2 } }
layer { name: "r" type: "ReLU" bottom: "c" top: "c" }
layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { kernel_size: 3 stride: 2 } }
layer { name: "d" type: "Deconvolution" bottom: "p" top: "d"
  convolution_param { num_output: 4 group: 4 kernel_size: 4 stride: 2 bias_term: false } }
layer { name: "f" type: "InnerProduct" bottom: "p" top: "f" inner_product_param { num_output: 7 } }
"""
)
#: Each line holds one thing that the engine lacks.
LACKING = """name: "old"
input: "data" input_dim: 1 input_dim: 3 input_dim: 33 input_dim: 33
layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { hole: 2 num_output: 3 kernel_size: 3 }
  my_param { text: "}" 'x' more: -3 list: [1, 2] } }
layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { pool: L2 kernel_size: 2 } }
layer { name: "m" type: "MultiBoxLoss" bottom: "c" top: "m" multibox_loss_param { x: 1 } include { phase: TRAIN } }
layer { name: "z" type: "Zorro" bottom: "p" top: "z" }
layer { name: "s" type: "Scale" bottom: "p" top: "s" scale_param { axis: 9 } }
layer { name: "t" type: "ReLU" bottom: "nothing" top: "t" }
layer { name: "b" type: "BN" bottom: "p" top: "b" }
layer { name: "l" type: "LSTM" bottom: "p" bottom: "z" top: "l" }
layer { name: "q" type: "ReLU" bottom: "s" top: "s" }
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_net(folder):
    (folder / "net.prototxt").write_text(NET)
    found = inspect("net.prototxt")
    assert (found["kind"], found["phase"], found["inputs"]) == ("net", "TEST", {"data": [2, 3, 20, 24]})
    assert [row["shapes"] for row in found["layers"]] == [
        [[2, 3, 20, 24]], [[2, 4, 8, 10]], [[2, 4, 8, 10]], [[2, 4, 4, 5]], [[2, 4, 10, 12]], [[2, 7]],
    ]  # fmt: skip
    conv, up, inner = 4 * 3 * 5 * 5, 4 * 4 * 4, 7 * 4 * 4 * 5
    assert found["parameters"] == conv + 4 + up + inner + 7 and found["trainable"] == found["parameters"] - 4
    products = 2 * 8 * 10 * conv + 2 * 4 * 5 * up + 2 * inner
    assert found["multiply_adds"] == products
    values = 2 * (3 * 20 * 24 + 4 * 8 * 10 + 4 * 4 * 5 + 4 * 10 * 12 + 7)
    assert found["bytes_of_a_forward_pass"] == 4 * (values + found["parameters"])
    assert found["bytes_of_a_training_pass"] == 2 * found["bytes_of_a_forward_pass"]
    assert found["outputs"]["d"] == {"shape": [2, 4, 10, 12], "stride": [2, 2], "sees": 13}
    assert found["outputs"]["f"]["shape"] == [2, 7] and "sees" not in found["outputs"]["f"]
    assert found["unsupported"] == [] and found["all_shapes_known"]
    assert inspect("net.prototxt", shape=(1, 3, 40, 40))["layers"][3]["shapes"] == [[1, 4, 9, 9]]
    assert any("13x13 pixels" in line for line in lines(found))


def test_all_that_the_engine_lacks_is_in_one_list(folder):
    (folder / "old.prototxt").write_text(LACKING)
    found = inspect("old.prototxt")
    expected = [
        ("line 3, column 83: ConvolutionParameter has no field 'hole'", "DeepLab's fork"),
        ("line 4, column 3: LayerParameter has no field 'my_param'", ""),
        ("line 5, column 78: L2 is none of MAX", ""),
        ("line 6, column 61: LayerParameter has no field 'multibox_loss_param'", "SSD's fork"),
        ("layer 'b' (BN): the forks pspnet and segnet have such a layer", ""),
        ("layer 'm': the type 'MultiBoxLoss'", "SSD's fork"),
        ("layer 'z': the type 'Zorro'", ""),
        ("layer 'l': the type 'LSTM'", "stock Caffe"),
        ("layer 's' (Scale): axis 9 is not an axis", ""),
        ("layer 't' (ReLU): its bottom 'nothing' is no top", ""),
    ]
    for one, (words, origin) in zip(found["unsupported"], expected, strict=True):
        assert one["what"].startswith(words) and one["origin"] == origin
    rows = {row["name"]: row for row in found["layers"]}
    assert rows["c"]["shapes"] == [[1, 3, 31, 31]] and rows["z"]["shapes"] is rows["q"]["shapes"] is None
    assert not found["all_shapes_known"] and any("other shapes may follow" in note for note in found["notes"])
    assert sum("it is of" in line for line in lines(found)) == 2


def test_layers_that_are_code_are_no_fault_and_do_not_run(folder):
    text = 'layer { name: "y" type: "Python" %s top: "y" python_param { module: "gone" layer: "Y" } }\n'
    (folder / "net.prototxt").write_text(INPUT + text % 'bottom: "data"' + text.replace('"y"', '"z"') % "")
    found = inspect("net.prototxt")
    assert found["unsupported"] == [] and not found["all_shapes_known"]
    assert any("layer 'y' is code" in note for note in found["notes"])


def test_an_old_layer_of_unknown_type(folder):
    text = 'layers { name: "u" type: UNPOOLING top: "u" concat_param { zz: 1 } }'
    (folder / "v1.prototxt").write_text(text)
    found = inspect("v1.prototxt")
    assert [one["origin"] for one in found["unsupported"]] == ["DeconvNet's fork", "", ""]
    assert "cannot be followed" in "\n".join(lines(found))


@pytest.mark.parametrize("name", ["segnet", "ssd"])
def test_shapes_and_parameters_are_the_engines(name, folder):
    pytest.importorskip("torch")
    from cellseg.engine.torch import Net

    (folder / "net.prototxt").write_text(NETS[name][0])
    found, net = inspect("net.prototxt"), Net("net.prototxt", 1)
    for row in found["layers"]:
        for top, shape in zip(row["tops"], row["shapes"]):
            assert tuple(shape) == net.blobs[top].shape
    assert found["parameters"] == sum(blob.data.size for blobs in net.params.values() for blob in blobs)
    assert list(found["forks"]) == list(NETS[name][2])


def test_weights_beside_a_net(folder):
    deploy = (ROOT / "cellseg/models/nuclei/deploy.prototxt").read_text()
    (folder / "deploy.prototxt").write_text(deploy.replace('name: "score"', 'name: "other"'))
    found = [inspect("deploy.prototxt"), inspect(ROOT / "cellseg/models/nuclei/model.caffemodel")]
    add_fits(found)
    weights = found[1]
    assert weights["layers"]["conv1_1"] == [[16, 1, 3, 3]]
    assert weights["parameters"] == sum(np.prod(shape) for shapes in weights["layers"].values() for shape in shapes)
    fit = weights["fit"]
    assert fit["only_in_the_weights"] == ["score"] and fit["only_in_the_net"] == ["other"] and not fit["differ"]
    assert len(fit["copied"]) == 46 and "not in the net: score" in "\n".join(lines(weights))
    add_fits([inspect("deploy.prototxt", shape=(1, 2, 128, 128)), weights])
    assert list(weights["fit"]["differ"]) == ["conv1_1"] and "refused" in "\n".join(lines(weights))


def test_a_solver_and_its_nets(folder):
    (folder / "old.prototxt").write_text(LACKING)
    (folder / "solver.prototxt").write_text(
        'net: "old.prototxt" test_net: "missing.prototxt" base_lr: 0.1 lr_policy: "plateau" type: "Lion" test_iter: 0\n'
        'plateau_winsize: 3 regularization_type: "L3" momentum: 0.9'
    )
    found = inspect("solver.prototxt")
    whats = [one["what"] for one in found["unsupported"]]
    for words in (
        "line 2, column 1: SolverParameter has no field 'plateau_winsize', which is of SSD's fork",
        "lr_policy 'plateau' is not supported",
        "solver type 'Lion'",
        "test_iter is 0",
        "regularization_type 'L3'",
        "test nets, but no test_interval",
        "old.prototxt: layer 'z': the type 'Zorro'",
    ):
        assert any(words in what for what in whats), words
    assert found["nets"] == [{"file": "old.prototxt", "there": True}, {"file": "missing.prototxt", "there": False}]
    assert found["fields"]["momentum"] == 0.9 and len(whats) == len(set(whats))


def test_arrays(folder):
    write_blob("mean.binaryproto", np.arange(24, dtype="f4").reshape(1, 3, 2, 4))
    labels = np.array([[0], [2], [2]])
    for name, rows in (("a.h5", 3), ("b.h5", 2)):
        with writing(name) as file:
            file["data"], file["label"] = np.linspace(0, 1, rows * 4).reshape(rows, 4), labels[:rows]
    (folder / "list.txt").write_text("a.h5\nb.h5\n")
    assert inspect("mean.binaryproto") == {
        "file": "mean.binaryproto", "kind": "binaryproto", "shape": [1, 3, 2, 4], "least": 0, "most": 23,
        "channel_means": [3.5, 11.5, 19.5],
    }  # fmt: skip
    found = inspect("list.txt")
    assert found["kind"] == "HDF5 list" and found["rows"] == {"data": 5, "label": 5} and found["alike"]
    data, label = inspect("a.h5")["datasets"]
    assert (data["shape"], data["least"], data["most"]) == ([3, 4], 0, 1) and label["values"] == [0, 2]


def test_the_command_shows_what_it_can(folder, capsys):
    log = "".join(f"I0101 00:00:00.0 1 s.cpp:1] Iteration {n}, loss = {loss}\n" for n, loss in ((0, 2), (10, "-nan")))
    files = {"net.prototxt": NET, "train.log": log, "notes.txt": "notes", "empty": "", "broken": NET[:-4]}
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "damaged.caffemodel").write_bytes(b"\xa2\x06\x7f\0")
    bad = ["notes.txt", "empty", "broken", "damaged.caffemodel", "missing", "."]
    assert commands.main(["inspect", "net.prototxt", *bad, "train.log"]) == 2
    shown, errors = capsys.readouterr()
    assert "net.prototxt: net" in shown and "loss: 2 times, 2 at first, nan at last" in shown
    assert len(errors.splitlines()) == len(bad) and all(line.startswith("error: ") for line in errors.splitlines())
    assert commands.main(["inspect", "--json", "net.prototxt", "train.log"]) == 0
    net, log = json.loads(capsys.readouterr().out)
    assert (net["kind"], log["kind"], log["losses"]["last"]) == ("net", "log", None)
    with pytest.raises(CellsegError, match="--shape"):
        commands.main(["inspect", "net.prototxt", "--shape", "1x0"])


def test_the_engine_lacks_what_is_said_to_be_elsewhere():
    known = {*TYPES, *(name for fork in FORKS.values() for name in fork.types)}
    assert set(TYPES) <= set(STOCK.split())
    assert not known & {name for names in _TYPES.values() for name in names.split()}
    for fields in _FIELDS.values():
        for message, names in fields.items():
            assert not set(names.split()) & set(messages()[message].DESCRIPTOR.fields_by_name)
