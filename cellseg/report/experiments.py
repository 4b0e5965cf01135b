"""One experiment, a group of experiments that differ in the seed alone, and everything in a folder."""

from dataclasses import dataclass, field, replace
from pathlib import Path


@dataclass(frozen=True)
class Experiment:
    """One training of a recipe, with one seed.

    Attributes
    ----------
    folder : path
    ablation : str or None
        Name of the change that was tried, if the folder is below ``ablation/``.
    stages : dict of str to Run
        The finished ones of `cellseg.layout.STAGES`.
    evaluations : dict of str to EvaluatedModel
        The keys of `cellseg.layout.EVALUATIONS` for which there are records.
    """

    folder: Path
    ablation: str | None
    stages: dict
    evaluations: dict

    @property
    def last(self):
        """The last finished stage's `Run`."""
        return self.stages.get("finetune") or self.stages["pretrain"]

    @property
    def kind(self):
        """What experiments must share to be averaged: change, recipe and network."""
        return self.ablation, self.last.recipe, tuple(sorted(self.last.variant.items()))

    @property
    def subject(self):
        """What identifies the test images; None if there is no evaluation."""
        results = [self.evaluations[name] for name in ("after", "honest", "before") if name in self.evaluations]
        return results[0].subject if results else None

    def like(self, other):
        """Whether this was trained and tested as `other` was, apart from the seed, in the stages that both have."""
        common = set(self.stages) & set(other.stages)
        return _same(self.subject, other.subject) and all(
            _conditions(self.stages[stage]) == _conditions(other.stages[stage]) for stage in common
        )


@dataclass(frozen=True)
class Group:
    """Experiments that differ in the seed alone, in the order of the seeds."""

    experiments: list

    @property
    def first(self):
        """The `Experiment` with the lowest seed, which the pictures show."""
        return self.experiments[0]

    @property
    def recipe(self):
        """Name of the recipe."""
        return self.first.last.recipe

    @property
    def ablation(self):
        """Name of the change that was tried, or None."""
        return self.first.ablation

    @property
    def network(self):
        """The network, as `Run.network`."""
        return self.first.last.network

    @property
    def seeds(self):
        """The seeds, ascending."""
        return [experiment.last.seed for experiment in self.experiments]

    def results(self, name):
        """The `EvaluatedModel` called `name` of each experiment that has one."""
        return [one.evaluations[name] for one in self.experiments if name in one.evaluations]

    def runs(self, stage):
        """The `Run` of each experiment that has finished a stage."""
        return [one.stages[stage] for one in self.experiments if stage in one.stages]


@dataclass(frozen=True)
class Collection:
    """What a folder holds.

    Attributes
    ----------
    root : path
    groups : list of Group
        The report's recipe first, if it is there.
    ablations : list of Group
        Those below ``ablation/``.
    notes : list of str
        What was left out or looks odd, a line each.
    """

    root: Path
    groups: list
    ablations: list
    notes: list = field(default_factory=list)

    @property
    def main(self):
        """The group that the figures are about."""
        return (self.groups or self.ablations)[0]

    @property
    def all_runs(self):
        """Every finished `Run`."""
        groups = [*self.groups, *self.ablations]
        return [run for group in groups for one in group.experiments for run in one.stages.values()]


def _conditions(run):
    """What runs with different seeds must share."""
    return replace(run.record.schedule, seed=0), run.record.normalisation


def _same(subject, other):
    return None in (subject, other) or subject == other
