"""Verbs that are killed at any time, and run again: python -m fuzz.kills SEED COUNT [VERB ...], in an empty folder.

The second run must end as one that nothing disturbed: the same files with the same bytes, but for those that differ
between two undisturbed runs (times stand in them) and the record of our files (it keeps the digests of two runs). No
process of the first run is left, and nothing in the folder for temporary files. Lines that begin with FAULT are what
went wrong.
"""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

from support import ROOT

from cellseg.results import RECORD

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)
#: Verb to its options; OUT is the folder for its results.
VERBS = {
    "simulate": "--out OUT --count 3 --size 64 64 --set population.N=3",
    "segment": "images --out OUT --model model/net.caffemodel --roi",
    "evaluate": "judged/net.caffemodel --data real/test --out OUT",
    "train": "pretrain --data data --out OUT --batch 5 --features 4 --epochs 6",
    "export": "model/net.caffemodel --out OUT --author Ada",
    "report": "experiment --out OUT",
}
_PATIENCE = 120  # seconds for what a killed process has started, on a machine that has other things to do


def main(seed, count, *verbs):
    """Make the inputs, and kill each verb in turn."""
    verbs, folder = verbs or tuple(VERBS), Path.cwd()
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored, here and in what is started
    if set(verbs) != {"simulate"}:
        write_inputs(folder)
    whole = {verb: _Whole(verb, folder) for verb in verbs}
    for number in range(int(seed), int(seed) + int(count)):
        verb = verbs[number % len(verbs)]
        faults = whole[verb].kill(random.Random(number))
        print(f"{verb} {number}: {whole[verb].about}", flush=True)
        for fault in faults:
            print(f"FAULT {verb} {number}, {whole[verb].about}: {fault}", flush=True)


class _Whole:
    """What a verb makes when nothing disturbs it."""

    def __init__(self, verb, folder):
        self.verb, self.folder, self.about = verb, folder, ""
        pair = []
        for name in ("whole", "again"):
            started = time.monotonic()
            done = self._run(out := folder / f"{verb}-{name}")
            assert done.returncode == 0, done.stderr
            self.seconds = time.monotonic() - started
            pair.append(_digests(out))
        assert set(pair[0]) == set(pair[1])
        self.files = {name: digest if pair[1][name] == digest else None for name, digest in pair[0].items()}
        assert any(self.files.values()), "no file is the same in two runs"

    def kill(self, rng):
        """Kill it once, run it again; gives what is wrong then."""
        out, token = self.folder / f"{self.verb}-killed", uuid.uuid4().hex
        number, group, later = rng.choice(SIGNALS), rng.random() < 0.5, rng.random() < 0.5
        earlier, moment = rng.random() < 0.3 and self.verb != "train", rng.uniform(0.02, 1) * self.seconds
        if earlier:
            shutil.copytree(self.folder / f"{self.verb}-whole", out)
        self.about = f"{number.name} after {moment:.2f} of {self.seconds:.2f} s" + ", the whole group" * group
        self.about += ", over an earlier result" * earlier
        process = self._start(out, token)
        time.sleep(moment)
        (os.killpg if group else os.kill)(process.pid, number)
        first = process.communicate(timeout=_PATIENCE)[1]
        if later:
            self._wait(token)
        faults = ["a traceback: " + first[-300:]] if "Traceback" in first else []
        done = self._run(out, token)
        faults += [f"the second run ended with {done.returncode}: {done.stderr[-300:]}"] if done.returncode else []
        faults += [f"process {left} is still there" for left in self._wait(token)]
        found = _digests(out) if out.exists() else {}
        faults += [f"{name} is left over" for name in sorted(set(found) - set(self.files))]
        faults += [f"{name} is missing" for name in sorted(set(self.files) - set(found))]
        same = {name: digest for name, digest in self.files.items() if digest and not name.endswith(RECORD)}
        faults += [f"{name} differs" for name, digest in same.items() if found.get(name, digest) != digest]
        beside = [path.name for path in self.folder.iterdir() if path.name.startswith(".")]
        faults += [f"{name} is left over" for name in [*beside, *os.listdir(self.folder / "tmp")]]
        for path in [*self.folder.glob(f"{self.verb}-killed*"), *self.folder.glob(".*"), *self.folder.glob("tmp/*")]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return faults

    def _start(self, out, token=""):
        (self.folder / "tmp").mkdir(exist_ok=True)
        words = VERBS[self.verb].replace("OUT", out.name).split()
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(self.folder / "tmp"),
            "OMP_NUM_THREADS": "1",
            "CELLSEG_KILLS": token,
        }
        return subprocess.Popen(
            [sys.executable, "-m", "cellseg", self.verb, *words],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _run(self, out, token=""):
        process = self._start(out, token)
        errors = process.communicate(timeout=200)[1]
        return subprocess.CompletedProcess(process.args, process.returncode, "", errors)

    def _wait(self, token):
        """Wait for all processes with a token in their environment; gives those that do not end."""
        limit = time.monotonic() + _PATIENCE
        while (left := _processes(token)) and time.monotonic() < limit:
            time.sleep(0.1)
        return left


def _processes(token):
    found, mark = [], f"CELLSEG_KILLS={token}".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def _digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(_without_times(path)).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _without_times(path):
    """The bytes of a file; of a training's history without the seconds, which two runs may share by chance."""
    content = path.read_bytes()
    if path.name == "history.csv":
        return b"\n".join(line.rpartition(b",")[0] for line in content.splitlines())
    return content


def write_inputs(folder):
    """Write what the verbs work on: images, annotated images, a model, a data set and an experiment.

    Parameters
    ----------
    folder : pathlib.Path
    """
    import numpy as np
    import tifffile
    from nets import save_random_weights
    from report.conftest import write_experiment
    from support import blobs, smooth

    from benchmarks.gpu_check.trainings import write_patches
    from cellseg.data.normalisation import normalise
    from cellseg.files import make_folder, sha256
    from cellseg.images.write import write_image
    from cellseg.models.settings import ModelSettings, write_settings
    from cellseg.network import Fcn, deploy_net

    for number in range(3):
        tifffile.imwrite(make_folder(folder / "images") / f"{number}.tif", smooth(48, 64, number))
    images, masks = blobs(2, 64)
    for number, (image, mask) in enumerate(zip(images, masks)):
        write_image(folder / f"real/test/images/{number}.png", (image * 50 + 5).astype(np.uint8))
        write_image(folder / f"real/test/masks/{number}.png", mask.astype(np.uint8) * 255)
    model = make_folder(folder / "model") / "net.caffemodel"
    (folder / "model/deploy.prototxt").write_text(deploy_net(Fcn(features=4), "net", 32, 32))
    save_random_weights(folder / "model/deploy.prototxt", model, 30, normalise(smooth(64, 64)))
    write_settings(
        model, ModelSettings(str(folder / "model/deploy.prototxt"), "percentile", 0.5, model_sha256=sha256(model))
    )
    shutil.copytree(folder / "model", folder / "judged")  # to evaluate changes the settings of a model
    write_patches(make_folder(folder / "data"))
    write_experiment(folder / "experiment", epochs=3)


if __name__ == "__main__":
    main(*sys.argv[1:])
