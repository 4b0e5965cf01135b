"""Text files of nets and solvers: read, brought up to date and printed as real Caffe does."""

import json
import random
import subprocess

import numpy as np
import pytest
from prototxts import NET, OLD_SOLVER, SOLVER, V0, V1, damaged, random_message
from support import ROOT, caffe_program

from cellseg.engine.caffe_schema import MESSAGES
from cellseg.engine.prototxt import parse, read_net, read_solver, to_text
from cellseg.engine.upgrade import _V0_FIELDS, _V0_TRANSFORM_FIELDS, _V0_TYPES, _V1_TYPES
from cellseg.errors import CellsegError

_SCHEMA = """
import json
from caffe.proto import caffe_pb2
from google.protobuf import descriptor_pb2
file = descriptor_pb2.FileDescriptorProto.FromString(caffe_pb2.DESCRIPTOR.serialized_pb)
print(json.dumps(file.SerializeToString().decode("latin-1")))
"""

# Calls what is exported by the libraries that pycaffe uses: protobuf's own parser and printer, and Caffe's functions
# that read and upgrade a file. These end the process on a mistake, so they run in a child of it.
_CAFFE = """
import ctypes, json, os, sys

import caffe._caffe  # loads both libraries, wherever they are
maps = [line.split(None, 5)[-1].strip() for line in open("/proc/self/maps")]
paths = [next(path for path in maps if name in path) for name in ("libprotobuf.so", "libcaffe.so")]
protobuf, caffe = map(ctypes.CDLL, paths)
STRING = "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"

class String(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("local", ctypes.c_char * 16)]

    def __init__(self, content=b""):
        self.kept = ctypes.create_string_buffer(content, max(len(content) + 1, 16))
        self.data, self.size = ctypes.addressof(self.kept), len(content)

def new(kind):
    message = ctypes.create_string_buffer(1 << 12)
    constructor = f"_ZN5caffe{len(kind)}{kind}C1EPN6google8protobuf5ArenaE"
    suffix = "" if hasattr(caffe, constructor) else "b"  # of protobuf 3.21
    caffe[constructor + suffix](message, None, False)
    return message

def printed(message):
    text = String()
    function = protobuf["_ZNK6google8protobuf7Message11DebugStringB5cxx11Ev"]
    function.restype = None
    function(ctypes.byref(text), message)
    return ctypes.string_at(text.data, text.size)

def parse(kind, content):
    message, text = new(kind), String(content)
    function = protobuf[f"_ZN6google8protobuf10TextFormat15ParseFromStringERK{STRING}PNS0_7MessageE"]
    function.restype = ctypes.c_bool
    return printed(message) if function(ctypes.byref(text), message) else None

def read(kind, path):
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        message, text = new(kind), String(path)
        name = {"NetParameter": "ReadNetParamsFromTextFileOrDie"}.get(kind, "ReadSolverParamsFromTextFileOrDie")
        function = caffe[f"_ZN5caffe{len(name)}{name}ERK{STRING}PNS_{len(kind)}{kind}E"]
        function.restype = None
        function(ctypes.byref(text), message)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(printed(message))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read()
    return None if os.waitpid(child, 0)[1] else text

for line in sys.stdin:
    how, kind, text = json.loads(line)
    found = {"parse": parse, "read": read}[how](kind, text.encode("latin-1"))
    print(json.dumps(None if found is None else found.decode("ascii")), flush=True)
"""


