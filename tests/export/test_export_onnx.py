"""The ONNX graph of a net beside the engine: the project's networks, every kind of layer, and what is refused."""

import numpy as np
import pytest
from rounding import rounding_of_probabilities
from support import assert_refused, run_verb

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("torch")

from random_models import make

from cellseg.errors import CellsegError
from cellseg.export import onnx_check
from cellseg.export.export import export
from cellseg.export.onnx_graph import onnx_graph
from cellseg.network import Fcn, UNet, deploy_net

NETS = {
    "fcrn_a": Fcn(features=4),
    "wide": Fcn(poolings=2, kernel=5, features=4, score_kernel=3),
    "unet": UNet(features=4),
    "shallow_unet": UNet(poolings=1, features=4),
}
# What the project's own nets do not have; two layers in a row are in place.
OTHERS = """
name: "others"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 16 dim: 16 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 weight_filler { type: "xavier" }
    bias_filler { value: 0.1 } } }
layer { name: "prelu" type: "PReLU" bottom: "conv" top: "conv" prelu_param { filler { type: "uniform" } } }
layer { name: "drop" type: "Dropout" bottom: "conv" top: "conv" }
layer { name: "big" type: "Deconvolution" bottom: "conv" top: "big" convolution_param { num_output: 4 kernel_size: 5
  bias_term: false weight_filler { type: "xavier" } } }
layer { name: "cut" type: "Crop" bottom: "big" bottom: "conv" top: "cut" crop_param { axis: 2 offset: 1 offset: 3 } }
layer { name: "elu" type: "ELU" bottom: "cut" top: "elu" elu_param { alpha: 0.5 } }
layer { name: "tanh" type: "TanH" bottom: "cut" top: "tanh" }
layer { name: "sum" type: "Eltwise" bottom: "elu" bottom: "tanh" bottom: "conv" top: "sum"
  eltwise_param { operation: SUM coeff: 0.5 coeff: -2 coeff: 1 } }
layer { name: "product" type: "Eltwise" bottom: "sum" bottom: "elu" bottom: "conv" top: "product"
  eltwise_param { operation: PROD } }
layer { name: "most" type: "Eltwise" bottom: "sum" bottom: "product" top: "most" eltwise_param { operation: MAX } }
layer { name: "bn" type: "BatchNorm" bottom: "most" top: "bn" batch_norm_param { eps: 0.01 } }
layer { name: "scale" type: "Scale" bottom: "bn" top: "scale" scale_param { filler { type: "uniform" } } }
layer { name: "bias" type: "Bias" bottom: "scale" top: "scale" bias_param { filler { type: "uniform" } } }
layer { name: "joined" type: "Concat" bottom: "scale" bottom: "tanh" top: "joined" }
layer { name: "soft" type: "Sigmoid" bottom: "joined" top: "joined" }
"""


def outputs(deploy, model, batch):
    """What the engine and ONNX Runtime make of a batch, output by output."""
    (theirs,), _ = onnx_check.run_net("torch", deploy, model, [{"data": batch}])
    ours = onnx_check.run(onnx_graph(deploy, model), {"data": batch})
    assert set(ours) == set(theirs)
    return [(ours[name], theirs[name]) for name in ours]


@pytest.mark.parametrize("name", NETS)
def test_a_network_gives_what_the_engine_gives_at_every_size(name, tmp_path):
    deploy, model = make(tmp_path, deploy_net(NETS[name], name, 32, 32))
    rng = np.random.RandomState(0)
    for size in ((1, 1, 32, 32), (3, 1, 40, 64), (2, 1, 8, 16)):
        ((ours, theirs),) = outputs(deploy, model, rng.uniform(size=size).astype(np.float32))
        assert ours.shape == (size[0], 2, *size[2:]) and np.ptp(ours) > 0.001
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=rounding_of_probabilities(model, theirs))
    difference, described = onnx_check.largest_difference(onnx_graph(deploy, model), "torch", deploy, model)
    assert 0 < difference <= onnx_check.TOLERANCE and described["name"] == "torch"


