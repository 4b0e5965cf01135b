"""What the embedded engine has of pycaffe where real pycaffe cannot run beside it: see tests/parity for the rest."""

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from google.protobuf import text_format  # noqa: E402

from cellseg.engine import pycaffe as caffe  # noqa: E402
from cellseg.engine.pycaffe import layers as L  # noqa: E402
from cellseg.engine.pycaffe.proto import caffe_pb2  # noqa: E402
from cellseg.errors import CellsegError  # noqa: E402

DEPLOY = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } }
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc" inner_product_param { num_output: 2 } }
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A deploy net, and weights of it."""
    folder = tmp_path_factory.mktemp("pycaffe")
    (folder / "deploy.prototxt").write_text(DEPLOY)
    caffe.Net(folder / "deploy.prototxt", caffe.TEST).save(folder / "deploy.caffemodel")
    return str(folder / "deploy.prototxt"), str(folder / "deploy.caffemodel")


def picture(folder, values):
    Image.fromarray(values).save(folder / "a.png")
    return [caffe.io.load_image(folder / "a.png", color) for color in (True, False)]


def test_load_image_gives_three_channels_or_one(tmp_path):
    grey = np.arange(20, dtype=np.uint8).reshape(5, 4) * 12
    for values in (grey, grey.astype(np.uint16) * 257):
        colour, one = picture(tmp_path, values)
        assert colour.shape == (5, 4, 3) and colour.dtype == one.dtype == np.float32
        np.testing.assert_allclose(colour, np.repeat(grey[..., None] / 255, 3, 2), atol=1e-6)
        np.testing.assert_array_equal(one, colour[..., :1])
    clear = np.zeros_like(grey)
    colour, one = picture(tmp_path, np.stack([grey, clear], 2))
    np.testing.assert_allclose(colour, np.repeat(grey[..., None] / 255, 3, 2), atol=1e-6)
    np.testing.assert_allclose(one, 1, atol=1e-6)  # on white
    colour, one = picture(tmp_path, np.stack([grey, grey // 2, clear, clear + 255], 2))
    np.testing.assert_allclose(colour, np.stack([grey, grey // 2, clear], 2) / 255, atol=1e-6)
    np.testing.assert_allclose(one, colour @ np.array([[0.2125], [0.7154], [0.0721]]), atol=1e-6)


def test_a_detector_shows_surroundings_and_the_mean_beyond_the_image(files, tmp_path):
    image = np.random.RandomState(0).rand(30, 40, 3).astype(np.float32)
    detector = caffe.Detector(*files, mean=np.array([3.0, 2, 1]), raw_scale=10, channel_swap=(2, 1, 0), context_pad=2)
    inside = detector.crop(image, (10, 12, 18, 20))  # of 8x8 pixels, 4 of which are to be the window
    np.testing.assert_allclose(inside, caffe.io.resize_image(image[6:22, 8:24], (8, 8)), atol=1e-6)
    corner = detector.crop(image, (0, 0, 8, 8))
    np.testing.assert_allclose(corner[2:, 2:], caffe.io.resize_image(image[:12, :12], (6, 6)), atol=1e-6)
    np.testing.assert_allclose(corner[:2], np.broadcast_to([0.1, 0.2, 0.3], (2, 8, 3)), atol=1e-6)
    made = detector.transformer.preprocess("data", corner)
    np.testing.assert_allclose(made[:, :, :2], 0, atol=1e-6)
    Image.fromarray((image * 255).astype(np.uint8)).save(tmp_path / "a.png")
    found = detector.detect_windows([(str(tmp_path / "a.png"), [(10, 12, 18, 20)])])
    assert found[0]["prediction"].shape == (2,)
    with pytest.raises(CellsegError, match="context_pad 4"):
        detector.configure_crop(4)
    with pytest.raises(CellsegError, match="detect_windows"):
        detector.detect_selective_search(["a.png"])


def test_messages_read_the_nets_of_forks():
    net = text_format.Parse('layer { name: "bn" type: "BN" bn_param { bn_mode: INFERENCE } }', caffe_pb2.NetParameter())
    assert net.layer[0].bn_param.bn_mode == caffe_pb2.BNParameter.INFERENCE
    classes = text_format.Parse('item { name: "n" label: 3 display_name: "cell" }', caffe_pb2.LabelMap())
    assert [(item.label, item.display_name) for item in classes.item] == [(3, "cell")]
    assert "height: 3" in str(L.Interp(L.Input(), height=3, width=4).to_proto())
    assert caffe_pb2.Phase.Name(1) == "TEST" and caffe_pb2.V1LayerParameter.LayerType.Name(4) == "CONVOLUTION"


def test_a_net_is_drawn_as_text_without_graphviz(tmp_path, monkeypatch):
    net = caffe_pb2.NetParameter(name="a {net}")
    text = """layers { name: "old" type: CONVOLUTION top: "x" bottom: "data" include { phase: TRAIN }
              convolution_param { num_output: 7 kernel_h: 3 kernel_w: 5 pad: 1 } }
              layers { name: "end" type: RELU bottom: "x" top: "x" }"""
    text_format.Merge(text, net)
    caffe.draw.draw_net_to_file(net, tmp_path / "net.dot", "TB")
    drawn = (tmp_path / "net.dot").read_text()
    for part in ('digraph "a \\{net\\}"', "rankdir=TB", "(Convolution)\\nkernel size: 3x5\\npad: 1", '[label="7"]'):
        assert part in drawn, drawn
    assert "(Convolution)" not in caffe.draw.to_dot(net, "LR", phase=caffe.TEST)
    assert len(net.layers) == 2  # as it was
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CellsegError, match="install graphviz"):
        caffe.draw.draw_net_to_file(net, tmp_path / "net.png")
    (tmp_path / "dot").write_text("#!/bin/sh\necho $1\n")
    (tmp_path / "dot").chmod(0o755)
    caffe.draw.draw_net_to_file(net, tmp_path / "net.png")
    assert (tmp_path / "net.png").read_text() == "-Tpng\n"


def test_what_needs_several_processes_is_refused():
    caffe.set_solver_count(1), caffe.set_solver_rank(0), caffe.set_multiprocess(False)
    assert (caffe.solver_count(), caffe.solver_rank(), caffe.has_nccl()) == (1, 0, False)
    for wrong in (lambda: caffe.set_solver_count(2), lambda: caffe.set_multiprocess(True), lambda: caffe.NCCL(1, "a")):
        with pytest.raises(CellsegError, match="torchrun"):
            wrong()
    assert {"Convolution", "Interp"} <= set(caffe.layer_type_list())


def test_rows_that_a_net_cannot_take_are_refused(files):
    net = caffe.Net(files[0], caffe.TEST)
    with pytest.raises(CellsegError, match="inputs are data, but given are none"):
        net.forward_all()
    with pytest.raises(CellsegError, match="one image or more"):
        caffe.Classifier(*files).predict([])
    with pytest.raises(CellsegError, match="is a function"):
        net.before_forward(None)
