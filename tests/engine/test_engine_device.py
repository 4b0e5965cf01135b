"""Whether real Caffe computes on a GPU, which is tried in a child process: with a stand-in for pycaffe."""

import os
import subprocess
import sys
import textwrap

import pytest
from nets import described_by

from cellseg import engine
from cellseg.engine import process

_CAFFE = """
import os

__version__, TEST, said = "1.0.0", 1, []


def set_mode_cpu():
    said.append("cpu")


def set_mode_gpu():
    said.append("gpu")


def set_device(index):
    if os.environ["GPU"] == "none":
        os.write(2, b"F1123 13:00:00.000000  77 common.cpp:152] Check failed: (100 vs. 0) no device\\n")
        os.abort()
    said.append(index)


class Net:
    def __init__(self, path, phase):
        assert "ReLU" in open(path).read()

    def forward(self):
        if os.environ["GPU"] == "too new":
            os.write(2, b"F1123 13:00:00.000000  77 relu_layer.cu:26] Check failed: (209 vs. 0) no kernel image\\n")
            os.abort()

    @property
    def blobs(self):
        import numpy

        return {"y": type("Blob", (), {"data": numpy.zeros(1)})}
"""


@pytest.mark.parametrize(
    "gpu, said, words",
    [
        ("works", [0, "gpu"], "caffe 1.0.0 on cuda:0"),
        ("none", ["cpu"], "caffe 1.0.0 on cpu (no GPU: Check failed: (100 vs. 0) no device)"),
        ("too new", ["cpu"], "caffe 1.0.0 on cpu (no GPU: Check failed: (209 vs. 0) no kernel image)"),
    ],
)
def test_the_gpu_is_taken_where_a_kernel_runs_on_it(tmp_path, gpu, said, words):
    from support import ROOT

    (tmp_path / "caffe.py").write_text(_CAFFE)
    code = """
        import sys
        sys.path[:0] = sys.argv[1:]
        from cellseg import engine
        caffe = engine.load("caffe")
        print(caffe.said)
        print(engine.in_words(engine.describe(caffe)))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path), str(ROOT)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "GPU": gpu},
    )
    assert done.stdout.splitlines() == [str(said), words], done.stderr
    assert done.stderr == ""


@pytest.mark.caffe
def test_real_caffe_says_where_it_computes():
    described = process.call(described_by, "caffe", engine="caffe")
    assert (described["device"] == "cpu") == bool(described["no_gpu"])
    assert f"on {described['device']}" in engine.in_words(described)


def test_the_embedded_engine_says_where_it_computes():
    pytest.importorskip("torch")
    described = engine.describe(engine.load("torch"))
    assert engine.in_words(described) == "{name} {version} on {device}".format(**described)
