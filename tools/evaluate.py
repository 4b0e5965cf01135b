"""Evaluate a model on annotated images: the indicators of the report's Table 1, at the threshold with the best MCC.

Only the model is required. By default it is tested on the test set of its own run, with the deploy net beside it, and
evaluation.json and sweep.csv are written beside it.

The report chooses the threshold on the images that it then reports. The honest way takes two steps:

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
    parser.add_argument("--split", choices=("train", "test"), default="test", help="of the run's data (%(default)s)")
    parser.add_argument("--deploy", help="deploy prototxt (default: beside the model, else prototxt/deploy.prototxt)")
    parser.add_argument("--out", help="folder for evaluation.json and sweep.csv (default: the model's)")
    parser.add_argument("--threshold", help="number, or evaluation.json whose best threshold is to be used")
    rule = "for a folder: rule for the grey values (default: the run's)"
    parser.add_argument("--normalisation", choices=NORMALISATIONS, help=rule)
    parser.add_argument("--rgb", choices=RGB_RULES, default="refuse", help="for a folder: colour images (%(default)s)")
    parser.add_argument("--batch", type=int, default=10, help="images a forward pass (%(default)s)")
    parser.add_argument("--engine", choices=engine.NAMES, default="auto", help="what runs the net (%(default)s)")
    arguments = parser.parse_args()
    if arguments.batch < 1:
        parser.error(f"argument --batch: {arguments.batch} is not 1 or more")
    return arguments


def main():
    arguments = parse()
    cli.need("h5py", "noise", "scipy", "skimage", "tqdm", engine_name=arguments.engine)
    from cellseg.evaluation import evaluate as ev
    from cellseg.evaluation.record import RECORD, read_threshold, write_evaluation
    from cellseg.evaluation.table import format_table
    from cellseg.files import make_folder
    from cellseg.training.run import read_run

    run = read_run(arguments.model)
    threshold, chosen_on = read_threshold(arguments.threshold) if arguments.threshold else (None, None)
    rule = arguments.normalisation or (run or {}).get("normalisation")
    out = Path(arguments.out or Path(arguments.model).parent)
    if out.is_dir():
        make_folder(out)
    data = ev.read_images(arguments.data or ev.default_data(run, arguments.split), rule, arguments.rgb)
    deploy = arguments.deploy or ev.default_deploy(arguments.model)
    record = ev.evaluate(arguments.model, data, deploy, arguments.engine, threshold, chosen_on, arguments.batch)
    write_evaluation(out, record)

    print(f"{arguments.model} on {data.source} ({len(data.images)} images), engine {record['engine']}")
    if data.note:
        print(f"STAND-IN: the images are {data.note}")
    print(f"threshold {record['threshold']:.2f}: {record['threshold_chosen_on']}\n")
    rows = [("network", record["threshold"], record), ("Otsu's threshold, per image", None, record["baseline_otsu"])]
    print(format_table(rows))
    area = "-" if record["auc"] is None else f"{record['auc']:.4f}"
    print(
        f"\narea under ROC {area}; best MCC on these images {record['best_mcc']:.3f} at {record['best_threshold']:.2f}"
    )
    print(f"written: {out / RECORD}, {out / 'sweep.csv'}")


if __name__ == "__main__":
    cli.run(main)
