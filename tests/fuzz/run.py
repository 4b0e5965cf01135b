"""Try damaged files of some formats, in a process of its own with limits: python -m fuzz.run SEED NAME=COUNT ...

Each attempt prints its number first, so that one which ends the process is known. Further lines are faults.
"""

import collections
import contextlib
import io
import os
import random
import resource
import signal
import sys
import traceback
import warnings
from pathlib import Path

SECONDS = 10  # of computing, for one attempt
MEMORY = 3 << 30  # bytes of addresses beyond what the libraries take


class SlowError(BaseException):
    """An attempt that takes too long."""


def main(seed, *formats):
    """Make whole files in a folder for each format, and read damaged ones in their place."""
    signal.signal(signal.SIGVTALRM, _too_slow)
    for one in formats:
        name, count = one.split("=")
        Path(name).mkdir()
        with contextlib.chdir(name):
            _try(name, int(count), int(seed))


def _try(name, count, seed):
    from fuzz.formats import FORMATS

    attempt, damage, files = FORMATS[name]()
    whole = {path: path.read_bytes() for path in files}
    outcomes = collections.Counter()
    attempt()  # of the whole files; loads libraries, too
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, -1))
    for number in range(seed, seed + count):
        print(f"{name} {number}", flush=True)
        rng = random.Random(number)
        for path, content in whole.items():
            path.write_bytes(content)
        path = rng.choice(list(whole))
        path.write_bytes(damage(whole[path], rng, list(whole.values())))
        outcome = _outcome(attempt)
        outcomes[outcome.split(":")[0]] += 1
        if outcome not in ("read", "refused"):
            Path(f"fault-{number}{path.suffix}").write_bytes(path.read_bytes())
            print(f"FAULT {name} {number} {path}: {outcome}", flush=True)
    print(f"{name}: {dict(outcomes)}")


def _outcome(attempt):
    from cellseg.errors import CellsegError

    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    said = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            warnings.simplefilter("ignore")
            attempt()
    except CellsegError as error:
        text = str(error)
        return "refused" if text.isprintable() and len(text) <= 1000 else f"badly refused: {text!r}"
    except SlowError:
        return "slow: "
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)
        ours = ([frame for frame in where if "/cellseg/" in frame.filename] or list(where))[-1]
        return f"fault: {error!r:.300} at {ours.filename}:{ours.lineno}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return "read"


def _too_slow(*_):
    raise SlowError


if __name__ == "__main__":
    main(*sys.argv[1:])
