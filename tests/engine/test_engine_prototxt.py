import random
import time

import pytest
from prototxts import NET, OLD_SOLVER, SOLVER, V0, V1, damaged, random_message

from cellseg.engine.caffe_schema import MESSAGES, LayerParameter, NetParameter, SolverParameter
from cellseg.engine.prototxt import parse, read_net, read_solver, to_text
from cellseg.errors import CellsegError


def net(text):
    return parse(text, NetParameter, "net.prototxt")


@pytest.fixture
def net_of(tmp_path):
    def read(text, reader=read_net):
        path = tmp_path / "file.prototxt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return reader(path)

    return read


def test_defaults_are_caffes():
    layer = LayerParameter()
    assert layer.pooling_param.stride == 1 and not layer.pooling_param.HasField("kernel_size")
    assert layer.convolution_param.bias_term is True and list(layer.convolution_param.stride) == []
    assert layer.batch_norm_param.moving_average_fraction == pytest.approx(0.999)
    assert layer.loss_param.normalization == layer.loss_param.VALID == 1
    assert layer.convolution_param.weight_filler.type == "constant"
    solver = SolverParameter()
    assert (solver.type, solver.clip_gradients, solver.random_seed, solver.test_initialization) == ("SGD", -1, -1, True)
    assert SolverParameter.BINARYPROTO == solver.snapshot_format == 1


def test_all_punctuation_of_the_text_format():
    read = net(NET)
    layers = {layer.name: layer for layer in read.layer}
    assert read.name == "eachkind" and list(read.state.stage) == ["a", "b", "c"]
    assert list(layers["data"].input_param.shape[0].dim) == [1, 3, 32, 32]
    assert layers["train"].hdf5_data_param.source == "runs/data list.txt"
    convolution = layers["conv/1x1"].convolution_param
    assert list(convolution.kernel_size) == [3, 5] and list(convolution.pad) == [1, 2] and convolution.axis == -3
    assert [param.lr_mult for param in layers["conv/1x1"].param] == [1, 2]
    assert layers["dummy"].dummy_data_param.data_filler[0].mean == -0.5
    assert layers["dummy"].exclude[0].phase == 1
    assert layers["infogain"].infogain_loss_param.source == 'it\'s "H"\t\u00e9*.h5'
    assert layers["exp"].exp_param.scale == float("inf")
    assert layers["log"].log_param.scale != layers["log"].log_param.scale


def test_caffes_own_numbers_are_printed():
    text = "layer {\n  power_param {\n    power: %s\n  }\n}\n"
    for given, printed in [("1", "1"), (".1", "0.1"), ("1e6", "1e+06"), ("1234567", "1234567"), ("1e-5", "1e-05")]:
        assert to_text(net(text % given)) == text % printed
    assert to_text(net("input_dim: 1000000")) == "input_dim: 1000000\n"
    assert to_text(net('name: "\\303\\251"')) == 'name: "\\303\\251"\n'


def test_what_is_printed_is_read_back():
    rng = random.Random(1)
    for name in list(MESSAGES) * 4:
        message = random_message(name, rng)
        assert parse(to_text(message), MESSAGES[name], name) == message


def test_bytes_that_are_not_utf8_may_stand_in_comments():
    assert net(b"# \xfc\nname: 'a'").name == "a"


