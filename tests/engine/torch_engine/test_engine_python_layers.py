"""Python layers: mistakes in them, and where no code may run; what they compute is for parity tests."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import assert_refused, run_verb
from test_engine_command import command

from cellseg.engine.geometry import read_steps
from cellseg.engine.names import found
from cellseg.errors import CellsegError
from cellseg.inference.network import open_network

GOOD = """
import caffe

class Half(caffe.Layer):
    def setup(self, bottom, top):
        self.once, self.asked = True, self.param_str_
    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)
    def forward(self, bottom, top):
        if self.once:
            top[0].data[...] = bottom[0].data / 2
        self.once = False
    def backward(self, top, propagate_down, bottom):
        bottom[0].diff[...] = top[0].diff / 2
"""
SETUP = """def setup(self, bottom, top):
        self.once, self.asked = True, self.param_str_"""
INPUT = 'layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 } } }\n'
NET = INPUT + 'layer { name: "it" type: "Python" bottom: "data" top: "prob" python_param { %s } }\n'
NAMED = 'module: "%s" layer: "Half"'


@pytest.fixture(autouse=True)
def no_caffe(monkeypatch, tmp_path):
    """As in a fresh process: ``import caffe`` finds nothing, and the working folder is on the path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "caffe", None)
    del sys.modules["caffe"]


def test_a_layer_of_the_users_own_runs_and_its_top_stays(make_net):
    Path("half_good.py").write_text(GOOD)
    net = make_net("force_backward: true " + NET % (NAMED % "half_good" + ' param_str: "words"'))
    net.blobs["data"].data[...] = 6
    assert (net.forward()["prob"] == 3).all()
    net.blobs["data"].data[...] = 8
    assert (net.forward()["prob"] == 3).all(), "it writes only once"
    net.blobs["prob"].diff[...] = 1
    assert (net.backward()["data"] == 0.5).all()
    assert net.layers[1].asked == net.layer_dict["it"].asked == "words"
    assert sys.modules["caffe"].Layer and not found("caffe"), "the engine in Caffe's place is not Caffe"


@pytest.mark.parametrize(
    ("module", "before", "after", "words"),
    [
        ("gone_module", "", "", "there is no module 'gone_module' on Python's path; add its folder to PYTHONPATH"),
        ("half_1", "Half", "Other", "module 'half_1' has no class 'Half' that derives from this engine's caffe.Layer"),
        ("half_2", "(caffe.Layer)", "", "module 'half_2' has no class 'Half' that derives"),
        ("half_3", "import caffe", "import caffe, gone", "module 'half_3' raised ModuleNotFoundError: No module named"),
        (
            "half_4",
            "self.once, self.asked = True, self.param_str_",
            "print 'once'",
            "module 'half_4' raised SyntaxError: Missing parentheses",
        ),
        ("half_5", SETUP, "def __init__(self, _):\n        pass", r"half_5.Half.__init__ must call caffe.Layer.__"),
        ("half_6", "def setup", "def set_up", "class half_6.Half has no method 'setup'"),
        (
            "half_7",
            "self.once, self.asked = True, self.param_str_",
            "self.param_str['a']",
            "half_7.Half.setup raised TypeError: string indices",
        ),
        ("half_8", "top[0].reshape(*bottom", "top[1].reshape(*bottom", "half_8.Half.reshape raised IndexError"),
    ],
)
def test_a_mistake_in_a_layer_is_one_line(make_net, module, before, after, words):
    if module != "gone_module":
        assert before in GOOD
        Path(f"{module}.py").write_text(GOOD.replace(before, after))
    with pytest.raises(CellsegError, match=words) as error:
        make_net(NET % NAMED % module)
    assert "layer 'it' (Python): " in str(error.value) and "\n" not in str(error.value)


def test_a_layer_without_names_is_refused(make_net):
    with pytest.raises(CellsegError, match="python_param gives no module or no layer"):
        make_net(NET % 'layer: "Half"')


def test_the_command_shows_the_users_traceback_above_the_line(tmp_path):
    Path("half_fails.py").write_text(GOOD.replace("bottom[0].data / 2", "{}['key']"))
    Path("net.prototxt").write_text(NET % NAMED % "half_fails")
    done = command(tmp_path, "time", "--model", "net.prototxt", "--iterations", "1")
    assert done.returncode == 2
    *above, line = done.stderr.strip().splitlines()
    assert line == "error: layer 'it' (Python): half_fails.Half.forward raised KeyError: 'key'"
    assert above[0].startswith("Traceback") and "half_fails.py" in above[1] and above[-1] == "KeyError: 'key'"
    assert not any("cellseg/engine" in one for one in above), "only the user's own code"


def test_a_model_runs_no_code(model, tmp_path):
    """Nothing that takes models imports what their nets name, with either engine."""
    Path("half_spy.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n" + GOOD)
    deploy = tmp_path / "model.prototxt"
    net = NET % NAMED % "half_spy"
    for text in (net, net.replace(INPUT, "").replace('bottom: "data"', "").replace('"prob"', '"data"')):
        deploy.write_text(text)
        for engine in ("torch", "caffe"):
            with pytest.raises(CellsegError, match="layer 'it' runs code .*'half_spy'.*but a model is data"):
                open_network(engine, deploy, model)
        with pytest.raises(CellsegError, match="layer 'it' runs code"):
            read_steps(deploy)
    Path("images").mkdir()
    Image.fromarray(np.eye(64, dtype=np.uint8)).save("images/a.png")
    done = run_verb("segment", "images", "--model", model, "--deploy", deploy, "--out", "out", cwd=tmp_path)
    assert_refused(done, "layer 'it' runs code")
    assert not Path("ran").exists()
