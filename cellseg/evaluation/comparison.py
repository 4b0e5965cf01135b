"""Two models on the same held-out images, each used as `cellseg segment` uses it: whole cells, and which is better."""

from dataclasses import dataclass, field
from pathlib import Path

from cellseg.data.folder import Example, all_numbered
from cellseg.evaluation.objects import ObjectScores, object_scores
from cellseg.images.masks import components
from cellseg.records import read_record, write_record
from cellseg.segmentation.model import load_model
from cellseg.segmentation.segment_array import segment

COMPARISON = "comparison.json"

_SAME = 0.01  # a difference of the mean F1 that is none
_FEW_IMAGES, _FEW_CELLS = 5, 100  # below these a verdict is weak


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A model, and how well it finds the cells; see `cellseg.evaluation.objects.ObjectScores`."""

    model: str
    f1: float | None
    mean_f1: float | None
    count_error: float

    @classmethod
    def of(cls, model: str, scores: ObjectScores) -> "Scored":
        """What a comparison keeps of a model's scores."""
        return cls(model=model, f1=scores.f1, mean_f1=scores.mean_f1, count_error=scores.count_error)

    def __str__(self):
        f1, mean = ("-" if value is None else f"{value:.3f}" for value in (self.f1, self.mean_f1))
        return f"F1 at 0.5 {f1}, mean F1 {mean}, count error {self.count_error:.2f}"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """``comparison.json``.

    Attributes
    ----------
    old, new : Scored
        The model that a training started from, and the one that it made.
    images, cells : int
        Number of held-out images, and of the cells in their truth.
    numbered : bool
        Whether the truth numbers its cells one by one. If not, connected components were compared.
    left_out : list of str
        Files that were not trained on, since their counterpart is missing.
    version : int
    """

    old: Scored
    new: Scored
    images: int
    cells: int
    numbered: bool = True
    left_out: list[str] = field(default_factory=list)
    version: int = 1

    @property
    def gain(self) -> float | None:
        """By how much the mean F1 of the new model is higher; None if there are no cells to tell it by."""
        if not self.cells or self.old.mean_f1 is None or self.new.mean_f1 is None:
            return None
        return self.new.mean_f1 - self.old.mean_f1

    @property
    def verdict(self) -> str:
        """Whether the new model is better, in a line."""
        where = f"{_count(self.images, 'held-out image')} with {_count(self.cells, 'cell')}"
        if self.gain is None:
            return f"cannot tell which is better: no cell in {where}; annotate more"
        if self.old.mean_f1 == 1:
            return f"cannot tell which is better: the truth of {where} is what {self.old.model} finds; correct it first"
        better = "better" if self.gain >= _SAME else "worse" if self.gain <= -_SAME else "no better"
        line = f"the new model is {better}: mean F1 {self.gain:+.3f} on {where}"
        if self.images < _FEW_IMAGES or self.cells < _FEW_CELLS:
            line += f"; a weak verdict from so few (annotate more: {_FEW_IMAGES} held-out images, {_FEW_CELLS} cells)"
        return line

    @property
    def lines(self) -> list[str]:
        """The old model, the new one, and the verdict: a line each."""
        names = [self.old.model, self.new.model]
        width = max(map(len, names)) + 1
        scores = [f"{name + ':':{width}} {one}" for name, one in zip(names, (self.old, self.new), strict=True)]
        return [*scores, self.verdict]


def compare(old: str, new: str, examples: list[Example], engine: str = "auto", left_out=()) -> Comparison:
    """Compare two models on annotated images.

    Parameters
    ----------
    old, new : str
        See `cellseg.models.find.find_model`.
    examples : list of cellseg.data.folder.Example
        One at least.
    engine : str
        See `cellseg.engine.load`.
    left_out : sequence of str
        For the record.

    Raises
    ------
    CellsegError
        If a model cannot be used.
    """
    numbered = all_numbered(examples)
    truths = [one.labels if numbered else components(one.mask) for one in examples]
    scored = []
    for name in (old, new):
        model = load_model(name, engine)
        found = [segment(one.image, model).labels for one in examples]
        founds = found if numbered else [components(labels > 0) for labels in found]
        scored.append(Scored.of(name, object_scores(truths, founds, numbered)))
    cells = sum(int(truth.max()) for truth in truths)
    return Comparison(
        old=scored[0], new=scored[1], images=len(examples), cells=cells, numbered=numbered, left_out=list(left_out)
    )


def read_comparison(folder: str | Path) -> Comparison:
    """Read the ``comparison.json`` in a folder; see `cellseg.records.read_record` for its errors."""
    return read_record(Path(folder) / COMPARISON, Comparison, "train again")


def write_comparison(folder: str | Path, comparison: Comparison) -> None:
    """Write the ``comparison.json`` of a folder."""
    write_record(Path(folder) / COMPARISON, comparison)


def _count(number, thing):
    return f"{number} {thing}{'' if number == 1 else 's'}"
