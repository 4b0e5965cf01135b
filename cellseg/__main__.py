"""The installed command: ``cellseg segment ...``; also ``python -m cellseg``."""

import sys

from cellseg import cli
from cellseg.commands import segment
from cellseg.errors import CellsegError

_COMMANDS = {"segment": segment.main}
_HELP = """usage: cellseg COMMAND ...

  segment    segment images with a trained model: masks, numbered cells, pictures and tables

cellseg COMMAND --help explains a command. What trains and evaluates models are the scripts in tools/ of the sources."""


def main():
    """Run the command that is asked for and end the process."""
    cli.run(_run)


def _run():
    name, rest = (sys.argv[1:2] or ["--help"])[0], sys.argv[2:]
    if name in ("-h", "--help"):
        print(_HELP)
        return 0
    if name not in _COMMANDS:
        raise CellsegError(f"no command is called '{name}'; there are: {', '.join(_COMMANDS)}")
    return _COMMANDS[name](rest, f"cellseg {name}")


if __name__ == "__main__":
    main()
