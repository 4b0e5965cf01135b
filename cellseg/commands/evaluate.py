"""Evaluate a model on annotated images: the indicators of the report's Table 1, at the threshold with the best MCC.

Only the model is required. By default it is tested on the test set of its own run, with the deploy net beside it, and
evaluation.json, sweep.csv and predictions.h5 are written beside it.

The report chooses the threshold on the images that it then reports. The honest way takes two steps. The first chooses
on the training images: the threshold, how the masks are cleaned, and the grey-value thresholds to compare with. The
second uses these choices on the test images:

    cellseg evaluate MODEL --split train --out runs/chosen
    cellseg evaluate MODEL --threshold runs/chosen/evaluation.json
"""

from pathlib import Path

from cellseg import cli
from cellseg.commands import options
from cellseg.errors import CellsegError


def add_arguments(parser):
    """Add the verb's options."""
    options.add_model_argument(parser)
    parser.add_argument("--data", help="HDF5 list file, or folder of annotated images (default: the run's)")
    split = "which part of the run's data to score; 'train' also chooses threshold and cleaning on the images, and "
    split += "leaves augmented copies out (default: %(default)s)"
    parser.add_argument("--split", choices=("train", "test"), default="test", help=split)
    options.add_deploy(parser)
    parser.add_argument("--out", help="folder for the results (default: the model's)")
    threshold = "a number, or the evaluation.json whose choices are used"
    parser.add_argument("--threshold", help=threshold)
    options.add_normalisation(parser, "the run's; for a folder of images")
    options.add_rgb(parser)
    over = "orientations of an image over which the output is averaged (default: the run's, else 1)"
    parser.add_argument("--orientations", type=int, choices=(1, 8), help=over)
    batch = "images a forward pass (default: %(default)s)"
    parser.add_argument("--batch", type=cli.number(1), default=10, help=batch)
    options.add_engine(parser)


def run(arguments):
    """Evaluate, write the results and print them."""
    from cellseg.evaluation.evaluate import evaluate
    from cellseg.evaluation.images import default_data, read_images
    from cellseg.evaluation.record import FILES, read_threshold, settings_of, write_evaluation
    from cellseg.files import make_folder, sha256
    from cellseg.models.find import default_deploy, find_model
    from cellseg.models.settings import usable_settings, write_settings
    from cellseg.models.shipped import is_shipped
    from cellseg.results import check_result_files
    from cellseg.training.record import run_of

    model = find_model(arguments.model)
    ships, run = is_shipped(model), run_of(model)
    if ships and not arguments.out:
        raise CellsegError(f"{arguments.model}: comes with cellseg, and nothing is written beside it; give --out")
    known = run or usable_settings(model)
    choice = read_threshold(arguments.threshold) if arguments.threshold else None
    if choice and choice.settings and choice.model_sha256 not in (None, sha256(model)):
        what = f"holds choices for another model; make them for {arguments.model}, with --split train"
        raise CellsegError(f"{arguments.threshold}: {what}")
    rule = arguments.normalisation or (known.normalisation if known else None)
    if not arguments.data and not run and rule not in (None, "percentile"):  # the grey values of the simulated set
        raise CellsegError(f"{arguments.model}: no run beside it names its data; give images with --data")
    choosing = arguments.split == "train"
    if choosing and Path(arguments.data or "").name == "test.txt":
        raise CellsegError(f"{arguments.data}: is a test set, but --split train chooses; give it the training images")
    out = Path(arguments.out or model.parent)
    if out.is_dir():
        make_folder(out)
    check_result_files(out, FILES)
    data = read_images(arguments.data or default_data(run, arguments.split), rule, arguments.rgb)
    deploy = arguments.deploy or default_deploy(model)
    orientations = arguments.orientations or (known.orientations if known else 1)
    evaluated = evaluate(model, data, deploy, choice, choosing, run, orientations, arguments.engine, arguments.batch)
    write_evaluation(out, *evaluated)
    _show(evaluated.record)
    settings = settings_of(evaluated.record)
    kept = write_settings(model, settings) if settings and not ships else None
    written = [*(out / name for name in FILES), kept]
    print(f"written: {', '.join(map(str, filter(None, written)))}")


def _show(record):
    from cellseg.evaluation.table import format_cells, format_methods

    averaged = f", {record.orientations} orientations" if record.orientations > 1 else ""
    print(f"{record.model} on {record.data} ({record.images} images), engine {record.engine}{averaged}")
    if record.note:
        print(f"STAND-IN: the images are {record.note}")
    print(f"threshold {record.threshold:.2f}: {record.threshold_chosen_on}\n")
    print(format_methods(record.methods))
    area = "-" if record.auc is None else f"{record.auc:.4f}"
    best = f"{record.best_mcc:.3f} at {record.best_threshold:.2f}"
    print(f"\narea under ROC {area}; best MCC on these images {best}\n")
    print(format_cells(record.methods))
