"""Damaged lists of HDF5 files, and damaged files: read as they are, or refused in one line. Runs in a child process."""

import collections
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

LISTS, FILES = (2000, 6000) if os.environ.get("CELLSEG_FUZZ") else (2000, 800)
TIME = None if os.environ.get("CELLSEG_FUZZ") else 300  # seconds for all
SECONDS = 10  # for one attempt
PIECES = [
    b"\n",
    b" ",
    b"\t",
    b"\x00",
    b"\xff",
    b"\x85",
    b"\xe2\x80\xa8",
    b"..",
    b"/",
    b"\\",
    b"a.h5",
    b"none",
    b"#",
    b'"',
]


@pytest.mark.parametrize("kind", ["lists", "files"])
def test_damage_is_refused_in_one_line(tmp_path, kind):
    command = [sys.executable, __file__, kind]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    done = subprocess.run(
        command,
        cwd=str(tmp_path),
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIME,
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"seed {lines[-1] if lines else 0}: exit {done.returncode}\n{done.stderr[-2000:]}"
    print(lines[-1])
    assert "not refused well" not in done.stdout, [line for line in lines if "not refused well" in line]


def damaged(content, seed, pieces=()):
    """Bytes with a few changes, most of them in the first half, where HDF5 files say what they hold."""
    rng, content = random.Random(seed), bytearray(content)
    if rng.random() < 0.1:
        return bytes(content[: rng.randrange(len(content))])
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        place = rng.randrange(len(content) if rng.random() < 0.5 else len(content) // 2)
        if pieces and rng.random() < 0.6:
            content[place : place + rng.randrange(3)] = rng.choice(pieces)
        else:
            content[place] = rng.choice([0, 1, 255, rng.randrange(256), content[place] ^ 1 << rng.randrange(8)])
        content = content or bytearray(b"\n")
    return bytes(content)


def attempt(tops):
    """What became of reading two batches of ``list.txt``."""
    from cellseg.engine.torch.hdf5_rows import HDF5Rows
    from cellseg.engine.torch.random import CRand
    from cellseg.errors import CellsegError

    try:
        rows = HDF5Rows("list.txt", tops, True, CRand())
        for _ in range(2):
            batch = rows.take(5)
            assert [tuple(tensor.shape) for tensor in batch] == [(5, *shape) for shape in rows.shapes]
            assert all(tensor.isfinite().all() for tensor in batch)
    except CellsegError as error:
        said = str(error)
        return "refused" if said.isprintable() and len(said) < 1000 else f"not refused well: {said!r}"
    except Exception as error:
        return f"not refused well: {error!r}"
    return "read"


def write_files():
    """``a.h5`` as h5py writes by itself, ``b.h5`` compressed in pieces, ``c.h5`` in the newest form; rows are alike."""
    import h5py
    import numpy as np

    data, label = np.random.RandomState(0).rand(6, 1, 4, 4).astype(np.float32), np.arange(6, dtype=np.uint8)
    pieces = {"chunks": True, "compression": "gzip", "shuffle": True, "fletcher32": True}
    for name, how, version in (("a", {}, "earliest"), ("b", pieces, "earliest"), ("c", pieces, "latest")):
        with h5py.File(f"{name}.h5", "w", libver=version) as file:
            file.create_dataset("data", data=data, **how)
            file.create_dataset("label", data=label, **how)


def main(kind):
    write_files()
    whole = {name: Path(name).read_bytes() for name in ("a.h5", "b.h5", "c.h5")}
    counts = collections.Counter()
    Path("list.txt").write_bytes(b"a.h5 b.h5 c.h5")
    assert attempt(["data", "label"]) == "read"  # it also imports PyTorch, which may take longer than an attempt
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    for seed in range(LISTS if kind == "lists" else FILES):
        print(seed, flush=True)
        if kind == "lists":
            Path("list.txt").write_bytes(damaged(b"a.h5\nb.h5\nc.h5\nb.h5\n", seed, PIECES))
        else:
            Path("list.txt").write_bytes(b"a.h5 damaged.h5")
            Path("damaged.h5").write_bytes(damaged(list(whole.values())[seed % 3], seed))
        signal.alarm(SECONDS)
        outcome = attempt(["data", "label"])
        signal.alarm(0)
        counts[outcome] += 1
        if outcome not in ("read", "refused"):
            print(seed, outcome)
    if min(counts["read"], counts["refused"]) < 100:
        print("not refused well: the damage is too great or too small")
    print(dict(counts))


if __name__ == "__main__":
    main(sys.argv[1])
