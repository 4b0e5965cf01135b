"""Starting a worker and asking it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from cellseg import engine
from cellseg.errors import CellsegError

_ROOT = Path(__file__).resolve().parents[1]
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Process:
    """A worker process (`benchmarks.worker`), to be used in a ``with`` statement.

    Parameters
    ----------
    entry : benchmarks.contenders.Entry
    folder : path
        Where it stands, with the task's files.
    effort : Effort

    Attributes
    ----------
    about : dict or None
        Its versions.
    missing : str or None
        Why it cannot take part.
    """

    def __init__(self, entry, folder, effort):
        self.entry = entry
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [_python(entry), "-m", "benchmarks.worker"],
            cwd=str(folder),
            env=_environment(effort),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            universal_newlines=True,
        )
        answer = self.ask("load", module=entry.module, option=entry.option)
        self.about, self.missing = answer.get("about"), answer.get("missing")

    def ask(self, request, **values):
        """Send a request, wait, and return the answer.

        Raises
        ------
        CellsegError
            If the worker ended instead.
        """
        try:
            print(json.dumps({"do": request, **values}), file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise CellsegError(f"{self.entry.title} stopped ({self._why()}); --skip {self.entry.name} leaves it out")
        return json.loads(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()
        self._messages.close()

    def _why(self):
        code = self._process.wait()
        self._messages.seek(0)
        lines = [line.strip() for line in self._messages.read().decode("utf-8", "replace").splitlines()]
        words = next((line for line in reversed(lines) if line and not line.startswith(("@", "***"))), "no message")
        return f"signal {-code}{', out of memory?' if code == -signal.SIGKILL else ''}: {words}" if code < 0 else words


def _python(entry):
    """Real Caffe has a Python of its own where `make caffe` put it; all others run under ours."""
    doors = engine.doors("caffe") if entry.option == "caffe" else []
    made = [str(_ROOT / door) for door in doors if os.access(str(_ROOT / door), os.X_OK)]
    return [*made, sys.executable][0]


def _environment(effort):
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), "GLOG_minloglevel": "2"}
    environment.update({name: str(effort.threads) for name in _THREADS})
    if effort.device == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return environment
