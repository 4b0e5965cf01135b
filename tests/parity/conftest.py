"""Every test of this folder compares the embedded engine with real Caffe: it needs PyTorch here and `make caffe`."""

import importlib.util
import os
from pathlib import Path

import pytest

collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["test_*.py"]


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    missing = not os.environ.get("CELLSEG_PYTHON") and not (here.parents[1] / ".caffe" / "bin" / "python").exists()
    for item in items:
        if here in Path(str(item.fspath)).parents:
            item.add_marker(pytest.mark.parity)
            if missing:
                item.add_marker(pytest.mark.skip(reason="needs real Caffe: make caffe"))
