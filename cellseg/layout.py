"""Where the data, runs, evaluations and table of an experiment lie.

FOLDER/data/simulated, tuned, real, stand-in    data sets
FOLDER/pretrain, FOLDER/finetune                runs, each with its model
FOLDER/pretrain/simulated, before               evaluations of the pretrained model
FOLDER/finetune, chosen and honest in it        evaluations of the fine-tuned model
FOLDER/table1.md                                Table 1

FOLDER is ``runs`` for the report's recipe, ``runs/best`` for another one, ``runs/seed-1`` for another seed,
``runs/ablation/kernel-5`` for a change of the network, ``runs/crossvalidation/best/fold-0`` for a fold.
"""

from dataclasses import dataclass
from pathlib import Path

#: The folder that holds all experiments.
ROOT = Path("runs")
STAGES = ("pretrain", "finetune")
#: Where the evaluations of an experiment lie.
EVALUATIONS = {
    "before": "pretrain/before",
    "simulated": "pretrain/simulated",
    "after": "finetune",
    "chosen": "finetune/chosen",
    "honest": "finetune/honest",
}
ABLATION = "ablation"
#: Where `cellseg train --images` puts a training, if nothing else is said.
OWN = ROOT / "own"


@dataclass(frozen=True)
class Layout:
    """The places of an experiment.

    Attributes
    ----------
    folder : pathlib.Path
    """

    folder: Path

    @classmethod
    def of_recipe(cls, name: str) -> "Layout":
        """The places of a recipe's experiment."""
        return cls(ROOT if name == "report" else ROOT / name)

    def data(self, kind: str) -> Path:
        """The folder of a data set; `kind` is simulated, tuned, real or stand-in."""
        return self.folder / "data" / kind

    def run(self, stage: str) -> Path:
        """The run folder of a stage."""
        return self.folder / stage

    def model(self, stage: str) -> Path:
        """The weights that a stage gives."""
        return self.run(stage) / f"{stage}.caffemodel"

    def evaluation(self, name: str) -> Path:
        """The folder of an evaluation, a key of `EVALUATIONS`."""
        return self.folder / EVALUATIONS[name]

    def record(self, name: str) -> Path:
        """The ``evaluation.json`` of an evaluation."""
        return self.evaluation(name) / "evaluation.json"

    @property
    def table(self) -> Path:
        """The file of Table 1."""
        return self.folder / "table1.md"

    def of_seed(self, seed: int) -> "Layout":
        """The places of the same experiment with another seed."""
        return Layout(self.folder / f"seed-{seed}") if seed else self


def folds_folder(folds: int) -> Path:
    """Where the images of a cross-validation are dealt to folds."""
    return ROOT / f"folds-{folds}"


def fold_layout(name: str, fold: str) -> Layout:
    """The places of one fold of a cross-validation called `name`."""
    return Layout(ROOT / "crossvalidation" / name / fold)


def change_layout(name: str) -> Layout:
    """The places of a change of the report's network that is tried."""
    return Layout(ROOT / ABLATION / name)
