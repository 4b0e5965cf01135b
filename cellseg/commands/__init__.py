"""The verbs of the `cellseg` command, a module each.

The first line of a module says what its verb does, `add_arguments(parser)` adds its options to an `argparse` parser,
and `run(arguments)` does the work; it may give an exit code. Libraries are imported in `run`, so that `--help` is fast.
To add a verb, write its module and name it in `VERBS`.
"""

import difflib
import importlib
import os
import shlex
import sys

from cellseg import __version__, cli
from cellseg.commands import make_variables
from cellseg.errors import CellsegError

VERBS = (
    "simulate",
    "fetch",
    "data",
    "train",
    "runs",
    "evaluate",
    "table",
    "report",
    "experiment",
    "segment",
    "annotate",
    "models",
    "export",
    "prototxt",
    "inspect",
    "mean",
    "plot-log",
    "run-script",
)

_DESCRIPTION = "Microscopy cell segmentation with a fully convolutional network, on real Caffe or PyTorch."


def main(words=None):
    """Run a verb.

    Parameters
    ----------
    words : list of str, optional
        The verb and its options; by default those of the command line.

    Returns
    -------
    int or None
        Exit code.

    Raises
    ------
    CellsegError
        If there is no such verb or option, or the verb cannot do what it should.
    """
    words = sys.argv[1:] if words is None else [str(word) for word in words]
    words = words or ["--help"]
    verb = next((word for word in words if not word.startswith("-")), None)
    if verb and verb not in VERBS:
        close = difflib.get_close_matches(verb, VERBS, 1)
        hint = f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(VERBS)}"
        raise CellsegError(f"no verb is called '{verb}'; {hint}")
    words = make_variables.expand(words, getattr(module(verb), "MAKE_VARIABLES", ())) if verb else words
    arguments = parser(verb).parse_args(words)
    arguments.command = shlex.join(["cellseg", *words])
    together = getattr(arguments, "stage", None) or arguments.verb == "run-script"
    if os.environ.get("WORLD_SIZE", "1") != "1" and not together:
        raise CellsegError("torchrun starts `cellseg train STAGE` (pretrain, finetune, resume) and run-script alone")
    return module(arguments.verb).run(arguments)


def parser(verb):
    """The parser of the whole command, with the options of one verb only: those of others are not needed."""
    whole = cli.Parser(prog="cellseg", description=_DESCRIPTION, epilog="cellseg VERB --help explains a verb.")
    whole.add_argument("--version", action="version", version=f"cellseg {__version__}")
    verbs = whole.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")
    for name in VERBS:
        about = module(name).__doc__
        one = verbs.add_parser(name, help=about.splitlines()[0].rstrip("."), description=about)
        if name == verb:
            module(name).add_arguments(one)
    return whole


def module(verb):
    """The module of a verb."""
    return importlib.import_module(f"cellseg.commands.{verb.replace('-', '_')}")
