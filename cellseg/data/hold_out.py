"""Annotated images dealt to a part to train on and a part that is held out, to tell whether training helped.

FOLDER/train, FOLDER/test    annotation folders (`cellseg.data.annotation`)
FOLDER/split.json            which image is where, and the seed
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cellseg.data.annotation import file_name, free_name, write_annotation
from cellseg.data.folder import Example
from cellseg.data.sizes import PATCH
from cellseg.errors import CellsegError
from cellseg.records import read_record, write_record
from cellseg.results import check_result_folder, replacing_folder

SPLIT = "split.json"
_PART = 5  # one image in so many is held out


@dataclass(frozen=True, kw_only=True)
class SplitRecord:
    """``split.json``.

    Attributes
    ----------
    seed : int
        Of the order in which images are dealt.
    train, held_out : list of str
        Files of the images.
    cut : bool
        Whether the only image was cut in two, so that both name it.
    left_out : list of str
        Images without truth, and truth without an image.
    version : int
    """

    seed: int
    train: list[str]
    held_out: list[str]
    cut: bool = False
    left_out: list[str] = field(default_factory=list)
    version: int = 1


def write_split(out, examples: Sequence[Example], left_out: Sequence = (), seed: int = 0) -> SplitRecord:
    """Deal annotated images, and write them to the folder of the split, which is replaced as a whole.

    One image in five is held out, one at least. One with cells is trained on, and one is held out if two have any. An
    only image is cut in two: the last quarter of its longer side, 128 pixels at least, is held out.

    Parameters
    ----------
    out : str or path
    examples : sequence of Example
    left_out : sequence of path
        For the record.
    seed : int

    Raises
    ------
    CellsegError
        If two images are the same, no image has cells, or the only image is too small to be cut.
    """
    _check(examples)
    check_result_folder(out)
    cut = len(examples) == 1
    train, held_out = _halves(examples[0]) if cut else _dealt(examples, seed)
    record = SplitRecord(
        seed=seed,
        train=[str(one.files[0]) for one in train],
        held_out=[str(one.files[0]) for one in held_out],
        cut=cut,
        left_out=list(map(str, left_out)),
    )
    with replacing_folder(out) as beside:
        for part, its in (("train", train), ("test", held_out)):
            names: list[str] = []
            for one in its:
                names.append(free_name(file_name(one.files[0].stem), names))
                write_annotation(beside / part, names[-1], one.image, one.labels, one.numbered)
        write_record(beside / SPLIT, record)
    return record


def read_split(folder) -> SplitRecord:
    """Read the ``split.json`` of a split; see `cellseg.records.read_record` for its errors."""
    return read_record(Path(folder) / SPLIT, SplitRecord, "train again")


def _check(examples):
    seen: dict[bytes, Example] = {}
    for one in examples:
        twin = seen.setdefault(repr(one.image.shape).encode() + np.ascontiguousarray(one.image).tobytes(), one)
        if twin is not one:
            raise CellsegError(f"{one.files[0]}: the same image as {twin.files[0]}; remove one of them")
    if not any(one.labels.any() for one in examples):
        raise CellsegError(f"{examples[0].files[-1].parent}: no image has a cell in it; there is nothing to learn")


def _dealt(examples, seed):
    """The part to train on and the part that is held out, each in the order of their names."""
    order = np.random.RandomState(seed).permutation(len(examples))
    with_cells = [index for index in order if examples[index].labels.any()]
    first, last = with_cells[:-1][:1], with_cells[-1:]  # one to hold out, if there are two, and one to train on
    order = [*first, *(index for index in order if index not in first + last), *last]
    count = max(round(len(examples) / _PART), 1)
    return ([examples[index] for index in sorted(part)] for part in (order[count:], order[:count]))


def _halves(example):
    """The larger part of an image, and the part of it that is held out."""
    axis = int(np.argmax(example.image.shape))
    side = example.image.shape[axis]
    if side < 2 * PATCH:
        size = "x".join(map(str, example.image.shape))
        what = f"is the only annotated image, and too small ({size}) to keep a part of it for testing"
        raise CellsegError(f"{example.files[0]}: {what}; annotate another one, or one of {2 * PATCH} pixels or more")
    where = side - max(side // 4, PATCH)
    pairs = zip(*(np.split(plane, [where], axis) for plane in (example.image, example.labels)), strict=True)
    return [[Example(image, labels, example.numbered, example.files)] for image, labels in pairs]
