"""Train StarDist and Cellpose's network from nothing on a folder of annotated images, and score them beside our models.

Each baseline lives in a virtual environment of its own below --out, which is made with pip on the first run. It gets
the training images and their numbered cells, and writes the cells that it finds in the test images. They are scored as
`cellseg evaluate` scores its own. Nothing is chosen on the test images.

    python -m benchmarks.baselines real55
    python -m benchmarks.baselines folder --models runs/cells/finetune nuclei
"""

import os
import subprocess
import time
import venv
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from cellseg import cli
from cellseg.data.folder import read_examples
from cellseg.data.public import find_real
from cellseg.errors import CellsegError
from cellseg.evaluation.scores import score
from cellseg.evaluation.table import format_cells, format_methods
from cellseg.files import make_folder, write_json, write_text
from cellseg.segmentation import load_model, segment

#: Name to what pip installs.
BASELINES = {
    "stardist": ("stardist==0.9.2", "tensorflow==2.21.0"),
    "cellpose": ("cellpose==3.1.1.2", "torch>=2.4"),
}
#: With these glibc keeps freed memory. Without them StarDist's training took about twice as long on a processor.
_KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}
_HERE = Path(__file__).parent


def parse():
    parser = cli.Parser(description=__doc__, prog="python -m benchmarks.baselines")
    parser.add_argument("real", help="folder {train,test}/{images,labels}, or a public data set by name")
    parser.add_argument("--out", default="runs/baselines", help="folder for all that is made (%(default)s)")
    parser.add_argument("--only", nargs="*", choices=BASELINES, default=list(BASELINES), help="(default: all)")
    parser.add_argument("--models", nargs="*", default=[], help="ours, to be scored beside them")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main():
    arguments = parse()
    out = make_folder(arguments.out)
    source = Path(find_real(arguments.real))
    splits = {split: read_examples(source / split) for split in ("train", "test")}
    if not all(example.numbered for examples in splits.values() for example in examples):
        raise CellsegError(f"{arguments.real}: its cells are not numbered one by one; give labels/")
    found, seconds = {}, {}
    for name in arguments.only:
        started = time.monotonic()
        found[name] = _train_and_find(name, splits, out / name, arguments.seed)
        seconds[name] = round(time.monotonic() - started, 1)
    for name in arguments.models:
        model = load_model(name)
        found[name] = [segment(example.image, model).labels for example in splits["test"]]
    truths = [example.labels for example in splits["test"]]
    methods = {
        f"{name}{where}": score(
            [truths[index] for index in chosen],
            [cells[index] > 0 for index in chosen],
            [cells[index] for index in chosen],
            numbered=True,
        )
        for name, cells in found.items()
        for where, chosen in _by_size(truths).items()
    }
    text = f"{format_methods(methods)}\n\n{format_cells(methods)}\n"
    print(text)
    record = {name: {**asdict(scores), "seconds": seconds.get(name)} for name, scores in methods.items()}
    write_json(out / "baselines.json", {"real": arguments.real, "machine": machine(), "methods": record})
    write_text(out / "baselines.md", text)


def _by_size(truths):
    """Which images are scored together: all, and, where sizes differ, those of each size that three or more have."""
    shapes = [truth.shape for truth in truths]
    groups = {"": list(range(len(truths)))}
    for shape in sorted(set(shapes)) if len(set(shapes)) > 1 else ():
        chosen = [index for index, one in enumerate(shapes) if one == shape]
        if len(chosen) > 2:
            groups[f", {len(chosen)} of {shape[0]}x{shape[1]}"] = chosen
    return groups


def _train_and_find(name, splits, folder, seed):
    """Label images that a baseline finds in the test images, after training on the others."""
    make_folder(folder)
    np.savez_compressed(folder / "images.npz", **_arrays(splits))
    python = _environment(name, folder / "venv")
    trainer = _HERE / f"{name}_trainer.py"
    subprocess.run([str(python), str(trainer), str(folder), str(seed)], check=True, env={**os.environ, **_KEEP_MEMORY})
    with np.load(folder / "found.npz") as file:
        return [file[f"{number:04d}"].astype(np.int32) for number in range(len(splits["test"]))]


def _arrays(splits):
    return {
        f"{split}_{kind}_{number:04d}": getattr(example, "image" if kind == "images" else "labels")
        for split, examples in splits.items()
        for number, example in enumerate(examples)
        for kind in (("images", "labels") if split == "train" else ("images",))
    }


def _environment(name, folder):
    python = folder / "bin" / "python"
    if not (folder / "made").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *BASELINES[name]], check=True)
        (folder / "made").touch()
    return python


if __name__ == "__main__":
    cli.run(main)
