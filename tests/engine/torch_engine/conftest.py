"""Tests of the embedded engine: skipped in a Python without PyTorch."""

import importlib.util

import pytest

collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["test_*.py"]


@pytest.fixture
def caffe():
    """The embedded engine, its streams and device as in a fresh process."""
    from cellseg import engine
    from cellseg.engine.torch.context import Context, context

    module = engine.load("torch")
    module.set_mode_cpu()
    context.random, context.rand = Context().random, Context().rand
    module.set_random_seed(1)
    return module


@pytest.fixture
def make_net(caffe, tmp_path):
    """A function that makes a net from the text of its prototxt."""

    def make(text, phase=0, **options):
        (tmp_path / "net.prototxt").write_text(text)
        return caffe.Net(str(tmp_path / "net.prototxt"), phase, **options)

    return make
