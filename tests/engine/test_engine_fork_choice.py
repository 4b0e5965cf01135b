"""Which fork a layer is of: by its type and fields, by the other layers, by the user; else the file is refused."""

import pytest

from cellseg.engine.caffe_schema import NetParameter
from cellseg.engine.fork_schema import FIRST, FORKS, messages
from cellseg.engine.forks import in_words
from cellseg.engine.geometry import read_steps
from cellseg.engine.prototxt import parse, read_net, read_solver, to_text
from cellseg.errors import CellsegError

INPUT = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1, 2, 8, 8] } } }\n'
POOL = """layer { name: "p" type: "Pooling" bottom: "data" top: "p" top: "mask"
  pooling_param { kernel_size: 2 stride: 2 } }\n"""
UPSAMPLE = 'layer { name: "up" type: "Upsample" bottom: "b" bottom: "mask" top: "up" }\n'
INTERP = 'layer { name: "i" type: "Interp" bottom: "b" top: "i" interp_param { zoom_factor: 2 } }\n'


def bn(fields=""):
    return f'layer {{ name: "b" type: "BN" bottom: "p" top: "b" {fields} }}\n'


@pytest.fixture
def net_of(tmp_path):
    def read(text):
        (tmp_path / "net.prototxt").write_text(text)
        return read_net(tmp_path / "net.prototxt")

    return read


@pytest.mark.parametrize(
    ("text", "fork"),
    [
        (bn("bn_param { scale_filler { value: 1 } }"), "segnet"),
        (bn("bn_param { bn_mode: INFERENCE }"), "segnet"),
        (bn("bn_param { frozen: true }"), "pspnet"),
        (bn() + UPSAMPLE, "segnet"),
        (bn() + INTERP, "pspnet"),
        (bn('fork: "segnet"') + INTERP, "segnet"),
        (bn().replace('"BN"', '"BatchNorm"') + INTERP, ""),
        (bn("batch_norm_param { scale_filler { value: 2 } }").replace('"BN"', '"BatchNorm"'), "nvidia"),
        (bn("pooling_param { kernel_size: 2 ceil_mode: false }").replace('"BN"', '"Pooling"'), "mobilenet"),
    ],
)
def test_the_fields_and_the_other_layers_decide(net_of, text, fork):
    net = net_of(INPUT + POOL + text)
    assert {layer.name: layer.fork for layer in net.layer}["b"] == fork
    assert [layer.fork for layer in net.layer[:2]] == ["", ""]
    said = " ".join(in_words(net))
    assert not fork or (f"'{fork}'" in said and FORKS[fork].about in said)


def test_the_user_decides(net_of, monkeypatch):
    text = INPUT + POOL + bn()
    with pytest.raises(CellsegError, match="layer 'b' .BN.: the forks pspnet and segnet .*--fork NAME"):
        net_of(text)
    for fork in ("segnet", "pspnet"):
        monkeypatch.setenv("CELLSEG_FORK", fork)
        assert net_of(text).layer[2].fork == fork
    monkeypatch.setenv("CELLSEG_FORK", "nvidia")
    assert [layer.fork for layer in net_of(INPUT + POOL + bn().replace("BN", "BatchNorm")).layer] == ["", "", "nvidia"]
    monkeypatch.setenv("CELLSEG_FORK", "segnett")
    with pytest.raises(CellsegError, match="no fork is called 'segnett'; there are: .*pspnet"):
        net_of(text)


def test_a_net_of_stock_caffe_stays_one(net_of):
    net = net_of(INPUT + POOL)
    assert type(net) is NetParameter and in_words(net) == []
    with pytest.raises(CellsegError, match="1:.*PoolingParameter has no field 'kernelsize'; is it 'kernel_size'"):
        net_of("layer { pooling_param { kernelsize: 2 } }")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("layer { permute_param { ordr: 1 } }", "PermuteParameter has no field 'ordr'; is it 'order'"),
        ("layer { permute_param { order: 1 } convolution_param { hole: 2 } }", "has no field 'hole'"),
        (
            bn("bn_param { frozen: true scale_filler { } }"),
            r"no fork has .* frozen \(of pspnet\), scale_filler \(of segnet\)",
        ),
        (bn("permute_param { order: 1 }").replace('"BN"', '"ReLU"'), "permute_param .of ssd"),
        (bn('fork: "ssd"'), "no layer of the fork 'ssd'"),
    ],
)
def test_what_no_fork_has_is_refused(net_of, text, words):
    with pytest.raises(CellsegError, match=words):
        net_of(text)


def test_shapes_follow_without_an_engine(net_of, tmp_path):
    net_of(INPUT + POOL + bn() + UPSAMPLE)
    steps = read_steps(tmp_path / "net.prototxt")
    assert steps[-1].top_shapes == ((1, 2, 8, 8),) and steps[-1].strides == (1, 1)
    assert [step.shapes for step in steps] == [(), ((1, 2, 1, 1),) * 2, ()]


def test_layers_of_the_form_v1(net_of):
    """As DeconvNet and Fast R-CNN of 2015 write them."""
    old = "".join(
        f"layers {{ name: '{name}' type: {kind} bottom: '{bottom}' top: '{name}' {fields} }}\n"
        for name, kind, bottom, fields in (
            ("b", "BN", "data", "bn_param { scale_filler { value: 2 } bn_mode: INFERENCE } blobs_lr: 3"),
            ("i", "INTERP", "b", "interp_param { zoom_factor: 2 }"),
            ("r", "ROI_POOLING", "i", "roi_pooling_param { pooled_h: 2 }"),
            ("c", "CONVOLUTION", "b", "convolution_param { num_output: 2 }"),
        )
    )
    start = "input: 'data' input_dim: 1 input_dim: 2 input_dim: 8 input_dim: 8\n"
    layers = net_of(start + old).layer
    assert [(one.type, one.fork) for one in layers[1:]] == [
        ("BN", "segnet"), ("Interp", "pspnet"), ("ROIPooling", "rcnn"), ("Convolution", ""),
    ]  # fmt: skip
    assert layers[1].bn_param.scale_filler.value == 2 and layers[1].param[0].lr_mult == 3
    with pytest.raises(CellsegError, match="UNPOOLING, a type of DeconvNet's fork, is none of NONE, ACCURACY"):
        net_of(start + old.replace("INTERP", "UNPOOLING"))
    assert type(net_of(start + old.splitlines()[-1].replace("'b'", "'data'"))) is NetParameter


def test_a_net_inside_a_solver(tmp_path):
    (tmp_path / "solver.prototxt").write_text(f"net_param {{ {INPUT + POOL + bn() + UPSAMPLE} }}")
    assert [layer.fork for layer in read_solver(tmp_path / "solver.prototxt").net_param.layer][2:] == ["segnet"] * 2


def test_every_fork_has_fields_that_are_read_and_printed():
    """Two forks may have one field, of one kind; the rest of the schema is Caffe's."""
    wide = messages()
    for name, fork in FORKS.items():
        assert fork.about and fork.types, name
        for message, field in fork.names:
            assert wide[message].DESCRIPTOR.fields_by_name[field].number >= FIRST
    for name, stock in NetParameter.DESCRIPTOR.file.message_types_by_name.items():
        for field in stock.fields:
            other = wide[name].DESCRIPTOR.fields_by_name[field.name]
            assert (other.number, other.type) == (field.number, field.type)
    text = 'layer {\n  permute_param {\n    order: 1\n  }\n  fork: "ssd"\n}\n'
    assert sorted(to_text(parse(text, wide["NetParameter"], "x")).split()) == sorted(text.split())
