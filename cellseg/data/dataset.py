"""Data sets as folders: HDF5 shards and lists for Caffe, and ``data.json``, which says what they were made from.

FOLDER/train.txt, test.txt      lists for HDF5Data layers
FOLDER/train_0.h5, test_0.h5    datasets data and label
FOLDER/data.json                kind, normalisation, seed, patches, foreground, checksums
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from cellseg import __version__
from cellseg.data.augmentation import orientations
from cellseg.data.diameter import median_diameter
from cellseg.data.folder import all_numbered, read_examples
from cellseg.data.hdf5 import list_entry, write_split
from cellseg.data.normalisation import normalise
from cellseg.data.patches import grid_patches, mirrored
from cellseg.data.record import DataRecord, DataRequest, DataSplit, read_data, write_data
from cellseg.data.sizes import ORIENTATIONS, PATCH, REAL_TRAIN, TEST_PATCHES, TRAIN_PATCHES, TUNED_PATCHES
from cellseg.data.synthetic import (
    RECIPES,
    STAND_IN,
    simulated_patches,
    stand_in_images,
    stand_in_patches,
    tuned_patches,
)
from cellseg.data.tuning import measure_look
from cellseg.data.variation import with_copies
from cellseg.errors import CellsegError
from cellseg.files import sha256
from cellseg.results import check_result_folder, replacing_folder

#: What the report's network learns.
LABEL = ("label",)


def build_simulated(folder, seed=0, normalisation="percentile", targets=LABEL, progress=iter):
    """The report's synthetic set: 200 training patches from 50 images, and 60 test patches from 15 others.

    Parameters
    ----------
    folder : str or path
        The data set's folder. It is replaced as a whole.
    seed : int
    normalisation : str
        A name of `cellseg.data.normalisation.RULES`.
    targets : tuple of str
        What is to be learnt; see `cellseg.data.hdf5.write_split`.
    progress : callable, optional
        Wraps the loops over images.

    Returns
    -------
    bool
        False if the folder holds this very data set already, so that nothing was done.
    """
    request = {"kind": "simulated", "seed": seed, "normalisation": normalisation, "recipe": RECIPES["simulated"]}
    request["targets"] = targets

    def make():
        rng = np.random.RandomState(seed)
        train = simulated_patches("train", TRAIN_PATCHES, normalisation, rng, progress)
        return train, simulated_patches("test", TEST_PATCHES, normalisation, rng, progress)

    return _build(folder, request, make)


def build_tuned(folder, source=None, seed=0, normalisation="percentile", rgb="refuse", targets=LABEL, progress=iter):
    """Simulated patches that look like annotated training images: 400 for training, 60 for testing.

    Parameters
    ----------
    folder, seed, normalisation, targets, progress
        As in `build_simulated`.
    source, rgb
        As in `build_real`. Only the training images are looked at. Without a source they are the stand-in's.

    Returns
    -------
    bool
        As in `build_simulated`.

    Raises
    ------
    CellsegError
        If the training images are unusable or hold no cells.
    """
    if source:
        examples = read_examples(Path(source) / "train", rgb)
        images, masks = zip(*((example.image, example.mask) for example in examples))
    else:
        images, labels, _ = stand_in_images(REAL_TRAIN, np.random.RandomState(seed), progress)
        masks = [one > 0 for one in labels]
    look = measure_look(images, masks)
    if look is None:
        raise CellsegError(f"{source}: the training masks hold no cell of 20 pixels or more; nothing to tune to")
    request = {"kind": "tuned", "seed": seed, "normalisation": normalisation, "look": look.to_dict()}
    request["targets"] = targets

    def make():
        rng = np.random.RandomState(seed)
        return [tuned_patches(look, count, normalisation, rng, progress) for count in (TUNED_PATCHES, TEST_PATCHES)]

    return _build(folder, request if source else {**request, "note": STAND_IN}, make)


def build_stand_in(
    folder, seed=0, normalisation="percentile", copies=None, variation="brightness", targets=LABEL, progress=iter
):
    """A stand-in for the report's real images: 55 training patches (times 8) and 40 test patches, simulated.

    Parameters and result as in `build_simulated`; `copies` and `variation` as in `build_real`.
    """
    request = {"kind": "stand-in", "seed": seed, "normalisation": normalisation, "recipe": RECIPES["stand-in"]}

    def make():
        rng = np.random.RandomState(seed)
        train = stand_in_patches("train", normalisation, rng, progress)
        train = _augmented(train, copies, variation, seed, progress)
        return train, stand_in_patches("test", normalisation, rng, progress)

    request.update(copies=copies, variation=variation if copies else None, targets=targets, note=STAND_IN)
    return _build(folder, request, make)


def build_real(
    folder,
    source,
    normalisation="percentile",
    rgb="refuse",
    copies=None,
    variation="brightness",
    targets=LABEL,
    seed=0,
    mirror=False,
    progress=iter,
):
    """Real images, cut into a grid of patches. Training patches are augmented: eight orientations, or random copies.

    Parameters
    ----------
    folder, normalisation, targets, progress
        As in `build_simulated`.
    copies : int, optional
        Copies of each training patch: itself, and random variations of it (`cellseg.data.variation`). By default its
        eight orientations, as in the report.
    variation : str
        What a copy is: a name of `cellseg.data.variation.VARIATIONS`.
    seed : int
        Seed of the random copies.
    source : str or path
        Folder ``{train,test}/{images,masks}``; see `cellseg.data.folder.read_examples`.
    rgb : {"refuse", "luminance"}
    mirror : bool
        Whether images that are smaller than the patch are made larger (`cellseg.data.patches.mirrored`); else they are
        refused.

    Returns
    -------
    bool
        As in `build_simulated`.

    Raises
    ------
    CellsegError
        If a file or pair is unusable, or an image is smaller than the patch.
    """
    source = Path(source)
    if Path(folder).resolve() in [source.resolve(), *source.resolve().parents]:
        raise CellsegError(f"{source}: lies in the folder to be written, {folder}; choose another one with --out")
    splits = {split: read_examples(source / split, rgb) for split in ("train", "test")}
    for example in splits["test"]:
        twins = [other for other in splits["train"] if np.array_equal(other.image, example.image, equal_nan=True)]
        if twins:
            raise CellsegError(f"{example.files[0]}: the same image as {twins[0].files[0]}; remove it from one split")
    files = [file for examples in splits.values() for example in examples for file in example.files]
    request = {
        "kind": "real",
        "normalisation": normalisation,
        "rgb": rgb,
        "copies": copies,
        "variation": variation if copies else None,
        "targets": targets,
        "seed": seed if copies else None,
        "mirror": mirror or None,
        "source": {str(file.relative_to(source)): sha256(file) for file in files},
    }

    numbered = all_numbered([*splits["train"], *splits["test"]])

    def make():
        train = _real_patches(splits["train"], source, normalisation, mirror, numbered, overlap=True)
        test = _real_patches(splits["test"], source, normalisation, mirror, numbered, overlap=False)
        return _augmented(train, copies, variation, seed, progress), test

    return _build(folder, request, make)


def check_lists(folder):
    """Check that a data set's lists name its own shards, as Caffe will look for them: from the working folder.

    Raises
    ------
    CellsegError
        If the folder was moved or copied since it was made, or the working folder is another one.
    """
    for split, facts in read_data(folder).splits.items():
        own = [list_entry(Path(folder) / name) for name in facts.files]
        path = Path(folder) / f"{split}.txt"
        if not path.is_file() or path.read_text(encoding="utf-8").split() != own:
            raise CellsegError(f"{path}: does not name the files beside it as seen from {Path.cwd()}; make it again")


def _build(folder, request, make):
    folder = Path(folder)
    request = DataRequest(**json.loads(json.dumps({"cellseg": __version__, "patch": PATCH, **request})))
    if _is_current(folder, request):
        return False
    check_result_folder(folder)
    made = dict(zip(("train", "test"), make(), strict=True))
    with replacing_folder(folder) as beside:
        splits = {}
        for split, patches in made.items():
            files = write_split(beside, folder, split, patches.data, patches.labels, request.targets)
            splits[split] = DataSplit(
                patches=len(patches),
                foreground=patches.foreground,
                files={name: sha256(beside / name) for name in files},
                names=patches.names,
                copy=patches.copy,
                background=patches.background,
            )
        numbered = all(patches.numbered for patches in made.values())
        record = DataRecord(
            request=request,
            stand_in=request.kind == "stand-in",
            numbered=numbered,
            diameter=_diameter(made["train"]) if numbered else None,
            splits=splits,
        )
        write_data(beside, record)
    return True


def _is_current(folder, request):
    try:
        record = read_data(folder)
        files = {name: digest for split in record.splits.values() for name, digest in split.files.items()}
        check_lists(folder)
        return record.request == request and all(sha256(folder / name) == digest for name, digest in files.items())
    except (CellsegError, OSError):
        return False


def _diameter(patches):
    """Of the patches as they are, without their copies."""
    kept = patches.labels[: patches.copy.count(0)] if patches.copy else patches.labels
    areas = np.concatenate([np.unique(one[one > 0], return_counts=True)[1] for one in kept])
    return median_diameter(areas) if areas.size else None


def _augmented(patches, copies, variation, seed, progress):
    """The patches themselves first, then the augmented copies."""
    if not copies:
        return patches.augmented(lambda *stacks: tuple(map(orientations, stacks)), ORIENTATIONS)
    rng = np.random.RandomState(seed)
    return patches.augmented(lambda *stacks: with_copies(*stacks, copies, rng, variation, progress), copies)


def _real_patches(examples, source, normalisation, mirror, numbered, overlap):
    images = [normalise(example.image, normalisation) for example in examples]
    labels = [example.labels for example in examples]
    if mirror:
        images, labels = zip(*(mirrored(*pair, PATCH) for pair in zip(images, labels, strict=True)), strict=True)
    names = [str(example.files[0].relative_to(source)) for example in examples]
    patches = grid_patches(images, labels, names, PATCH, overlap)
    return replace(patches, numbered=numbered)
