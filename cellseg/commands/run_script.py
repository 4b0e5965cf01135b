"""Run a Python script that was written for pycaffe, as it is, on any engine.

The engine takes the place of `import caffe`. Arguments after the script are the script's own. A script is a program:
run only what you trust.
"""

import argparse

from cellseg.commands import options


def add_arguments(parser):
    """Add the verb's options."""
    options.add_engine(parser)
    parser.add_argument("script", help="the script; options for cellseg stand before it")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="...", help="the script's own arguments")


def run(arguments):
    """Run the script; gives its exit code."""
    from cellseg.engine import script

    return script.run(arguments.script, arguments.words, arguments.engine)
