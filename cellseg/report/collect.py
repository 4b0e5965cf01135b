"""Finding the experiments below a folder: which runs there are, which belong together, and which are left out.

An experiment is a folder that holds a run folder ``pretrain``, ``finetune`` or both, with the evaluations of their
models. Experiments that differ in the seed alone are one group.
"""

import os
import re
from pathlib import Path

from cellseg.data.record import DATA
from cellseg.errors import CellsegError
from cellseg.files import sha256
from cellseg.layout import ABLATION, EVALUATIONS, STAGES
from cellseg.report.experiments import Collection, Experiment, Group
from cellseg.report.records import read_result, read_run
from cellseg.training import record as training

_NOT_ENTERED = re.compile(r"(pretrain|finetune)(\.\d+)?|data|\..*")


def collect(root):
    """Find and read all experiments below a folder.

    Parameters
    ----------
    root : str or path

    Returns
    -------
    Collection
        Stages that are not finished are left out, and so is what cannot be compared with the first experiment: other
        test images, or the same recipe and seed again. The notes say what was left out.

    Raises
    ------
    CellsegError
        If a record is damaged, or there is no finished run.
    """
    root, notes = Path(root), []
    if not root.is_dir():
        raise CellsegError(f"{root}: no such folder; give the one that holds the runs")
    found = [_read(folder, root, notes) for folder in _folders(root)]
    groups = {}
    for experiment in filter(None, found):
        groups.setdefault(experiment.kind, []).append(experiment)
    if not groups:
        raise CellsegError(f"{root}: holds no finished run; train first, with `cellseg experiment reproduce`")
    chosen = [Group(_alike(members, notes)) for members in groups.values()]
    chosen.sort(key=lambda group: (group.ablation is not None, (group.ablation or group.recipe) != "report"))
    chosen = _same_images(chosen, notes)
    return Collection(
        root,
        [group for group in chosen if group.ablation is None],
        [group for group in chosen if group.ablation is not None],
        notes,
    )


def _folders(root):
    """Experiment folders, those nearest to the root first."""
    found = []
    for path, folders, _ in os.walk(root):
        if any(os.path.exists(os.path.join(path, stage, "run.json")) for stage in STAGES):
            found.append(Path(path))
        folders[:] = [name for name in folders if not _NOT_ENTERED.fullmatch(name)]
    return sorted(found, key=lambda folder: (len(folder.parts), [_natural(part) for part in folder.parts]))


def _natural(text):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", text)]


def _read(folder, root, notes):
    """The experiment in a folder, or None if nothing in it is finished."""
    stages = {}
    for stage in STAGES:
        place = folder / stage
        status = training.read_run(place).status if (place / training.RUN).exists() else None
        if status == "finished":
            stages[stage] = read_run(place)
            if sha256(place / DATA) != stages[stage].record.data.record_sha256:
                notes.append(f"{place / DATA} is not the record of the data that the run names")
        elif status:
            notes.append(f"{place} is left out: it is not finished ({status})")
    if not stages:
        return None
    evaluations = {name: read_result(folder / place) for name, place in EVALUATIONS.items()}
    for name, place in EVALUATIONS.items():
        stage = stages.get(place.split("/")[0])
        if evaluations[name] and not (stage and _fits(evaluations[name], stage)):
            notes.append(f"{folder / place}/evaluation.json is left out: it is of other weights; evaluate again")
            evaluations[name] = None
    _check_weights(stages, notes)
    parts = folder.relative_to(root).parts
    name = parts[parts.index(ABLATION) + 1] if ABLATION in parts[:-1] else None
    return Experiment(folder, name, stages, {name: result for name, result in evaluations.items() if result})


def _fits(result, run):
    weights = run.record.weights
    return weights is None or result.record.model_sha256 in (None, weights.sha256)


def _check_weights(stages, notes):
    if len(stages) < 2:
        return
    start, end = stages["finetune"].record.initial_weights, stages["pretrain"].record.weights
    if start and end and start.sha256 != end.sha256:
        notes.append(f"{stages['finetune'].folder} did not start from the weights in {stages['pretrain'].folder}")


def _alike(members, notes):
    """Keep those experiments of one kind that differ from the first in the seed alone, in the order of the seeds."""
    kept = {}
    for one in members:
        first = members[0]
        if one.last.seed in kept:
            same = kept[one.last.seed].folder
            notes.append(f"{one.folder} is left out: the same recipe and seed ({one.last.seed}) as {same}")
        elif not one.like(first):
            notes.append(f"{one.folder} is left out: its schedule or images are not those of {first.folder}")
        else:
            kept[one.last.seed] = one
    return [kept[seed] for seed in sorted(kept)]


def _same_images(groups, notes):
    """Leave out groups that were tested on other images than the first."""
    subject = next((group.first.subject for group in groups if group.first.subject), None)
    kept = []
    for group in groups:
        if group.first.subject in (None, subject):
            kept.append(group)
        else:
            notes.append(f"{group.first.folder} is left out: it was tested on other images than the first group")
    return kept
