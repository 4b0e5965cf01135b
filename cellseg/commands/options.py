"""Options that several verbs share."""

import argparse
import os

from cellseg import cli, engine, memory
from cellseg.data.names import NORMALISATIONS, PUBLIC, RGB_RULES
from cellseg.models.shipped import DEFAULT
from cellseg.network.options import add_variant_options
from cellseg.recipes import RECIPES


def add_engine(parser, names=engine.NAMES):
    """Add --engine."""
    parser.add_argument("--engine", choices=names, default="auto", help="what runs the network (default: %(default)s)")
    add_memory(parser)


def add_memory(parser):
    """Add --memory, which reaches child processes through the environment."""
    text = "memory that a net may take, such as 8G; one that takes more is refused (default: this machine's)"
    parser.add_argument("--memory", action=_Memory, metavar="SIZE", help=text)


class _Memory(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        memory.amount(values)
        os.environ[memory.VARIABLE] = values


def add_recipe(parser):
    """Add --recipe."""
    text = "what is trained on what, and how; see docs/models.md (default: %(default)s)"
    parser.add_argument("--recipe", choices=RECIPES, default="report", help=text)


def add_training(parser):
    """Add the options of a training: its length, batch and seed, and the network's parameters."""
    parser.add_argument("--epochs", type=int, help="length of each training (default: the recipe's)")
    parser.add_argument("--batch", type=cli.number(1), default=10, help="patches an iteration (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    add_variant_options(parser)


def add_real(parser, where=""):
    """Add --real, with what the help says of `where` it is taken."""
    text = f"real images: a folder {{train,test}}/{{images,masks}}, or a public data set: {', '.join(PUBLIC)}{where}"
    parser.add_argument("--real", metavar="FOLDER", help=text)


def add_rgb(parser):
    """Add --rgb."""
    text = "colour images: refuse them, or take their luminance (default: %(default)s)"
    parser.add_argument("--rgb", choices=RGB_RULES, default="refuse", help=text)


def add_normalisation(parser, default):
    """Add --normalisation, whose default the help describes."""
    text = f"rule for the grey values (default: {default})"
    parser.add_argument("--normalisation", choices=NORMALISATIONS, help=text)


def add_deploy(parser):
    """Add --deploy."""
    parser.add_argument("--deploy", help="deploy prototxt (default: the one beside the model, else the report's)")


def add_model(parser):
    """Add --model, which is the model that ships by default."""
    text = f"a .caffemodel, a run folder, or the name of a model that ships: see `cellseg models` (default: {DEFAULT})"
    parser.add_argument("--model", metavar="MODEL", help=text)


def add_model_argument(parser):
    """Add a model as a positional argument."""
    parser.add_argument(
        "model", help="a .caffemodel or .caffemodel.h5, a run folder, or the name of a model that ships"
    )


def add_weights(parser, where=""):
    """Add --weights, with what the help says of `where` they are needed."""
    text = f"weights to start from: a .caffemodel, a run folder, or the name of a model that ships{where}"
    parser.add_argument("--weights", metavar="MODEL", help=text)


def add_copies(parser):
    """Add --copies."""
    text = "copies of each real or stand-in training image, by which it is augmented (default: the recipe's)"
    parser.add_argument("--copies", type=cli.number(2), help=text)
