"""Segmenting needs a model and an image: neither the simulator nor what evaluations compare with."""

import subprocess
import sys

from support import ROOT

CODE = """
import sys
import cellseg.segmentation, cellseg.segmentation.batch, cellseg.segmentation.work
print(*sys.modules)
"""


def test_segmenting_loads_neither_simulator_nor_baselines():
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "cellseg.segmentation.model" in loaded
    for name in ("cellseg.simcep", "cellseg.evaluation", "cellseg.training", "cellseg.report", "noise"):
        assert name not in loaded
