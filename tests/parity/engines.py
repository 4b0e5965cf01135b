"""The same plain pycaffe script on real Caffe and on the embedded engine, each in a fresh process."""

import os
from pathlib import Path

import numpy as np
from nets import execute
from support import caffe_program

from cellseg.engine.process import Child

#: One, unless the environment says otherwise (see tests/conftest.py).
THREADS = int(os.environ.get("OPENBLAS_NUM_THREADS") or 1)
#: Engine to compare with; `run` lets both compute on the processor.
REFERENCE = "caffe" if caffe_program("python") else "torch"


def run(name, folder, script, **given):
    """Run `script` in `folder`.

    Parameters
    ----------
    name : {"caffe", "torch"}
        The engine.
    folder : path
    script : str
        Has `caffe`, `np` and the dict `given`, and puts arrays into the dict `found`.
    **given
        What can be pickled.

    Returns
    -------
    found : dict of str to ndarray
    log : str
        What the engine wrote to standard error.
    """
    log = Path(folder) / f"{name}.log"
    log.unlink(missing_ok=True)
    with Child(name, log, threads=THREADS, environment={"GLOG_minloglevel": "0"}, folder=folder) as child:
        return child.call(execute, name, script, given), log.read_text()


def run_both(folder, script, **given):
    """The arrays that a script finds on the embedded engine, and on real Caffe."""
    return tuple(run(name, folder, script, **given)[0] for name in ("torch", "caffe"))


def assert_close(ours, theirs, tolerance, what):
    """Arrays of the same names differ by at most `tolerance`, relative to the largest number of each of theirs."""
    assert set(ours) == set(theirs)
    differences = {}
    for name, array in theirs.items():
        assert ours[name].shape == array.shape, (name, ours[name].shape, array.shape)
        assert np.isfinite(array).all(), name
        largest = np.abs(array).max() if array.size else 0
        differences[name] = float(np.abs(ours[name] - array).max() / largest) if largest else float(ours[name].any())
    worst = max(differences, key=differences.get)
    print(f"{what}: largest relative difference {differences[worst]:.2g} ({worst}), {len(differences)} arrays")
    assert differences[worst] <= tolerance, {name: value for name, value in differences.items() if value > tolerance}


def difference(ours, theirs):
    """Largest difference of arrays that are to be equal bit for bit; infinite if shapes or signs of zeros differ."""
    ours, theirs = np.ascontiguousarray(ours), np.ascontiguousarray(theirs)
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return np.inf
    if ours.tobytes() == theirs.tobytes():
        return 0.0
    return float(np.abs(ours.astype(float) - theirs).max()) or np.inf