@pytest.mark.parametrize("factor", [7.5, 1.0, 0.0])
def test_every_other_layer_gives_what_the_engine_gives(factor, tmp_path):
    deploy, model = make(tmp_path, OTHERS, factor)
    batch = np.random.RandomState(1).normal(size=(2, 2, 16, 24)).astype(np.float32)
    ((ours, theirs),) = outputs(deploy, model, batch)
    assert ours.shape == (2, 8, 16, 24) and np.ptp(theirs) > 0.3
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_the_sums_of_a_batch_normalisation_are_divided(tmp_path):
    found = []
    for factor in (1.0, 100.0):
        deploy, model = make(tmp_path, deploy_net(NETS["unet"], "net", 32, 32), factor)
        image = np.random.RandomState(0).uniform(size=(1, 1, 32, 32)).astype(np.float32)
        found.append(onnx_check.run(onnx_graph(deploy, model), {"data": image})["prob"])
    assert np.ptp(found[0]) > 0.01
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=rounding_of_probabilities(model, found[0]))


def test_a_difference_is_refused(tmp_path):
    deploy, model = make(tmp_path, deploy_net(NETS["fcrn_a"], "net", 32, 32))
    graph = onnx_graph(deploy, model)
    for tensor in graph.graph.initializer:
        if tensor.name == "conv2.weight":
            tensor.raw_data = (np.frombuffer(tensor.raw_data, np.float32) * 1.01).astype(np.float32).tobytes()
    with pytest.raises(CellsegError, match="differs from the engine by .*more than 0.0001"):
        onnx_check.largest_difference(graph, "torch", deploy, model)
    with pytest.raises(CellsegError, match="differs"):
        onnx_check.refuse_above_tolerance(float("nan"), deploy)


def test_a_batch_normalisation_by_the_batch_is_refused(tmp_path):
    deploy, model = make(tmp_path, OTHERS)
    deploy.write_text(OTHERS.replace("eps: 0.01", "use_global_stats: false"))
    with pytest.raises(CellsegError, match="layer 'bn': takes mean and variance of each batch"):
        onnx_graph(deploy, model)


def test_the_tool_writes_the_graph_alone_without_an_author(tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    _, model = make(tmp_path, deploy_net(NETS["unet"], "net", 32, 32))
    done = run_verb("export", model, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".cellseg.json", "model.onnx"]
    assert "largest difference from the engine" in done.stdout and "give --author" in done.stdout
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.parametrize(
    "before, after, words",
    [
        ('"conv2"', '"other"', "layer 'other': the weights do not hold it"),
        ('type: "Softmax"', 'type: "HeatMap"', "layer 'prob': the type 'HeatMap' is not supported"),
        (
            "num_output: 2",
            "num_output: 3",
            "layer 'score': has the weight 2x4x1x1 in the weights; the net needs 3x4x1x1",
        ),
        (
            'bottom: "pool1"',
            'bottom: "nothing"',
            "deploy.prototxt: layer 'conv2': nothing before it gives its bottom 'nothing'",
        ),
    ],
)
def test_what_cannot_be_converted_leaves_nothing(before, after, words, tmp_path):
    deploy, model = make(tmp_path, deploy_net(NETS["fcrn_a"], "net", 32, 32))
    deploy.write_text(deploy.read_text().replace(before, after))
    files = sorted(tmp_path.rglob("*"))
    with pytest.raises(CellsegError, match=words):
        export(model, deploy, tmp_path / "out", engine_name="torch")
    assert sorted(tmp_path.rglob("*")) == files


def test_a_folder_that_holds_something_else_is_refused_in_one_line(tmp_path):
    _, model = make(tmp_path, deploy_net(NETS["fcrn_a"], "net", 32, 32))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    done = run_verb("export", model, "--out", "full", cwd=tmp_path)
    assert_refused(done, "full: holds 'notes.txt'", "move it away")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["notes.txt"]


def test_an_earlier_export_stays_when_the_next_one_fails(tmp_path):
    deploy, model = make(tmp_path, deploy_net(NETS["fcrn_a"], "net", 32, 32))
    export(model, deploy, tmp_path / "out", engine_name="torch")
    written = (tmp_path / "out" / "model.onnx").read_bytes()
    export(model, deploy, tmp_path / "out", engine_name="torch")
    assert (tmp_path / "out" / "model.onnx").read_bytes() == written
    deploy.write_text(deploy.read_text().replace('"conv2"', '"other"'))
    with pytest.raises(CellsegError):
        export(model, deploy, tmp_path / "out", engine_name="torch")
    assert (tmp_path / "out" / "model.onnx").read_bytes() == written


TWO_OF_A_NAME = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1, 1, 9, 11] } } }
layer { name: "a" type: "Convolution" bottom: "data" top: "a" convolution_param { num_output: 1 kernel_size: 3 pad: 5
  weight_filler { type: "xavier" } } }
