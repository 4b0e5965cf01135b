"""The commands that make an experiment, and the loops over seeds, folds and changes of the network."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from cellseg.errors import CellsegError
from cellseg.layout import ROOT, Layout, change_layout, fold_layout
from cellseg.recipes import RECIPES, Recipe

#: The steps of an experiment, in order.
STEPS = ("data", "pretrain", "before", "finetune", "after", "table")
#: What the report's section 7.2 suggests: the network's options, beside the report's own network.
CHANGES = {
    "report": (),
    "poolings-2": ("--poolings=2",),
    "kernel-5": ("--kernel=5",),
    "features-48": ("--features=48",),
}


class Step(NamedTuple):
    """One command of an experiment.

    Attributes
    ----------
    words : list of str
        A verb of `cellseg` and its options.
    quiet : bool
        Whether what it prints is not of interest.
    """

    words: list[str]
    quiet: bool = False


@dataclass(frozen=True)
class Experiment:
    """What is trained on what; its methods give the steps, each as commands.

    Attributes
    ----------
    recipe : Recipe
    layout : Layout
    real : str or None
        Folder ``{train,test}/{images,masks}``; None for simulated images that stand in for real ones.
    rgb : {"refuse", "luminance"}
    seed : int
    pretraining : {"simulated", "tuned"} or None
        Data of the first stage; None if there is none.
    weights : str or None
        What the second stage starts from where there is no first one; see `cellseg.models.find.find_model`.
    engine : str
    data_options, target_options, training_options : tuple of str
        Further options of `cellseg data`, of the same for real or stand-in images, and of `cellseg train`.
    """

    recipe: Recipe
    layout: Layout
    real: str | None = None
    rgb: str = "refuse"
    seed: int = 0
    pretraining: str | None = None
    weights: str | None = None
    engine: str = "auto"
    data_options: tuple[str, ...] = ()
    target_options: tuple[str, ...] = ()
    training_options: tuple[str, ...] = ()

    @property
    def target(self) -> Path:
        """The folder of the data set that the second stage is trained on."""
        return self.layout.data("real" if self.real else "stand-in")

    def steps(self, name: str) -> list[Step]:
        """The commands of one of `STEPS`, with those of a pretraining that it needs and that has not been made.

        Raises
        ------
        CellsegError
            If a pretraining is needed that was interrupted.
        """
        if name in ("before", "finetune"):
            return [*self._missing_pretraining(), self._make_target(), *getattr(self, f"_{name}")()]
        if name == "pretrain":
            return [*self._make_simulated(), *self._pretrain()]
        return getattr(self, f"_{name}")()

    def all_steps(self) -> list[Step]:
        """The commands of the whole experiment."""
        parts = [self._data(), self._finetune(), self._after(), self._table()]
        if self.pretraining:
            parts[1:1] = [self._pretrain(), self._before()]
        return [step for part in parts for step in part]

    def _data(self):
        return [self._make_target(), *self._make_simulated()]  # mistakes in the real images are found first

    def _make_simulated(self):
        if not self.pretraining:
            return []
        real = ["--real", self.real, "--rgb", self.rgb] if self.real and self.pretraining == "tuned" else []
        return [self._make_data(self.pretraining, self.layout.data(self.pretraining), *real)]

    def _make_target(self):
        real = ["--real", self.real, "--rgb", self.rgb] if self.real else []
        return self._make_data("real" if self.real else "stand-in", self.target, *real, *self.target_options)

    def _make_data(self, kind, out, *options):
        return _step("data", kind, *options, "--out", out, *self._given, *self.data_options)

    def _pretrain(self):
        if not self.pretraining:
            raise CellsegError(f"{self._in_words} has no pretraining; go on with finetune")
        return [self._train("pretrain", self.layout.data(self.pretraining))]

    def _finetune(self):
        weights = self.layout.model("pretrain") if self.pretraining else self.weights
        return [self._train("finetune", self.target, *(["--weights", weights] if weights else []))]

    def _train(self, stage, data, *options):
        out = self.layout.run(stage)
        return _step(
            *("train", stage, "--data", data, "--out", out, *options),
            *(*self._given, "--engine", self.engine, *self.training_options),
        )

    @property
    def _given(self):
        return "--recipe", self.recipe.name, "--seed", self.seed

    @property
    def _in_words(self):
        return f"an experiment with --weights {self.weights}" if self.weights else f"the recipe {self.recipe.name}"

    def _missing_pretraining(self):
        if not self.pretraining or self.layout.model("pretrain").exists():
            return []
        run = self.layout.run("pretrain")
        if (run / "run.json").exists():
            raise CellsegError(f"{run}: the pretraining is not finished; resume it, or make it again with pretrain")
        return self.steps("pretrain")

    def _before(self):
        if not self.pretraining:
            raise CellsegError(f"{self._in_words} has no pretraining to evaluate; go on with finetune")
        model, images = self.layout.model("pretrain"), self.target / "test.txt"
        return [
            self._evaluate(model, "--out", self.layout.evaluation("simulated"), quiet=True),
            self._evaluate(model, "--data", images, "--out", self.layout.evaluation("before")),
        ]

    def _after(self):
        """The last one is the report's; of the two before it the first chooses on the training images."""
        model = self.layout.model("finetune")
        chosen, honest = (self.layout.evaluation(name) for name in ("chosen", "honest"))
        return [
            self._evaluate(model, "--split", "train", "--out", chosen, quiet=True),
            self._evaluate(model, "--threshold", self.layout.record("chosen"), "--out", honest, quiet=True),
            self._evaluate(model),
        ]

    def _evaluate(self, model, *options, quiet=False):
        return _step("evaluate", model, *options, "--engine", self.engine, quiet=quiet)

    def _table(self):
        records = [self.layout.record(name) for name in (["before"] if self.pretraining else []) + ["after"]]
        return [_step("table", *records, "--honest", self.layout.record("honest"), "--out", self.layout.table)]


def with_seeds(experiment: Experiment, seeds: list[int]) -> Iterator[Experiment]:
    """The same experiment with several seeds."""
    for seed in seeds:
        yield replace(experiment, seed=seed, layout=experiment.layout.of_seed(seed))


def ablation(experiment: Experiment, seeds: list[int]) -> Iterator[Experiment]:
    """The report's recipe with each of `CHANGES`, with several seeds."""
    for name, options in CHANGES.items():
        changed = replace(
            experiment,
            recipe=RECIPES["report"],
            layout=change_layout(name),
            training_options=(*experiment.training_options, *options),
        )
        yield from with_seeds(changed, seeds)


def crossvalidation(experiment: Experiment, folds: list[Path], name: str) -> Iterator[Experiment]:
    """The same experiment on the images of each fold."""
    for fold in folds:
        yield replace(experiment, real=str(fold), layout=fold_layout(name, fold.name))


def report_step(experiment: Experiment) -> Step:
    """The command that writes the illustrated report of all runs."""
    folder = experiment.layout.folder
    return _step("report", ROOT if ROOT in (folder, *folder.parents) else folder)


def _step(*words, quiet=False):
    return Step([str(word) for word in words], quiet)
