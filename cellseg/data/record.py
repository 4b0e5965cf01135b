"""The record of a data set, ``data.json``: what it was made from, and what its patches are."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from cellseg.errors import CellsegError
from cellseg.network import DISTANCE
from cellseg.records import Count, Share, read_record, write_record

DATA = "data.json"

#: Backgrounds of simulated images.
PLAIN, NOISE = "plain", "noise"


@dataclass(frozen=True, kw_only=True)
class DataRequest:
    """What a data set was made from; None for what does not matter to its kind.

    Attributes
    ----------
    cellseg : str or None
        Version of this package.
    patch : int or None
        Side of a patch in pixels.
    kind : {"simulated", "tuned", "real", "stand-in"}
    normalisation : str
        Rule for the grey values.
    seed : int or None
    rgb : str or None
        What was done with colour images.
    copies, variation, deform : int or None, str or None, bool or None
        Random copies of each training patch (None: its eight orientations), what they are
        (`cellseg.data.variation.VARIATIONS`), and whether they were deformed.
    mirror : bool or None
        Whether images smaller than a patch were made larger by mirroring.
    targets : list of str
        What is to be learnt; see `cellseg.data.hdf5.write_split`.
    recipe, look : dict or None
        What simulated images were made with.
    source : dict or None
        SHA-256 of each file of real images, by name.
    note : str or None
        What to know of images that stand in for real ones.
    """

    cellseg: str | None = None
    patch: int | None = None
    kind: str
    normalisation: str
    seed: int | None = None
    rgb: str | None = None
    copies: int | None = None
    variation: str | None = None
    targets: list[str] = field(default_factory=lambda: ["label"])
    mirror: bool | None = None
    deform: bool | None = None
    recipe: dict | None = None
    look: dict | None = None
    source: dict[str, str] | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class DataSplit:
    """One split.

    Attributes
    ----------
    patches : int
    foreground : float
        Fraction of their pixels that is cell.
    files : dict of str to str
        SHA-256 of each shard, by name.
    names : list of str
        One a patch: its image, with the first row and column where it was cut. Copies have the name of their original.
    copy : list of int
        One a patch: 0 for a patch as it is, from 1 on for its augmented copies. Empty where there are no copies.
    background : list of str
        One a patch, "plain" or "noise", for simulated images; else empty.
    """

    patches: Count
    foreground: Share
    files: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    copy: list[int] = field(default_factory=list)
    background: list[str] = field(default_factory=list)

    def __post_init__(self):
        for name in ("names", "copy", "background"):
            if len(getattr(self, name)) not in (0, self.patches):
                raise CellsegError(f"{name}: has {len(getattr(self, name))} entries for {self.patches} patches")


@dataclass(frozen=True, kw_only=True)
class DataRecord:
    """``data.json``.

    Attributes
    ----------
    request : DataRequest
    stand_in : bool
        Whether the images stand in for real ones.
    numbered : bool
        Whether the cells of all images are numbered one by one; else those that touch have one number.
    diameter : float or None
        Median diameter in pixels of the numbered training cells, as discs of their area.
    splits : dict of str to DataSplit
        "train" and "test".
    version : int
    """

    request: DataRequest
    stand_in: bool
    numbered: bool = False
    diameter: float | None = None
    splits: dict[str, DataSplit]
    version: int = 1

    def __post_init__(self):
        for split in ("train", "test"):
            if split not in self.splits:
                raise CellsegError(f"splits: '{split}' is missing")

    @staticmethod
    def from_old(values: dict) -> dict:
        """Today's form of a file from before versions, whose names of patches ended in facts."""
        return {**values, "splits": {name: _from_old_names(split) for name, split in values["splits"].items()}}


def _from_old_names(split):
    """Names such as ``simulated_0001n@40,12#3``: "n" for a noise background, "#3" for the third copy, "#0" for none."""
    if len(split.get("names") or []) != split["patches"]:
        return {**split, "names": []}
    parts = [re.fullmatch(r"(?s)(.*?)(@\d+,\d+)?(?:#(\d+))?", name).groups() for name in split["names"]]
    noisy = [re.fullmatch(r"(simulated_\d+)n", image) for image, _, _ in parts]
    images = [found[1] if found else image for found, (image, _, _) in zip(noisy, parts, strict=True)]
    copied = all(copy for _, _, copy in parts)
    return {
        **split,
        "names": [image + (place or "") for image, (_, place, _) in zip(images, parts, strict=True)],
        "copy": [int(copy) for _, _, copy in parts] if copied else [],
        "background": [NOISE if found else PLAIN for found in noisy] if any(noisy) else [],
    }


def read_data(folder: str | Path) -> DataRecord:
    """Read the ``data.json`` in the folder of a data set.

    Raises
    ------
    CellsegError
        If it is missing or damaged; see `cellseg.records.read_record`.
    """
    path = Path(folder) / DATA
    if not path.exists():
        raise CellsegError(f"{path}: is missing, so the folder holds no data set; make it with `cellseg data`")
    return read_record(path, DataRecord)


def write_data(folder: str | Path, record: DataRecord) -> None:
    """Write the ``data.json`` of a data set."""
    write_record(Path(folder) / DATA, record)


def warnings_of(record: DataRecord) -> list[str]:
    """What a user should know of a data set before training on it."""
    foreground = record.splits["train"].foreground
    if 0 < foreground < 1:
        if DISTANCE in record.request.targets and not record.numbered:
            return ["the masks do not number the cells: the network learns those that touch as one; give labels/"]
        return []
    only = "cell" if foreground else "background"
    return [f"every pixel of the training masks is {only}; the network cannot learn from that"]
