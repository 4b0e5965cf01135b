"""Every test of this folder compares the embedded engine with real Caffe: it needs PyTorch here and `make caffe`.

CELLSEG_PARITY_DEVICE=cuda lets the engine compute on the GPU. Those tests that ask for `reference` then need no real
Caffe: without it they compare with the engine on the processor.
"""

import importlib.util
import os
from pathlib import Path

import pytest
from engines import REFERENCE
from support import caffe_program

DEVICE = os.environ.get("CELLSEG_PARITY_DEVICE")

collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["test_*.py"]


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    missing = caffe_program("python") is None
    for item in items:
        if here in Path(str(item.fspath)).parents:
            item.add_marker(pytest.mark.parity)
            if missing and not (DEVICE and "reference" in item.fixturenames):
                item.add_marker(pytest.mark.skip(reason="needs real Caffe: make caffe"))


@pytest.fixture(autouse=True, scope="session")
def device():
    """Where the engine computes in this process."""
    from cellseg.engine import torch

    if DEVICE == "cuda":
        torch.prepare_process()
        torch.set_mode_gpu()


@pytest.fixture(scope="session")
def reference():
    """What the engine is compared with: an engine's name for `engines.run`."""
    return REFERENCE
