"""Make a data set for training and testing: HDF5 files, their lists and a record, in one folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cellseg import cli
from cellseg.data.constants import NORMALISATIONS, RGB_RULES


def parse():
    parser = cli.Parser(description=__doc__)
    parser.add_argument("kind", choices=("simulated", "real", "stand-in"), help="what the images are")
    parser.add_argument("--out", required=True, help="folder of the data set; replaced as a whole")
    parser.add_argument("--real", help="for 'real': folder {train,test}/{images,masks} of PNG or TIFF files")
    parser.add_argument("--rgb", choices=RGB_RULES, default="refuse", help="colour images (%(default)s)")
    rule = "rule for the grey values (%(default)s)"
    parser.add_argument("--normalisation", choices=NORMALISATIONS, default="percentile", help=rule)
    parser.add_argument("--seed", type=int, default=0, help="of everything random (%(default)s)")
    arguments = parser.parse_args()
    if (arguments.kind == "real") != bool(arguments.real):
        parser.error("'real' and --real FOLDER go together")
    if not 0 <= arguments.seed < 2**32:
        parser.error(f"argument --seed: {arguments.seed} is not from 0 to 4294967295")
    return arguments


def main():
    arguments = parse()
    cli.need("h5py", "noise", "numpy", "PIL", "scipy", "tqdm")
    from cellseg.data import dataset
    from cellseg.progress import bar

    if arguments.kind == "real":
        made = dataset.build_real(arguments.out, arguments.real, arguments.normalisation, arguments.rgb)
    else:
        build = dataset.build_simulated if arguments.kind == "simulated" else dataset.build_stand_in
        made = build(arguments.out, arguments.seed, arguments.normalisation, bar("images"))
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
