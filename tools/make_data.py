"""Make a data set for training and testing: HDF5 files, their lists and a record, in one folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cellseg import cli
from cellseg.data.constants import NORMALISATIONS, RGB_RULES
from cellseg.recipes import RECIPES

KINDS = ("simulated", "tuned", "real", "stand-in")


def parse():
    parser = cli.Parser(description=__doc__)
    parser.add_argument("kind", choices=KINDS, help="what the images are")
    parser.add_argument("--out", required=True, help="folder of the data set; replaced as a whole")
    parser.add_argument("--recipe", choices=RECIPES, default="report", help="what it is made for (%(default)s)")
    parser.add_argument(
        "--real", help="for 'real' and 'tuned': folder {train,test}/{images,masks} of PNG or TIFF files"
    )
    parser.add_argument("--rgb", choices=RGB_RULES, default="refuse", help="colour images (%(default)s)")
    parser.add_argument("--normalisation", choices=NORMALISATIONS, help="rule for the grey values (the recipe's)")
    parser.add_argument("--copies", type=int, help="of each training image, for 'real' and 'stand-in' (the recipe's)")
    parser.add_argument("--deform", action="store_true", help="deform the copies, too")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (%(default)s)")
    arguments = parser.parse_args()
    if arguments.real and arguments.kind not in ("real", "tuned") or arguments.kind == "real" and not arguments.real:
        parser.error("'real' and --real FOLDER go together; 'tuned' may have it")
    if arguments.copies is not None and arguments.copies < 2:
        parser.error(f"argument --copies: {arguments.copies} is not 2 or more")
    if not 0 <= arguments.seed < 2**32:
        parser.error(f"argument --seed: {arguments.seed} is not from 0 to 4294967295")
    return arguments


def main():
    arguments = parse()
    cli.need("h5py", "noise", "numpy", "PIL", "scipy", "tqdm")
    from cellseg.data import dataset
    from cellseg.progress import bar

    recipe = RECIPES[arguments.recipe]
    build = getattr(dataset, "build_" + arguments.kind.replace("-", "_"))
    options = {"seed": arguments.seed, "progress": bar("images")}
    options["normalisation"] = arguments.normalisation or recipe.normalisation
    if arguments.kind in ("real", "stand-in"):
        options["copies"] = recipe.copies if arguments.copies is None else arguments.copies
        options["deform"] = arguments.deform
    if arguments.kind in ("real", "tuned"):
        options.update(source=arguments.real, rgb=arguments.rgb)
    made = build(arguments.out, **options)
    record = dataset.read_record(arguments.out)
    if record["stand_in"]:
        print(f"STAND-IN: {arguments.out} is {record['request']['note']}")
    print(f"{arguments.out}: {'made' if made else 'up to date'}:", end=" ")
    splits = record["splits"].items()
    print(", ".join(f"{facts['patches']} {name} patches ({facts['foreground']:.1%} cell)" for name, facts in splits))

    for warning in dataset.warnings_of(record):
        print(f"warning: {arguments.out}: {warning}", file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)
