"""`cellseg run-script`: a script runs as Python runs it, and its mistakes are told."""

import sys

import pytest
from support import assert_refused, run_verb

pytest.importorskip("torch")

WHOLE = """
import sys
import caffe, caffe.io, helper
from caffe import layers as L
from caffe.proto import caffe_pb2
caffe.set_device(0)
caffe.set_mode_gpu()
print(__name__, __file__, sys.argv, helper.WORD, L.ReLU(L.Foo()).to_proto().layer[1].bottom[0], caffe.__version__)
sys.exit(7)
"""


@pytest.fixture(autouse=True)
def process(monkeypatch):
    """What a script changes in its process is as before afterwards."""
    import cellseg.engine.pycaffe as caffe

    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = {name: sys.modules.get(name) for name in ("__main__", "helper", "old")}
    functions = {name: getattr(caffe, name) for name in ("set_device", "set_mode_gpu")}
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "caffe"]:
        del sys.modules[name]
    for name, module in before.items():
        sys.modules.pop(name, None)
        if module:
            sys.modules[name] = module
    for name, function in functions.items():
        setattr(caffe, name, function)


def ran(folder, text, *words):
    (folder / "old.py").write_text("print 1\n")
    (folder / "one.py").write_text(text)
    return run_verb("run-script", "--engine", "torch", "one.py", *words, cwd=folder)


def test_a_script_runs_as_python_runs_it(tmp_path):
    (tmp_path / "helper.py").write_text("WORD = 'beside'")
    done = ran(tmp_path, WHOLE, "--help", "--engine", "a b")
    words = "['one.py', '--help', '--engine', 'a b']"
    assert done.stdout == f"__main__ {tmp_path / 'one.py'} {words} beside Foo1 1.0.0\n"
    assert done.returncode == 7


def test_filters_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "net.prototxt").write_text("""
        layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 1 dim: 8 dim: 8 } } }
        layer { name: "conv1" type: "Convolution" bottom: "x" top: "y" convolution_param { num_output: 4 kernel_size: 5
                weight_filler { type: "xavier" } } }""")
    text = """
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
import caffe
net = caffe.Net("net.prototxt", caffe.TEST)
plt.imshow(net.params["conv1"][0].data[:, 0].reshape(2, 2, 5, 5).transpose(0, 2, 1, 3).reshape(10, 10), cmap="gray")
plt.savefig("filters.png")
plt.show()
"""
    assert ran(tmp_path, text).returncode == 0
    assert (tmp_path / "filters.png").read_bytes()[:4] == b"\x89PNG"


def test_an_exception_is_shown_as_python_shows_it(tmp_path):
    done = ran(tmp_path, "import caffe\ndef inner():\n    raise OSError('deep')\ninner()\n")
    lines = done.stderr.splitlines()
    assert (done.returncode, lines[0], lines[-1]) == (1, "Traceback (most recent call last):", "OSError: deep")
    assert lines[1] == f'  File "{tmp_path / "one.py"}", line 4, in <module>' and "script.py" not in done.stderr
    done = ran(tmp_path, "x = (1,\ny = 2\n")
    assert done.returncode == 1 and done.stderr.splitlines()[0] == f'  File "{tmp_path / "one.py"}", line 1'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import caffe\nprint 'hello'\n", ["one.py:2", "Python 2", "print 'hello'"]),
        ("try:\n    pass\nexcept ValueError, e:\n    pass\n", ["one.py:3", "Python 2"]),
        ("if 1:\n        x = 1\n\ty = 2\n", ["one.py:3", "Python 2"]),
        ("import sys\nprint >>sys.stdout, 'hello'\n", ["one.py:2", "Python 2", "print >>sys.stdout"]),
        ("for i in range(1):\n    xrange(3)\n", ["one.py:2", "Python 2", "xrange(3)"]),
        ("def f(d):\n    return d.iteritems()\nf({})\n", ["one.py:2", "Python 2", "iteritems"]),
        ("import old\n", ["old.py:1", "Python 2", "print 1"]),
        ("import cPickle\n", ["one.py:1", "Python 2", "cPickle"]),
        ("import caffe\nimport not_there.at_all\n", ["one.py:2", "not_there", "pip install not_there"]),
        ("import caffe.not_there\n", ["one.py:1", "no module caffe.not_there"]),
        ("import caffe\ncaffe.Net('none.prototxt', caffe.TEST)\n", ["one.py:2", "none.prototxt", "cannot be read"]),
        ("import caffe\ncaffe.NCCL(1, 'x')\n", ["one.py:2", "NCCL", "torchrun"]),
    ],
)
def test_mistakes_are_one_line(tmp_path, text, says):
    assert_refused(ran(tmp_path, text), *says)


def test_files_that_are_no_script(tmp_path):
    assert_refused(run_verb("run-script", "none.py", cwd=tmp_path), "none.py", "No such file")
    assert_refused(run_verb("run-script", tmp_path, cwd=tmp_path), tmp_path, "directory")
    assert_refused(run_verb("run-script", "a.ipynb", cwd=tmp_path), "a.ipynb", "notebook", "as_caffe")
    assert_refused(run_verb("run-script", cwd=tmp_path), "script")
