"""The option ``--fork NAME`` of commands that read nets; it loads nothing, so that their help is fast."""

import os

#: Names the fork of Caffe to take wherever it has a layer; see `cellseg.engine.forks`. Child processes inherit it.
VARIABLE = "CELLSEG_FORK"


def add_fork(parser):
    """Add the option."""
    parser.add_argument("--fork", metavar="NAME", help="take layers as in this fork of Caffe, where it has them")


def take_fork(arguments):
    """Heed the option."""
    if arguments.fork:
        os.environ[VARIABLE] = arguments.fork
