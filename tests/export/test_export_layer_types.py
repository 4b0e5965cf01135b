"""Every layer type over random fields: the ONNX graph gives what the engine gives, at the net's size and at another."""

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("torch")

import onnxruntime
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layer_cases import CASES, SOURCES, Case, Draw, net_around, plain

from cellseg import engine
from cellseg.engine.layers import TYPES
from cellseg.errors import CellsegError
from cellseg.export.onnx_graph import onnx_graph

#: What has no ONNX graph, and what the export says.
WITHOUT = {
    **dict.fromkeys((name for name, kind in TYPES.items() if kind.SCORES), "for training"),
    **dict.fromkeys(SOURCES - {"Input", "Python"}, "for training"),
    "Python": "runs code",
    "Silence": "has no output",
}
#: Fields of the others that ONNX cannot say.
REFUSALS = ("of each batch", "stride wider than the kernel", "one a channel")

OTHER = Case(shapes={"x": (1, 2)})

compared = {}  # layer type: graphs, and sizes beside the first


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("layers")


def run_onnx(model, feeds):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds)))


def resized(shapes, draw):
    """The shapes with more images and more or fewer rows and columns, where they are images; now and then unlike."""
    more = {name: (draw.number(0, 2), 0, draw.number(-2, 5), draw.number(-2, 5)) for name in shapes}
    if draw.number(0, 3):
        more = dict.fromkeys(shapes, more["x"])
    return {
        name: tuple(max(1, side + by) for side, by in zip(shape, more[name])) if len(shape) == 4 else shape
        for name, shape in shapes.items()
    }


def assert_same(net, model, case, shapes, rng):
    """Compare at a size, relative to the largest value; False if the engine refuses the size, as ONNX Runtime must."""
    feeds = {name: np.array(case.values.get(name, plain)(rng, shape), np.float32) for name, shape in shapes.items()}
    try:
        for name, values in feeds.items():
            net.blobs[name].reshape(*values.shape)
        net.reshape()
    except CellsegError:
        try:
            run_onnx(model, feeds)
        except Exception:
            return False
        if net.layer_dict["layer"].type == "Pooling":
            return False  # ONNX Runtime has a window, wholly of padding, in an image that has none
        if net.layer_dict["layer"].type in ("Bias", "Scale") and "s" in shapes and 1 in shapes["s"]:
            return False  # ONNX repeats a side of 1, which Caffe refuses
        pytest.fail(f"the engine refuses {shapes}, ONNX Runtime does not: {case}")
    for name, values in feeds.items():
        net.blobs[name].data[...] = values
    net.forward()
    try:
        found = run_onnx(model, feeds)
    except onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument:
        # Caffe takes a kernel that is larger than the image by less than a stride.
        assert net.layer_dict["layer"].type == "Convolution", (case, shapes)
        return False
    assert set(found) == set(net.outputs)
    for name, values in found.items():
        expected = net.blobs[name].data
        assert values.shape == expected.shape, (case, shapes, name)
        largest = np.abs(expected).max(initial=0) or 1
        assert np.abs(values - expected).max(initial=0) <= 1e-5 * largest, (case, shapes, name)
    return True


def a_net(deploy, kind, case, name="layer"):
    deploy.write_text(net_around(kind, case).replace('"layer"', f'"{name}"'))
    return engine.load("torch").Net(str(deploy), 1)


@pytest.mark.parametrize("kind", sorted(set(CASES) - set(WITHOUT)))
@settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_graph_gives_what_the_engine_gives(kind, folder, data):
    draw = Draw(data)
    case = CASES[kind](draw)
    rng = np.random.default_rng(draw.number(0, 10**6))
    deploy, weights = folder / "net.prototxt", folder / "net.caffemodel"
    net = a_net(deploy, kind, case)
    for blob, make in zip(net.params.get("layer", ()), case.params):
        blob.data[...] = make(rng, blob.data.shape)
    # A net without parameters gets a file that holds those of another, which are passed over.
    (net if net.params else a_net(folder / "other.prototxt", "Bias", OTHER, "other")).save(str(weights))
    try:
        model = onnx_graph(deploy, weights)
    except CellsegError as error:
        assert any(words in str(error) for words in REFUSALS), error
        return
    assert assert_same(net, model, case, case.shapes, rng) or kind == "Convolution"
    before = compared.get(kind, (0, 0))
    second = assert_same(net, model, case, resized(case.shapes, draw), rng)
    compared[kind] = before[0] + 1, before[1] + second


@pytest.mark.parametrize("window", [(3, 2, 0), (3, 2, 1), (2, 2, 0), (3, 3, 0), (3, 3, 1), (3, 1, 1), (4, 3, 1)])
@pytest.mark.parametrize("fields", ["pool: MAX", "pool: AVE", "pool: MAX round_mode: FLOOR"])
def test_windows_at_the_far_border_are_caffes_at_every_size(folder, fields, window):
    """Kernel, stride and pad; one pixel more or less decides whether there is one more window."""
    kernel, stride, pad = window
    shapes = {"x": (1, 2, 6, 6)}
    case = Case(f"pooling_param {{ {fields} kernel_size: {kernel} stride: {stride} pad: {pad} }}", shapes)
    net = a_net(folder / "net.prototxt", "Pooling", case)
    a_net(folder / "other.prototxt", "Bias", OTHER, "other").save(str(folder / "net.caffemodel"))
    model = onnx_graph(folder / "net.prototxt", folder / "net.caffemodel")
    for side in (6, 5, 7, 8, 9, 10, 11):
        assert assert_same(net, model, case, {"x": (1, 2, side, 16 - side)}, np.random.default_rng(side))


def test_every_type_was_compared():
    """Runs after the others."""
    assert set(TYPES) - set(WITHOUT) - {"Input"} == set(compared)
    print(compared)


@pytest.mark.parametrize("kind", sorted(set(WITHOUT) & set(CASES)))
def test_what_has_no_graph_is_refused(kind, folder):
    drawn = []

    @settings(max_examples=1, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def one(data):
        drawn.append(CASES[kind](Draw(data)))

    one()
    (folder / "net.prototxt").write_text(net_around(kind, drawn[0]))
    a_net(folder / "other.prototxt", "Bias", OTHER, "other").save(str(folder / "net.caffemodel"))
    with pytest.raises(CellsegError, match=WITHOUT[kind]):
        onnx_graph(folder / "net.prototxt", folder / "net.caffemodel")