class Caffe:
    """Real Caffe's reading of texts: each method gives what it prints, or None where it refuses."""

    def __init__(self, folder):
        self.folder = folder
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([caffe_program("python"), "-c", _CAFFE], cwd=str(folder), text=True, **pipes)

    def ask(self, how, kind, text):
        self.process.stdin.write(json.dumps([how, kind, text.decode("latin-1")]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def parse(self, kind, text):
        return self.ask("parse", kind, text)

    def read(self, kind, path):
        return self.ask("read", kind, str(path).encode())

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)


@pytest.fixture(scope="module")
def caffe(tmp_path_factory):
    running = Caffe(tmp_path_factory.mktemp("caffe"))
    yield running
    running.close()


READERS = {"NetParameter": read_net, "SolverParameter": read_solver}


def ours(function, *arguments):
    """What our reading prints, or None and why it refuses."""
    try:
        return to_text(function(*arguments)), ""
    except CellsegError as error:
        return None, str(error)


def both_read(caffe, kind, text, name="file.prototxt"):
    path = caffe.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return (*ours(READERS[kind], path), caffe.read(kind, path))


def assert_same(mine, theirs):
    """Equal texts; prints how many lines differ."""
    assert mine is not None and theirs is not None
    lines = mine.splitlines(), theirs.splitlines()
    different = sum(a != b for a, b in zip(*lines)) + abs(len(lines[0]) - len(lines[1]))
    print(f"{len(lines[1])} lines, {different} different")
    assert mine == theirs


def facts(file):
    """Everything that a schema says, as a dict from a path to its facts."""
    found = {}

    def add_enums(scope, enums):
        for enum in enums:
            found[f"{scope}{enum.name}"] = sorted((value.number, value.name) for value in enum.value)

    add_enums("", file.enum_type)
    for message in file.message_type:
        found[message.name] = "message"
        add_enums(f"{message.name}.", message.enum_type)
        assert not message.nested_type and not message.extension_range and not message.oneof_decl
        for field in message.field:
            default = field.default_value if field.HasField("default_value") else None
            if field.type == field.TYPE_FLOAT and default is not None:
                default = np.float32(default)
            kept = (field.number, field.type, field.type_name, field.label, default, field.options.packed)
            found[f"{message.name}.{field.name}"] = kept
    return found


def test_schema():
    from google.protobuf import descriptor_pb2

    theirs = descriptor_pb2.FileDescriptorProto.FromString(
        json.loads(subprocess.check_output([caffe_program("python"), "-c", _SCHEMA])).encode("latin-1")
    )
    mine = descriptor_pb2.FileDescriptorProto()
    MESSAGES["NetParameter"].DESCRIPTOR.file.CopyToProto(mine)
    mine, theirs = facts(mine), facts(theirs)
    different = [path for path in {**mine, **theirs} if mine.get(path) != theirs.get(path)]
    print(f"{len(theirs)} messages, fields and enums, {len(different)} different")
    assert len(theirs) > 400
    assert not different


@pytest.mark.parametrize("path", ["prototxt/pretrain", "prototxt/finetune", "prototxt/deploy"])
def test_our_nets(caffe, path):
    path = ROOT / f"{path}.prototxt"
    assert_same(to_text(read_net(path)), caffe.read("NetParameter", path))


@pytest.mark.parametrize("path", ["solvers/pretrain", "solvers/finetune"])
def test_our_solvers(caffe, path):
    path = ROOT / f"{path}.prototxt"
    assert_same(to_text(read_solver(path)), caffe.read("SolverParameter", path))


@pytest.mark.parametrize(
    "kind, text",
    [
        ("NetParameter", NET),
        ("NetParameter", V1),
        ("NetParameter", V0),
        ("SolverParameter", SOLVER),
        ("SolverParameter", OLD_SOLVER),
    ],
    ids=["net", "v1", "v0", "solver", "old solver"],
)
def test_written_by_hand(caffe, kind, text):
    mine, why, theirs = both_read(caffe, kind, text)
    assert not why
    assert_same(mine, theirs)
    assert_same(ours(parse, text, MESSAGES[kind], "text")[0], caffe.parse(kind, text.encode()))


def test_every_message(caffe):
    rng = random.Random(3)
    lines = 0
    for kind in list(MESSAGES) * 4:
        text = to_text(random_message(kind, rng))
        mine, why = ours(parse, text, MESSAGES[kind], kind)
        assert not why and text == mine == caffe.parse(kind, text.encode())
        lines += text.count("\n")
    print(f"{4 * len(MESSAGES)} random messages, {lines} lines, 0 different")


def test_every_v1_type(caffe):
    layers = [f"layers {{ name: '{name}' type: {name} blobs_lr: 3 param: 'p' }}" for name in _V1_TYPES]
    mine, why, theirs = both_read(caffe, "NetParameter", "\n".join(layers))
    assert not why
    assert_same(mine, theirs)


def test_every_v1_field(caffe):
    rng = random.Random(4)
    fields = {"name", "type", "layer"}
    for number in range(100):
        old = random_message("V1LayerParameter", rng, deep=2)
        old.ClearField("layer")
        old.type = old.type or 4
        fields.update(field.name for field, _ in old.ListFields())
        net = MESSAGES["NetParameter"](layers=[old, old] if number % 2 else [old])
        mine, why, theirs = both_read(caffe, "NetParameter", to_text(net))
        assert not why and mine == theirs
    print("100 random V1 layers, 0 different")
    assert fields == set(old.DESCRIPTOR.fields_by_name)


def test_every_v0_field_in_every_v0_type(caffe):
    values = {
        "biasterm": "false",
        "weight_filler": "{ value: 3 }",
        "bias_filler": "{ value: 4 }",
        "pool": "AVE",
        "source": "'s'",
        "meanfile": "'m'",
        "mirror": "true",
        "det_crop_mode": "'square'",
        "shuffle_images": "true",
        "hdf5_output_param": "{ file_name: 'f' }",
        "blobs": "{ num: 1 }",
    }
    fields = set(MESSAGES["V0LayerParameter"].DESCRIPTOR.fields_by_name) - {"name", "type"}
    assert fields > set(_V0_FIELDS) | set(_V0_TRANSFORM_FIELDS)
    layers = [
        f"layers {{ layer {{ name: '{field}' type: '{kind}' {field}: {values.get(field, number + 2)} }} top: 'x' }}"
        for kind in _V0_TYPES
        for number, field in enumerate(sorted(fields))
    ]
    mine, why, theirs = both_read(caffe, "NetParameter", "\n".join(layers))
    assert not why
    assert_same(mine, theirs)


@pytest.mark.parametrize(
    "text",
    [
        "layers { type: RELU } layer { type: 'ReLU' }",
        "layers { layer { type: 'convolution' } }",
        "layers { layer { type: 'relu' } bottom: 'x' }",
        "layers { layer { type: 'padding' } top: 'p' } layers { layer { type: 'relu' } bottom: 'p' }",
        "layers { layer { type: 'data' } top: 'd' }"
        "layers { layer { type: 'padding' } bottom: 'd' bottom: 'd' top: 'p' }"
        "layers { layer { type: 'conv' } bottom: 'p' }",
        "layer { pooling_param { round_mode: DOWN } }",
        "layer { relu_param { } relu_param { } }",
        "layer { clip_param { min: 0 } }",
    ],
)
def test_nets_that_both_refuse(caffe, text):
    mine, why, theirs = both_read(caffe, "NetParameter", text)
    assert mine is None and theirs is None and why


def test_solver_forms(caffe):
    (caffe.folder / "out.d").mkdir()
    folders = [f"snapshot_prefix: '{caffe.folder / 'out.d'}'", f"snapshot_prefix: '{caffe.folder / 'out.d'}/'"]
    kinds = ["SGD", "NESTEROV", "ADAGRAD", "RMSPROP", "ADADELTA", "ADAM"]
    texts = [
        "",
        "snapshot_prefix: ''",
        "snapshot_prefix: 'none'",
        *folders,
        *(f"solver_type: {kind}" for kind in kinds),
    ]
    count = 0
    for name in ("s.prototxt", "a.b.prototxt", "dir.x/s.prototxt", "dir.x/none", "s."):
        for text in texts:
            mine, why, theirs = both_read(caffe, "SolverParameter", f"net: 'n' {text}", name)
            assert not why and mine == theirs, (name, text)
            count += 1
    mine, _, theirs = both_read(caffe, "SolverParameter", "net: 'n' type: 'SGD' solver_type: SGD")
    assert mine is theirs is None
    print(f"{count} solvers, 0 different")


# Where the embedded engine refuses what Caffe's parser takes.
STRICTER = (
    "a text that is not UTF-8",
    "an unknown escape",
    "9999999",
    "Couldn't parse",
    "TRAIN, TEST",
)
# Where it refuses what Caffe's upgrade takes: no net could be made of it.
UNMAKEABLE = ("has no shape", "holds no layers", "has no type", "unknown old type", "negative new_")


def test_damaged_texts_are_taken_or_refused_as_caffe_does(caffe):
    rng = random.Random(5)
    taken = stricter = 0
    for number in range(2500):
        kind = "NetParameter" if number % 3 else "SolverParameter"
        texts = [NET, V1, V0] if number % 3 else [SOLVER, OLD_SOLVER]
        text = damaged([text.encode() for text in texts], rng)
        mine, why = ours(parse, text, MESSAGES[kind], "text")
        theirs = caffe.parse(kind, text)
        if mine != theirs:
            assert mine is None and any(reason in why for reason in STRICTER), (text, why)
            stricter += 1
        taken += mine is not None
    print(f"2500 damaged texts, {taken} taken by both, {stricter} only by Caffe, 0 different")
    assert taken > 200 and stricter < 50


def test_damaged_nets_are_upgraded_as_caffe_does(caffe):
    rng = random.Random(6)
    taken = stricter = 0
    while taken < 250:
        text = damaged([V1.encode(), V0.encode()], rng)
        if ours(parse, text, MESSAGES["NetParameter"], "text")[0] is None:
            continue
        mine, why, theirs = both_read(caffe, "NetParameter", text)
        if mine != theirs:
            assert mine is None and any(reason in why for reason in UNMAKEABLE), (text, why)
            stricter += 1
        taken += mine is not None
    print(f"{taken} damaged nets read, {stricter} only by Caffe, 0 different")
