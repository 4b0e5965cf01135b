"""Cross-validation of a recipe on the training images alone, in two steps (`make crossvalidate` does all of it).

python tools/crossvalidate.py split FOLDER --folds 5 --out runs/folds
python tools/crossvalidate.py pool runs/crossvalidation/best/fold-*/finetune/evaluation.json
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cellseg import cli
from cellseg.data.constants import RGB_RULES


def parse():
    parser = cli.Parser(description=__doc__)
    steps = parser.add_subparsers(dest="step", metavar="{split,pool}")
    steps.required = True
    split = steps.add_parser("split", help="write a folder of images for each fold")
    split.add_argument("real", help="folder {train,test}/{images,masks}; only train is looked at")
    split.add_argument("--folds", type=int, default=5, help="number of folds (%(default)s)")
    split.add_argument("--out", default="runs/folds", help="folder for the folds; replaced as a whole (%(default)s)")
    split.add_argument("--rgb", choices=RGB_RULES, default="refuse", help="colour images (%(default)s)")
    pool = steps.add_parser("pool", help="the score over the held-out images of all folds")
    pool.add_argument("evaluations", nargs="+", help="evaluation.json of each fold")
    return parser.parse_args()


def main():
    arguments = parse()
    cli.need("h5py", "noise", "numpy", "PIL", "scipy", "skimage")
    if arguments.step == "split":
        from cellseg.data.folds import write_folds

        folders = write_folds(arguments.real, arguments.out, arguments.folds, arguments.rgb)
        print(f"written: {folders[0]} to {folders[-1].name}")
        return
    from cellseg.evaluation.record import read_evaluation
    from cellseg.evaluation.sweep import pooled

    records = [read_evaluation(path) for path in arguments.evaluations]
    best = pooled([record["sweep"] for record in records])
    each = ", ".join(f"{record['best_mcc']:.4f}" for record in records)
    print(f"{sum(record['images'] for record in records)} held-out images in {len(records)} folds, pooled: ", end="")
    print(f"MCC {best['mcc']:.4f} at {best['threshold']:.2f} (each fold at its own best threshold: {each})")


if __name__ == "__main__":
    cli.run(main)
