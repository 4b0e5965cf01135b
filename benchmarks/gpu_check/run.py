"""A step in a process of its own, with a time limit."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from pathlib import Path

from cellseg.engine.process import Child
from cellseg.errors import CellsegError

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Setting:
    """What a step is told.

    Attributes
    ----------
    folder : str
        For what it makes.
    small : bool
        Whether this is a rehearsal: on the processor, with small sizes.
    gpus : int
        That may be used; 0 in a rehearsal.
    capability : str
        Of the first GPU, such as "9.0".
    data : str or None
        Folder of a simulated data set that is there already.
    """

    folder: str
    small: bool = False
    gpus: int = 0
    capability: str = ""
    data: str | None = None

    def on(self, found):
        """The same, with what the step "machine" has found."""
        gpus = 0 if self.small else found.get("gpus", 0)
        return replace(self, small=not gpus, gpus=gpus, capability=found.get("capability", ""))


@dataclass(frozen=True)
class Step:
    """A step: what it is called on the page, what it does with a `Setting`, and after how many seconds it is ended.

    The function gives a dict of what it found, in values that JSON can hold. ``failed`` in it says what is wrong,
    ``skipped`` why it could not be tried.
    """

    title: str
    function: Callable
    seconds: int


@dataclass(frozen=True)
class Result:
    """How a step ended: passed, failed, out of time or left out, and why if it did not pass."""

    name: str
    title: str
    status: str
    why: str
    seconds: float
    limit: float
    found: dict = field(default_factory=dict)


def run_step(name, step, setting, limit, log):
    """Run a step.

    Parameters
    ----------
    name : str
    step : Step
    setting : Setting
    limit : float
        Seconds; if it is less than 1, the step is not begun.
    log : path
        File for what its libraries say.

    Returns
    -------
    Result
    """
    started, found, status, why = time.monotonic(), {}, "passed", ""
    if limit < 1:
        return Result(name, step.title, "out of time", "the steps before it took all", 0, 0)
    try:
        with Child(log=log) as child:
            child.send(step.function, setting)
            if wait([child], limit):
                found = child.receive()[1]
            else:
                status, why = "out of time", f"it was ended after {limit:.0f} s"
                child.terminate()
    except (CellsegError, OSError) as error:
        status, why = "failed", str(error)
    for key, other in (("skipped", "left out"), ("failed", "failed")):
        if key in found:
            status, why = other, found.pop(key)
    return Result(name, step.title, status, why, round(time.monotonic() - started, 1), round(limit, 1), found)


def run_command(words, folder, **environment):
    """Run a command in the project's folder, with all that it starts in a group of its own.

    Parameters
    ----------
    words : sequence
    folder : path
        Where its output is kept, as ``command.log``.
    **environment : str
        Changes to the environment.

    Returns
    -------
    str
        Its output.

    Raises
    ------
    CellsegError
        If its exit code is not 0; the message has its last line.
    """
    words, log = list(map(str, words)), Path(folder) / "command.log"
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    given = {**os.environ, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1", **environment}
    with log.open("w") as output:
        options = {"stdout": output, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
        process = subprocess.Popen(words, cwd=ROOT, env=given, start_new_session=True, **options)
        try:
            process.wait()
        except KeyboardInterrupt:  # torchrun ends its processes, which are in no group of ours, itself
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            raise
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    text = log.read_text(errors="replace")
    if process.returncode:
        last = next(filter(None, map(str.strip, reversed(text.splitlines()))), "")
        raise CellsegError(f"{' '.join(words[:4])} ... ended with {process.returncode}: {last} (all of it: {log})")
    return text
