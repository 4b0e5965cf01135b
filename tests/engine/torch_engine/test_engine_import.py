"""Importing the engine leaves the process as it is; layers tell their shapes without PyTorch."""

import subprocess
import sys

import pytest
from support import ROOT

STATE = """
import ctypes, torch
calls = []
class Library:
    def __init__(self, name): pass
    def __getattr__(self, name): calls.append(name); return lambda *arguments: 1
ctypes.CDLL = Library
flags = lambda: (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32, torch.get_num_threads(),
                 torch.get_default_dtype(), torch.is_grad_enabled(), torch.initial_seed())
before = flags()
"""
IMPORT = (
    STATE
    + """
import cellseg.engine.torch
assert calls == [] and flags() == before, (calls, before, flags())
"""
)
LOAD = (
    IMPORT
    + """
import cellseg.engine
cellseg.engine.load("torch")
assert calls == ["mallopt"] and flags()[:2] == (False, False), (calls, flags())
"""
)
TRACE = """
import sys
sys.modules["torch"] = None
from cellseg.engine.geometry import receptive_field
from cellseg.network import Fcn
assert receptive_field(Fcn()) == 38
"""


@pytest.mark.parametrize("script", [IMPORT, LOAD, TRACE], ids=["import", "load", "trace"])
def test_in_a_fresh_interpreter(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
