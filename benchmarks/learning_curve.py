"""How many annotated images a model needs: trained on 1, 2, 5 and more, from a model that ships and from nothing.

The smaller sets are parts of the larger ones. Every training on so many epochs sees the same number of patches, so it
takes as long. The test images are segmented as `cellseg segment` does, in one orientation; nothing is chosen on them.
What has been trained already is not trained again.

    python -m benchmarks.learning_curve real55
"""

import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from cellseg import cli
from cellseg.data.folder import read_examples
from cellseg.data.public import find_real
from cellseg.evaluation.scores import score
from cellseg.evaluation.table import format_cells
from cellseg.files import make_folder, write_json, write_text
from cellseg.recipes import RECIPES
from cellseg.segmentation import load_model, segment

RECIPE = RECIPES["cells"]
#: Numbers of training images.
IMAGES = (1, 2, 5, 10, 20, 55)
#: Patches an epoch, for as many images as the report's: what the recipe makes of them.
PATCHES = RECIPE.samples["finetune"][1]
#: For each start: epochs.
STARTS = {"nuclei": 1, "nothing": RECIPE.epochs}


def parse():
    parser = cli.Parser(description=__doc__, prog="python -m benchmarks.learning_curve")
    parser.add_argument("real", help="folder {train,test}/{images,labels}, or a public data set by name")
    parser.add_argument("--out", default="runs/learning-curve", help="folder for all that is made (%(default)s)")
    parser.add_argument("--images", nargs="*", type=cli.number(1), default=IMAGES, help="numbers of training images")
    parser.add_argument("--from", nargs="*", dest="starts", choices=STARTS, default=list(STARTS), help="(both)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the choice of images, and of the trainings")
    return parser.parse_args()


def main():
    arguments = parse()
    out, source = make_folder(arguments.out), Path(find_real(arguments.real))
    train, test = (read_examples(source / split) for split in ("train", "test"))
    order = np.random.RandomState(arguments.seed).permutation(len(train))
    methods = {"nuclei, 0 images": _scores("nuclei", test)} if "nuclei" in arguments.starts else {}
    for start in arguments.starts:
        for number in sorted({min(number, len(train)) for number in arguments.images}):
            folder = out / f"{start}-{number}"
            if not (folder / "run" / "finetune.caffemodel").exists():
                _subset(source, [train[index] for index in order[:number]], folder / "images")
                _train(folder, start, PATCHES // number, arguments.seed)
            methods[f"{start}, {number} image{'s' * (number > 1)}"] = _scores(folder / "run", test)
    print(text := format_cells(methods))
    record = {name: asdict(scores) for name, scores in methods.items()}
    write_json(out / "learning_curve.json", {"real": arguments.real, "machine": machine(), "methods": record})
    write_text(out / "learning_curve.md", f"{text}\n")


def _subset(source, examples, folder):
    """A folder as `source` is, with these training images alone."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source / "test", folder / "test")
    for file in (file for example in examples for file in example.files):
        copy = folder / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)


def _train(folder, start, copies, seed):
    same = ("--recipe", RECIPE.name, "--seed", seed)
    weights = () if start == "nothing" else ("--weights", start)
    _cellseg("data", "real", "--real", folder / "images", "--copies", copies, "--out", folder / "data", *same)
    given = ("--data", folder / "data", "--out", folder / "run", "--epochs", STARTS[start], *weights, *same)
    _cellseg("train", "finetune", *given)
    model = folder / "run" / "finetune.caffemodel"
    _cellseg("evaluate", model, "--split", "train", "--orientations", 1, "--out", folder / "chosen")


def _cellseg(*words):
    subprocess.run([sys.executable, "-m", "cellseg", *map(str, words)], check=True)


def _scores(model, test):
    """Scores of whole cells in the test images."""
    model = load_model(model, orientations=1)
    cells = [segment(example.image, model).labels for example in test]
    return score([example.labels for example in test], [one > 0 for one in cells], cells, numbered=True)


if __name__ == "__main__":
    cli.run(main)
