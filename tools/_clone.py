"""Run a verb of `cellseg` from a clone that is not installed. Old Pythons can read this file; they are refused."""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
LEAST = (3, 11)


def enter():
    """Find `cellseg`, and go on under `.venv/` if this Python lacks the libraries; `make venv` makes it."""
    python = os.path.join(VENV, "bin", "python")
    if os.access(python, os.X_OK) and os.path.realpath(sys.prefix) != os.path.realpath(VENV) and lacks_libraries():
        others = dict(os.environ)
        for name in ("PYTHONHOME", "PYTHONPATH"):  # may be meant for this Python alone
            others.pop(name, None)
        sys.stdout.flush()
        os.execve(python, [python] + sys.argv, others)
    if sys.version_info < LEAST:
        about = "error: this is Python {0}.{1} ({2}); cellseg needs Python {3}.{4} or newer\n"
        sys.stderr.write(about.format(sys.version_info[0], sys.version_info[1], sys.executable, *LEAST))
        sys.exit(2)
    sys.path[0] = ROOT


def lacks_libraries():
    """Say whether this Python is too old or has not what cellseg is made of."""
    if sys.version_info < LEAST:
        return True
    from importlib.util import find_spec

    return any(find_spec(name) is None for name in ("h5py", "msgspec", "noise", "numpy", "scipy", "torch", "tqdm"))


def run(verb):
    """Run a verb with the options of the command line, and end the process."""
    enter()
    from cellseg import cli, commands

    cli.run(lambda: commands.main([verb] + sys.argv[1:]))
