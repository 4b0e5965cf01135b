"""Cross-validation on the training images of a folder. Each fold is a folder of that form; test images stay unseen."""

import shutil
from pathlib import Path

import numpy as np

from cellseg.data.folder import read_examples
from cellseg.errors import CellsegError
from cellseg.files import write_json
from cellseg.results import check_result_folder, replacing_folder

RECORD = "folds.json"


def write_folds(source, out, folds, rgb="refuse", seed=0):
    """Split ``source/train`` into folds, and write a folder ``{train,test}`` for each, laid out as ``source/train`` is.

    Every image is a test image in exactly one fold and a training image in all others.

    Parameters
    ----------
    source : str or path
        Folder ``{train,test}``; its test images are not looked at. See `cellseg.data.folder.read_examples`.
    out : str or path
        Folder for ``fold-0``, ``fold-1``, ... and ``folds.json``. It is replaced as a whole.
    folds : int
    rgb : {"refuse", "luminance"}
        See `cellseg.data.folder.read_examples`.
    seed : int
        Seed of the order in which images are dealt to the folds.

    Returns
    -------
    list of path
        The folders.

    Raises
    ------
    CellsegError
        If an image is unusable, or there are more folds than images.
    """
    train, out = Path(source) / "train", Path(out)
    examples = read_examples(train, rgb)
    if not 2 <= folds <= len(examples):
        raise CellsegError(f"{folds} folds of {len(examples)} training images; give 2 to {len(examples)}")
    check_result_folder(out)
    dealt = np.random.RandomState(seed).permutation(len(examples)) % folds
    with replacing_folder(out) as beside:
        for example, its in zip(examples, dealt, strict=True):
            for fold in range(folds):
                place = beside / f"fold-{fold}" / ("test" if fold == its else "train")
                for file in example.files:
                    copy = place / file.relative_to(train)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, copy)
        names = [example.files[0].name for example in examples]
        write_json(
            beside / RECORD,
            {"source": str(source), "seed": seed, "folds": dict(zip(names, dealt.tolist(), strict=True))},
        )
    return [out / f"fold-{fold}" for fold in range(folds)]
