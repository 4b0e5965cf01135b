"""Every test of this folder compares the embedded engine with real Caffe: it needs PyTorch here and `make caffe`."""

from pathlib import Path

import pytest

pytest.importorskip("torch")


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    missing = not (here.parents[1] / ".caffe" / "bin" / "python").exists()
    for item in items:
        if here in Path(str(item.fspath)).parents:
            item.add_marker(pytest.mark.parity)
            if missing:
                item.add_marker(pytest.mark.skip(reason="needs real Caffe: make caffe"))
