"""What all commands do alike: one line for a user's mistake, exit code 2."""

import argparse
import importlib.util
import os
import sys

from cellseg.errors import DISTRIBUTION, CellsegError, install
from cellseg.interrupts import is_interrupt, listen

_ADVICE = f"run: pip install {DISTRIBUTION}, or in a clone: make venv"


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


def number(least, most=float("inf"), kind=int):
    """Give a `type` for an option that takes a number in a range.

    Parameters
    ----------
    least, most : int or float
    kind : {int, float}

    Returns
    -------
    callable
    """

    def convert(text):
        value = kind(text)
        if not least <= value <= most:
            span = f"{least} or more" if most == float("inf") else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"{text} is not {span}")
        return value

    convert.__name__ = kind.__name__  # which argparse shows where `kind` refuses the text
    return convert


def need(extra, *modules):
    """Check that libraries of an optional extra are installed, before they are imported.

    Parameters
    ----------
    extra : str
        The distribution's extra that brings them.
    *modules : str

    Raises
    ------
    CellsegError
        If one is missing.
    """
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if "matplotlib" in modules:  # we draw into files; it does not start with a name of a screen that it does not know
        os.environ["MPLBACKEND"] = "agg"
    if missing:
        raise CellsegError(f"this Python ({sys.executable}) lacks {', '.join(missing)}; run: {install(extra)}")


def exit_code(main):
    """Call ``main()`` and give the exit code with which the process should end.

    A `CellsegError`, a file that the system refuses and a Ctrl-C become one line on standard error and exit code 2. A
    library that is not installed does so, too. A reader that closed our output (``| head``) ends the command quietly.
    Any other exception is a defect of ours and keeps its traceback.
    """
    try:
        code = main() or 0
        sys.stdout.flush()
        return code
    except CellsegError as error:
        if error.details:
            print(error.details, file=sys.stderr)
        return _refuse(f"error: {error}")
    except KeyboardInterrupt:
        return _refuse("interrupted")
    except BrokenPipeError:
        _drop_output()
        return 1
    except OSError as error:
        where = error.filename or "output"
        if not error.filename:
            _drop_output()  # else Python would try again at its end
        return _refuse(f"error: {where}: {error.strerror or error}; check the place and its rights")
    except ImportError as error:
        if is_interrupt(error):
            return _refuse("interrupted")
        if not isinstance(error, ModuleNotFoundError) or (error.name or "cellseg").split(".")[0] == "cellseg":
            raise
        return _refuse(f"error: this Python ({sys.executable}) lacks {error.name}; {_ADVICE}")


def run(main):
    """Call ``main()`` as `exit_code` does, and end the process; SIGTERM and SIGHUP do what Ctrl-C does."""
    _open_closed_streams()
    listen()
    if sys.stdout is not None:
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be no text
    sys.exit(exit_code(main))


def _drop_output():
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _open_closed_streams():
    """Open what the caller has closed (``>&-``): else the next file that is opened would get all that is printed."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, this one
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115


def _refuse(line):
    print(line, file=sys.stderr)
    return 2
