"""Which command makes what the page lacks."""

import shlex


def missing(collection, drawn):
    """Say how to make what is not there.

    Parameters
    ----------
    collection : cellseg.report.experiments.Collection
    drawn : container of str
        Keys of the pictures that there are; see `cellseg.report.figures`.

    Returns
    -------
    dict of str to list of str
        Command lines, by what they make; a key for each thing that is missing.
    """
    first = collection.main.first
    pretrained, tuned = (_model(first, stage) for stage in ("pretrain", "finetune"))
    commands = {}
    if not pretrained and collection.main.recipe == "report":
        commands["pretrain"] = ["make pretrain"]
    if not tuned:
        commands["finetune"] = ["make finetune REAL=folder"]
    if len(collection.main.experiments) < 2:
        commands["seeds"] = ["make seeds REAL=folder"]
    if pretrained and "before" not in first.evaluations:
        commands["before"] = ["make before REAL=folder"]
    if pretrained and "triptychs" not in drawn:
        commands["simulated"] = [_evaluate(pretrained, "--out", first.folder / "pretrain" / "simulated")]
    if tuned and "best" not in drawn:
        commands["after"] = [_evaluate(tuned)]
    if tuned and not any("cleaned" in result.methods for result in collection.main.results("honest")):
        chosen, honest = (first.folder / "finetune" / name for name in ("chosen", "honest"))
        commands["honest"] = [
            _evaluate(tuned, "--split", "train", "--out", chosen),
            _evaluate(tuned, "--threshold", chosen / "evaluation.json", "--out", honest),
        ]
    for recipe in ("best", "unet"):
        if all(group.recipe != recipe for group in collection.groups):
            commands[recipe] = [f"make reproduce REAL=folder RECIPE={recipe}"]
    if not collection.ablations:
        commands["ablation"] = ["make ablation REAL=folder"]
    return commands


def _model(experiment, stage):
    run = experiment.stages.get(stage)
    return run.folder / f"{stage}.caffemodel" if run else None


def _evaluate(model, *options):
    return " ".join(["python3 tools/evaluate.py", *(shlex.quote(str(part)) for part in (model, *options))])