@pytest.mark.parametrize(
    "text, place, what",
    [
        ('name: "a"\n  naem: "b"', "2:3", "NetParameter has no field 'naem'; is it 'name'?"),
        ("layer { pooling_param { kernelsize: 3 } }", "1:25", "PoolingParameter has no field 'kernelsize'; is it"),
        ("layer { xyzzy: 3 }", "1:9", "LayerParameter has no field 'xyzzy'"),
        ('name: "a"\nname: "b"', "2:7", "NetParameter takes one 'name', and this is the second"),
        ("layer {\n pooling_param {}\n pooling_param {} }", "3:16", "LayerParameter takes one 'pooling_param'"),
        ("layer { pooling_param { pool: MEAN } }", "1:31", "MEAN is none of MAX, AVE, STOCHASTIC"),
        ("layer {\n\n phase: 7 }", "3:9", "7 is none of TRAIN, TEST"),
        ("input_dim: 1.5", "1:12", "Couldn't parse integer: 1.5"),
        ("input_dim: 2147483648", "1:12", "Value out of range"),
        ("input_dim: " + "9" * 100000, "1:12", "is not understood"),
        ("layer { convolution_param { num_output: -1 } }", "1:41", "Value out of range"),
        ("force_backward: yes", "1:17", "Expected"),
        ("input_dim: 1_000", "1:12", "'1_000' is not understood"),
        ("input_dim: 08", "1:12", "is not understood"),
        ("input_dim: 0b1", "1:12", "is not understood"),
        ("input_dim: +1", "1:12", "is not understood"),
        ("name: 'a' // no comment", "1:11", "is not understood"),
        ("layer {\u00a0}", "1:8", "does not belong in a prototxt"),
        ("layer {\n  name: 'a'\n", "2:9", 'Expected "}"'),
        ("layer { name: 'a' } }", "1:21", "Expected identifier"),
        ("layer { name: 'a\n' }", "1:15", "has no end on its line"),
        ("layer { name: 'a\\q' }", "1:15", "an unknown escape"),
        ("\ufefflayer { }", "1:1", "byte order mark"),
        (b"layer { name: '\xff' }", "1:15", "not UTF-8"),
        (b"layer { loss_weight: '\xff\x1b[2J' }", "1:22", "Couldn't parse float: '\\udcff\\x1b[2J'"),
        (b"layer { name: '\\xff' }", "1:22", "not UTF-8"),
        (b"\n\x03net\xa2\x06\x00", "2:1", "'\\x03' does not belong in a prototxt; give a text file"),
        (b"# \x00", "1:3", "'\\x00' does not belong in a prototxt"),
        ("layer {" * 100000, "1:8", "LayerParameter has no field 'layer'"),
        ("[" * 100000, "1:2", "Expected identifier"),
        ("name: '" + "a" * 100000, "1:7", "has no end on its line"),
        ("name: " + "\\'" * 100000, "1:7", "is not understood"),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_each_mistake_is_named_with_its_place(text, place, what):
    start = time.time()
    with pytest.raises(CellsegError) as caught:
        net(text)
    message = str(caught.value)
    assert message.startswith(f"net.prototxt:{place}: ") and what in message
    assert message.isprintable() and len(message) < 500
    assert time.time() - start < 2


def test_a_required_field_is_asked_for():
    with pytest.raises(CellsegError, match=r"layer\[0\].clip_param.min is missing"):
        net("layer { clip_param { max: 1 } }")


@pytest.mark.parametrize("reader", [read_net, read_solver])
def test_files_that_are_none(tmp_path, reader):
    (tmp_path / "binary").write_bytes(b"\x0a\x03net" + bytes(1 << 20))
    for name, what in [("missing", "cannot be read"), (".", "cannot be read"), ("a\0b", "cannot be read")]:
        with pytest.raises(CellsegError, match=what):
            reader(tmp_path / name)
    with pytest.raises(CellsegError, match="binary:2:1: .* give a text file"):
        reader(str(tmp_path / "binary"))


@pytest.mark.parametrize("text", ["", "# nothing\n", 'name: "net"', "layers: []"])
def test_a_net_has_layers(net_of, text):
    with pytest.raises(CellsegError, match="file.prototxt: holds no layers"):
        net_of(text)


def test_v1_layers(net_of):
    layers = net_of(V1).layer
    names = ["input", "db", "images", "windows", "bare", "hdf5", "conv", "relu", "pool", "up", "loss", "accuracy"]
    assert [layer.name for layer in layers] == names
    types = (
        "Input Data ImageData WindowData Data HDF5Data Convolution ReLU Pooling Deconvolution SoftmaxWithLoss Accuracy"
    )
    assert [layer.type for layer in layers] == types.split()
    assert [(p.name, p.share_mode, p.lr_mult, p.decay_mult) for p in layers[6].param] == [
        ("w", 1, 1, 1),
        ("b", 0, 2, 0),
        ("c", 0, 1, 1),
    ]
    assert layers[1].include[0].phase == 0 and layers[7].exclude[0].stage == ["deploy"]
    assert (layers[1].transform_param.crop_size, layers[1].transform_param.mean_file) == (227, "mean")
    assert not layers[1].data_param.HasField("crop_size") and layers[1].data_param.batch_size == 4
    assert not layers[5].HasField("transform_param")
    assert list(layers[10].loss_weight) == [2] and layers[10].loss_param.ignore_label == 255
    assert layers[10].blobs[0].width == 2


def test_v0_layers(net_of):
    read = net_of(V0)
    layers = {layer.name: layer for layer in read.layer}
    assert read.force_backward and not read.layers
    assert " ".join(layers) == "input conv relu pool norm drop fc db files images windows out join gain"
    convolution = layers["conv"].convolution_param
    assert (list(convolution.pad), list(convolution.kernel_size), convolution.group) == ([2], [11], 2)
    assert layers["conv"].bottom == ["data"] and layers["conv"].blobs[0].num == 1
    assert [(p.lr_mult, p.decay_mult) for p in layers["conv"].param] == [(1, 1), (2, 0)]
    assert layers["pool"].bottom == ["conv"] and layers["pool"].pooling_param.pad == 1
    assert not layers["relu"].HasField("relu_param")
    assert layers["db"].transform_param.mean_file == "mean" and layers["db"].data_param.batch_size == 256
    assert layers["gain"].infogain_loss_param.source == "H"


def test_input_fields_become_the_first_layer(net_of):
    read = net_of("layer { name: 'a' } input: 'x' input: 'y' input_shape { dim: 2 } input_shape { dim: [3, 4] }")
    first = read.layer[0]
    assert (first.name, first.type, list(first.top)) == ("input", "Input", ["x", "y"])
    assert [list(shape.dim) for shape in first.input_param.shape] == [[2], [3, 4]]
    assert not read.input and not read.input_shape and read.layer[1].name == "a"


def test_batch_normalisation_of_three_params_does_not_learn_them(net_of):
    params = net_of(NET).layer[19].param
    assert [(p.name, p.lr_mult, p.decay_mult) for p in params] == [("", 0, 0), ("", 0, 0), ("shared", 0, 0)]


@pytest.mark.parametrize(
    "text, what",
    [
        ("layers { type: RELU } layer { type: 'ReLU' }", "both 'layers' .* and 'layer'"),
        ("layers { name: 'a' bottom: 'x' }", "layer 'a' has no type"),
        ("layers { layer { name: 'a' type: 'convolution' } }", "layer 'a' has the unknown old type 'convolution'"),
        ("layers { layer { name: 'a' type: 'relu' } } layers { name: 'b' type: RELU }", "layer 'b' has the unknown"),
        ("layers { layer { name: 'a' type: 'relu' } bottom: 'b\\nc' }", r"layer 'a' takes 'b\\nc', which no layer"),
        (
            "layers { layer { name: 'p' type: 'padding' } top: 'p' }"
            "layers { layer { name: 'r' type: 'relu' } bottom: 'p' }",
            "padding layer 'p' comes before 'r'",
        ),
        ("layers { layer { name: 'i' type: 'images' new_width: -6 } }", "layer 'i' has a negative new_width: -6"),
        ("input: 'a' layer { }", "input 'a' has no shape; add four input_dim"),
        ("input: 'a' input: 'b' input_dim: [1, 2, 3, 4, 5, 6, 7] layer { }", "input 'b' has no shape"),
        ("input: 'a' input: 'b' input_shape { } layer { }", "input 'b' has no shape; add an input_shape"),
    ],
)
def test_old_nets_that_cannot_be_upgraded(net_of, text, what):
    with pytest.raises(CellsegError, match=f"file.prototxt: .*{what}") as caught:
        net_of(text)
    assert str(caught.value).isprintable()


def test_solvers(net_of, tmp_path, monkeypatch):
    solver = net_of(SOLVER, read_solver)
    assert list(solver.test_iter) == [6, 7, 8] and list(solver.stepvalue) == [400, 600, 900]
    assert (solver.net, solver.type, solver.snapshot_prefix) == ("train.prototxt", "Adam", "runs/net")
    assert solver.random_seed == -(2**63) and solver.snapshot_format == solver.HDF5
    old = net_of(OLD_SOLVER, read_solver)
    assert old.type == "Nesterov" and not old.HasField("solver_type")
    assert old.snapshot_prefix == str(tmp_path / "file")
    monkeypatch.chdir(tmp_path)
    assert net_of("net: 'n' snapshot_prefix: '.'", read_solver).snapshot_prefix == "./file"


def test_nets_within_a_solver_are_upgraded(net_of):
    solver = net_of("net_param { input: 'x' input_shape { } layers { name: 'r' type: RELU } }", read_solver)
    assert [layer.type for layer in solver.net_param.layer] == ["Input", "ReLU"]
    with pytest.raises(CellsegError, match="file.prototxt: test_net_param: layer 'r' has no type"):
        net_of("net: 'n' test_net_param { layers { name: 'r' } }", read_solver)


@pytest.mark.parametrize(
    "text, what",
    [
        ("", "a solver without a net"),
        ("test_net: 'a'", "a solver without a net"),
        ("net: ''", "a solver without a net"),
        ("net: 'a' train_net: 'b'", "gives the net to train twice"),
        ("net: 'a' type: 'SGD' solver_type: SGD", "both 'solver_type' and 'type'"),
        ("net: 'a' solver_type: MOMENTUM", "1:23: MOMENTUM is none of SGD, NESTEROV"),
    ],
)
def test_solvers_that_are_refused(net_of, text, what):
    with pytest.raises(CellsegError, match=what):
        net_of(text, read_solver)


def test_damaged_files_are_read_or_refused_in_one_line(tmp_path):
    rng = random.Random(2)
    nets, solvers = [[text.encode() for text in texts] for texts in ([NET, V1, V0], [SOLVER, OLD_SOLVER])]
    path = tmp_path / "damaged.prototxt"
    outcomes, slowest = {True: 0, False: 0}, 0
    for number in range(3000):
        texts, reader = (solvers, read_solver) if number % 3 == 0 else (nets, read_net)
        path.write_bytes(damaged(texts, rng))
        start = time.time()
        try:
            to_text(reader(path))
            outcomes[True] += 1
        except CellsegError as error:
            assert str(error).startswith(f"{path}:") and str(error).isprintable()
            outcomes[False] += 1
        slowest = max(slowest, time.time() - start)
    print(f"read {outcomes[True]}, refused {outcomes[False]}, slowest {slowest:.3f} s")
    assert min(outcomes.values()) > 100
    assert slowest < 2
