"""Evaluate a model on annotated images: the indicators of the report's Table 1, at the threshold with the best MCC.

Only the model is required. By default it is tested on the test set of its own run, with the deploy net beside it, and
evaluation.json, sweep.csv and predictions.h5 are written beside it.

The report chooses the threshold on the images that it then reports. The honest way takes two steps: the first chooses
on the training images, also how to clean the network's masks and the thresholds on grey values to compare with, and
the second uses all that on the test images:

    python3 tools/evaluate.py MODEL --split train --out runs/chosen
    python3 tools/evaluate.py MODEL --threshold runs/chosen/evaluation.json
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cellseg import cli, engine
from cellseg.data.constants import NORMALISATIONS, RGB_RULES


def parse():
    parser = cli.Parser(description=__doc__)
    parser.add_argument("model", help="a .caffemodel or .caffemodel.h5")
    parser.add_argument("--data", help="HDF5 list file, or folder with images/ and masks/ (default: the run's)")
    split = "of the run's data; train: augmented copies left out, and settings chosen on it, or on --data (%(default)s)"
    parser.add_argument("--split", choices=("train", "test"), default="test", help=split)
    parser.add_argument("--deploy", help="deploy prototxt (default: beside the model, else prototxt/deploy.prototxt)")
    parser.add_argument("--out", help="folder for the results (default: the model's)")
    parser.add_argument("--threshold", help="number, or evaluation.json whose choice is to be used")
    rule = "for a folder: rule for the grey values (default: the run's)"
    parser.add_argument("--normalisation", choices=NORMALISATIONS, help=rule)
    parser.add_argument("--rgb", choices=RGB_RULES, default="refuse", help="for a folder: colour images (%(default)s)")
    over = "orientations of an image to average over (default: the run's, else 1)"
    parser.add_argument("--orientations", type=int, choices=(1, 8), help=over)
    parser.add_argument("--batch", type=int, default=10, help="images a forward pass (%(default)s)")
    parser.add_argument("--engine", choices=engine.NAMES, default="auto", help="what runs the net (%(default)s)")
    arguments = parser.parse_args()
    if arguments.batch < 1:
        parser.error(f"argument --batch: {arguments.batch} is not 1 or more")
    return arguments


def main():
    arguments = parse()
    cli.need("h5py", "noise", "scipy", "skimage", "tqdm", engine_name=arguments.engine)
    from cellseg.evaluation.evaluate import evaluate
    from cellseg.evaluation.images import default_data, read_images
    from cellseg.evaluation.predictions import PREDICTIONS
    from cellseg.evaluation.record import RECORD, read_choice, write_evaluation
    from cellseg.files import make_folder
    from cellseg.models.find import default_deploy
    from cellseg.models.settings import write_settings
    from cellseg.training.run import read_run

    run = read_run(arguments.model)
    choice = read_choice(arguments.threshold) if arguments.threshold else None
    rule = arguments.normalisation or (run or {}).get("normalisation")
    out = Path(arguments.out or Path(arguments.model).parent)
    if out.is_dir():
        make_folder(out)
    data = read_images(arguments.data or default_data(run, arguments.split), rule, arguments.rgb)
    deploy = arguments.deploy or default_deploy(arguments.model)
    orientations = arguments.orientations or (run or {}).get("orientations", 1)
    choosing = arguments.split == "train"
    evaluated = evaluate(
        arguments.model, data, deploy, choice, choosing, run, orientations, arguments.engine, arguments.batch
    )
    write_evaluation(out, *evaluated)
    show(evaluated.record)
    written = [out / RECORD, out / "sweep.csv", out / PREDICTIONS, *filter(None, [write_settings(evaluated.record)])]
    print(f"written: {', '.join(map(str, written))}")


def show(record):
    """Print what was found."""
    from cellseg.evaluation.table import format_methods

    averaged = f", {record['orientations']} orientations" if record["orientations"] > 1 else ""
    print(f"{record['model']} on {record['data']} ({record['images']} images), engine {record['engine']}{averaged}")
    if record["note"]:
        print(f"STAND-IN: the images are {record['note']}")
    print(f"threshold {record['threshold']:.2f}: {record['threshold_chosen_on']}\n")
    print(format_methods(record["methods"]))
    area = "-" if record["auc"] is None else f"{record['auc']:.4f}"
    best = f"{record['best_mcc']:.3f} at {record['best_threshold']:.2f}"
    print(f"\narea under ROC {area}; best MCC on these images {best}")


if __name__ == "__main__":
    cli.run(main)
