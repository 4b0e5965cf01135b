"""Every test of this folder compares the embedded engine with real Caffe: it needs PyTorch here and `make caffe`."""

import importlib.util
from pathlib import Path

import pytest
from support import caffe_program

collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["test_*.py"]


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    missing = caffe_program("python") is None
    for item in items:
        if here in Path(str(item.fspath)).parents:
            item.add_marker(pytest.mark.parity)
            if missing:
                item.add_marker(pytest.mark.skip(reason="needs real Caffe: make caffe"))
