"""What every tool does alike at its edges: the right Python, one line for a user's mistake, exit code 2."""

import argparse
import importlib.util
import os
import sys
from pathlib import Path

from cellseg import engine
from cellseg.errors import CellsegError

_ROOT = Path(__file__).resolve().parents[1]
_TRIED = "CELLSEG_TRIED"
_OF_A_DOOR = ("PYTHONHOME", "PYTHONPATH")  # what the door of .caffe/ sets for its own Python alone


class Parser(argparse.ArgumentParser):
    """An `argparse` parser whose complaints are one line, as all others."""

    def __init__(self, **options):
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**options)

    def parse_args(self, *arguments, **options):
        """Parse, and refuse empty values, as an unset variable of a shell gives them."""
        parsed = super().parse_args(*arguments, **options)
        for name, value in vars(parsed).items():
            if value == "":
                self.error(f"the value of {name} is empty")
        return parsed

    def error(self, message):
        """Refuse the arguments."""
        raise CellsegError(f"{message}; --help lists the options")


def need(*modules, engine_name=None, fallback="auto"):
    """Go on under a Python that `make` made, if this one lacks the engine or one of `modules`.

    A tool calls this before it imports them. It does not return if it goes on elsewhere.

    Parameters
    ----------
    *modules : str
    engine_name : str
        See `cellseg.engine.load`; None if the tool needs no engine.
    fallback : str
        The engine on whose Python a tool that needs none goes on.

    Raises
    ------
    CellsegError
        If something is missing here and in every Python that `make` has made so far.
    """
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    missing += engine.missing(engine_name) if engine_name else []
    if not missing:
        return
    engine_name = engine_name or fallback
    tried = os.environ.get(_TRIED, "").split()
    for door in engine.doors(engine_name):
        path = str(_ROOT / door)
        if door not in tried and os.access(path, os.X_OK):
            others = {name: value for name, value in os.environ.items() if name not in _OF_A_DOOR}
            sys.stdout.flush()
            os.execve(path, [path, *sys.argv], {**others, _TRIED: " ".join([*tried, door])})
    raise CellsegError(f"this Python ({sys.executable}) lacks {', '.join(missing)}; {engine.advice(engine_name)}")


def run(main):
    """Call ``main()`` and end the process with its exit code.

    A `CellsegError`, a file that the system refuses and a Ctrl-C become one line on standard error and exit code 2; a
    reader that closed our output (``| head``) ends the tool quietly. Any other exception is a defect of ours and
    keeps its traceback.
    """
    try:
        code = main() or 0
        sys.stdout.flush()
    except CellsegError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 1
    except OSError as error:
        print(
            f"error: {error.filename or 'output'}: {error.strerror or error}; check the place and its rights",
            file=sys.stderr,
        )
        code = 2
    sys.exit(code)
