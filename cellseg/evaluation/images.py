"""Annotated images to evaluate on: from a list file or a folder, each with a name."""

from dataclasses import dataclass, field
from pathlib import Path

from skimage.segmentation import relabel_sequential

from cellseg.data.dataset import build_simulated
from cellseg.data.folder import all_numbered, read_examples
from cellseg.data.hdf5 import read_list, read_numbers
from cellseg.data.normalisation import normalise
from cellseg.data.record import DATA, read_data
from cellseg.errors import CellsegError
from cellseg.images.masks import components
from cellseg.layout import Layout

_SIMULATED = Layout.of_recipe("report").data("simulated")


@dataclass
class Images:
    """Annotated images to evaluate on.

    Attributes
    ----------
    source : str
        The list file or folder that they are from.
    images : list of ndarray of shape (H, W), float32
        Normalised.
    labels : list of ndarray of shape (H, W), int
        The true cells: 0 is background; the cells of each image have the numbers 1 to n.
    names : list of str
        A name for each image: from ``data.json`` beside the list file, else "image 0000" and so on; of a folder the
        names of the files.
    normalisation : str or None
        The rule that was applied; None if there is no record of it beside the list file.
    background : list of str
        One an image (`cellseg.data.record.DataSplit`); empty if unknown.
    note : str or None
        What a user should know: that the images stand in for real ones, and how to give these.
    numbered : bool
        Whether the cells of all images were numbered one by one. If not, all labels are 8-connected components.
    diameter : float or None
        Median diameter in pixels of the training cells of a data set, if these are numbered.
    """

    source: str
    images: list
    labels: list
    names: list
    normalisation: str | None = None
    note: str | None = None
    background: list[str] = field(default_factory=list)
    numbered: bool = False
    diameter: float | None = None

    @property
    def masks(self) -> list:
        """Where cells are: for each image an array of shape (H, W), bool."""
        return [labels > 0 for labels in self.labels]


def read_images(source, normalisation=None, rgb="refuse"):
    """Read annotated images from an HDF5 list file, or from a folder (`cellseg.data.folder`).

    Augmented copies are left out, so that each image counts once. ``data.json`` beside the list file says which they
    are.

    Parameters
    ----------
    source : str or path
    normalisation : str, optional
        Rule for the images of a folder (by default "percentile"). Those of a list file are normalised already, and
        must have been by this rule.
    rgb : {"refuse", "luminance"}
        For a folder; see `cellseg.data.folder.read_examples`.

    Returns
    -------
    Images

    Raises
    ------
    CellsegError
        If they cannot be read, or if those of a list file were normalised by another rule.
    """
    source = Path(source)
    if source.is_dir():
        examples, normalisation = read_examples(source, rgb), normalisation or "percentile"
        images = [normalise(example.image, normalisation) for example in examples]
        names = [example.files[0].name for example in examples]
        numbered = all_numbered(examples)
        labels = [example.labels if numbered else components(example.mask) for example in examples]
        return Images(str(source), images, labels, names, normalisation, numbered=numbered)
    data, label = read_list(source)
    record = read_data(source.parent) if (source.parent / DATA).exists() else None
    rule, note = (record.request.normalisation, record.request.note) if record else (None, None)
    if None not in (rule, normalisation) and rule != normalisation:
        raise CellsegError(f"{source}: has normalisation '{rule}', but the model '{normalisation}'; make it again")
    facts = record.splits.get(source.stem) if record else None
    names, copy, background = _facts(facts, len(data))
    kept = [index for index in range(len(data)) if copy[index] == 0]
    numbers = read_numbers(source) if record and record.numbered else None
    return Images(
        str(source),
        [data[index] for index in kept],
        [_cells(label[index], None if numbers is None else numbers[index]) for index in kept],
        [names[index] for index in kept],
        rule,
        note,
        [background[index] for index in kept],
        numbers is not None,
        record.diameter if record else None,
    )


def _cells(label, numbers):
    """The cells of a patch, numbered without gaps: a part of an image has not all of its cells."""
    return components(label == 1) if numbers is None else relabel_sequential(numbers)[0]


def default_data(run, split="test"):
    """A split of the data set that a model was trained on; without a run, of the simulated data set.

    Parameters
    ----------
    run : cellseg.training.record.RunRecord or None
        The record of the run that made the model.
    split : {"train", "test"}

    Returns
    -------
    path
        A list file. The simulated data set is made if it is not there.

    Raises
    ------
    CellsegError
        If the run's data set is not there any more.
    """
    folder = Path(run.data.folder) if run else _SIMULATED
    path = folder / f"{split}.txt"
    if not run and not path.exists():
        build_simulated(_SIMULATED)
    if not path.exists():
        raise CellsegError(f"{path}: the data of this model's run is not there; give other data with --data")
    return path


def _facts(split, number):
    """Name, number of the copy and background of each patch, from the data set's record as far as it tells."""
    known = split is not None and split.patches == number
    return (
        (known and split.names) or [f"image {index:04d}" for index in range(number)],
        (known and split.copy) or [0] * number,
        (known and split.background) or [""] * number,
    )
