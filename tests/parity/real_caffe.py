"""Ask real Caffe: run a few lines of Python in a fresh process of `.caffe/bin/python`."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np

PYTHON = Path(__file__).resolve().parents[2] / ".caffe" / "bin" / "python"
_BEFORE = (
    "import json, sys; import caffe, numpy as np; caffe.set_mode_cpu(); given = json.load(sys.stdin); found = {}\n"
)
_AFTER = "\nnp.savez('found.npz', **found)\n"


def ask(folder, script, **given):
    """Run `script` in `folder`.

    Parameters
    ----------
    folder : path
        Where it runs, and where its files are.
    script : str
        Has `caffe`, `np` and `given`, and puts arrays into `found`.
    **given
        What JSON can hold.

    Returns
    -------
    dict of str to ndarray
        What it found.
    """
    environment = {**os.environ, "GLOG_minloglevel": "2", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": ""}
    done = subprocess.run(
        [str(PYTHON), "-c", _BEFORE + script + _AFTER],
        cwd=str(folder),
        env=environment,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(Path(folder) / "found.npz") as found:
        return dict(found)


def difference(ours, theirs):
    """Largest difference of arrays that are to be equal bit for bit; infinite if shapes or signs of zeros differ."""
    ours, theirs = np.ascontiguousarray(ours), np.ascontiguousarray(theirs)
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return np.inf
    if ours.tobytes() == theirs.tobytes():
        return 0.0
    return float(np.abs(ours.astype(float) - theirs).max()) or np.inf
