"""Make a data set for training and testing: HDF5 files, their lists and a record, in one folder.

cellseg data real --real FOLDER --out runs/data/real
cellseg data simulated --out runs/data/simulated
"""

import sys

from cellseg import cli
from cellseg.commands import options
from cellseg.errors import CellsegError
from cellseg.network import targets_of
from cellseg.recipes import RECIPES

KINDS = ("simulated", "tuned", "real", "stand-in")


def add_arguments(parser):
    """Add the verb's options."""
    kind = "simulated; tuned: simulated to look like the training images; real; stand-in: simulated in place of real"
    parser.add_argument("kind", choices=KINDS, help=kind)
    parser.add_argument("--out", required=True, help="folder of the data set; replaced as a whole")
    options.add_recipe(parser)
    options.add_real(parser, "; for 'real' and 'tuned'")
    options.add_rgb(parser)
    options.add_normalisation(parser, "the recipe's")
    options.add_copies(parser)
    seed = "seed of everything random (default: %(default)s)"
    parser.add_argument("--seed", type=cli.number(0, 2**32 - 1), default=0, help=seed)


def run(arguments):
    """Make the data set, unless it is there already."""
    if arguments.real and arguments.kind not in ("real", "tuned") or arguments.kind == "real" and not arguments.real:
        raise CellsegError("'real' and --real FOLDER go together; 'tuned' may have it")
    from cellseg.data import dataset
    from cellseg.data.public import find_real
    from cellseg.data.record import read_data, warnings_of
    from cellseg.progress import bar

    recipe = RECIPES[arguments.recipe]
    build = getattr(dataset, "build_" + arguments.kind.replace("-", "_"))
    given = {"seed": arguments.seed, "progress": bar("images")}
    given["normalisation"] = arguments.normalisation or recipe.normalisation
    given["targets"] = targets_of(recipe.network)
    if arguments.kind in ("real", "stand-in"):
        given["copies"] = recipe.copies if arguments.copies is None else arguments.copies
        given["variation"] = recipe.variation
    if arguments.kind in ("real", "tuned"):
        source = find_real(arguments.real, bar("images")) if arguments.real else None
        given.update(source=source, rgb=arguments.rgb)
    made = build(arguments.out, **given)
    record = read_data(arguments.out)
    if record.stand_in:
        print(f"STAND-IN: {arguments.out} is {record.request.note}")
    print(f"{arguments.out}: {'made' if made else 'up to date'}:", end=" ")
    splits = record.splits.items()
    print(", ".join(f"{facts.patches} {name} patches ({facts.foreground:.1%} cell)" for name, facts in splits))
    for warning in warnings_of(record):
        print(f"warning: {arguments.out}: {warning}", file=sys.stderr)