layer { name: "b" type: "Convolution" bottom: "data" top: "b" convolution_param { num_output: 1 kernel_size: 3 pad: 4
  weight_filler { type: "xavier" } } }
layer { name: "cut" type: "Crop" bottom: "a" bottom: "data" top: "c" crop_param { offset: 4 } }
layer { name: "cut" type: "Crop" bottom: "b" bottom: "data" top: "d" crop_param { offset: 3 } }
layer { name: "sum" type: "Eltwise" bottom: "c" bottom: "d" top: "e" }
layer { name: "bend" type: "TanH" bottom: "e" top: "e" }
layer { name: "bend" type: "Exp" bottom: "e" top: "e" }
"""


def test_layers_of_one_name(tmp_path):
    deploy, model = make(tmp_path, TWO_OF_A_NAME)
    difference, _ = onnx_check.largest_difference(onnx_graph(deploy, model), "torch", deploy, model)
    assert difference <= onnx_check.TOLERANCE
    deploy.write_text(TWO_OF_A_NAME.replace('"b" type', '"a" type'))
    with pytest.raises(CellsegError, match="layer 'a': an earlier layer has this name"):
        onnx_graph(deploy, model)


def test_the_sizes_to_compare_at_are_the_nets(tmp_path):
    """Its own, and two more as far as it takes them: none where an InnerProduct fixes it, multiples in a U-Net."""
    deploy = tmp_path / "deploy.prototxt"
    valid = 'layer { name: "v" type: "Convolution" bottom: "data" top: "v" convolution_param { num_output: 1 %s } }'
    start = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1, 3, 188, 190] } } }\n'
    flat = 'layer { name: "f" type: "InnerProduct" bottom: "data" top: "f" inner_product_param { num_output: 2 } }'
    for text, sizes in (
        (start + valid % "kernel_size: 181", [(1, 3, 188, 190), (2, 3, 201, 196), (2, 3, 181, 215)]),
        (start + flat, [(1, 3, 188, 190)]),
        (start.replace("1, 3, 188, 190", "4, 9") + flat, [(4, 9), (5, 9), (7, 9)]),
        (deploy_net(NETS["unet"], "net", 40, 24), [(1, 1, 40, 24), (2, 1, 48, 16), (2, 1, 72, 88)]),
    ):
        deploy.write_text(text)
        assert [one["data"].shape for one in onnx_check.random_inputs(deploy)] == sizes


def test_windows_further_apart_than_they_are_wide(tmp_path):
    """The last one can lie beyond the image, wholly: Caffe's least number stands there."""
    text = TWO_OF_A_NAME[: TWO_OF_A_NAME.index('layer { name: "b"')].replace("9, 11", "17, 20")
    text += 'layer { name: "p" type: "Pooling" bottom: "a" top: "p" pooling_param { kernel_size: 5 stride: 7 } }'
    deploy, model = make(tmp_path, text.replace("pad: 5", "pad: 1"))
    for sides in ((17, 20), (18, 26), (19, 21)):
        ((ours, theirs),) = outputs(deploy, model, np.random.RandomState(0).normal(size=(1, 1, *sides)).astype("f4"))
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
