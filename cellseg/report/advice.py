"""The commands that make what the page lacks."""

import shlex

from cellseg.layout import Layout


def missing(collection, drawn):
    """List the commands that make what is missing.

    Parameters
    ----------
    collection : cellseg.report.experiments.Collection
    drawn : container of str
        Keys of the pictures that have been drawn; see `cellseg.report.figures`.

    Returns
    -------
    dict of str to list of str
        From what is missing to the command lines that make it.
    """
    first = collection.main.first
    layout, stages = Layout(first.folder), first.stages
    commands = {}
    if "pretrain" not in stages and collection.main.recipe == "report":
        commands["pretrain"] = [_experiment("pretrain")]
    if "finetune" not in stages:
        commands["finetune"] = [_experiment("finetune")]
    if len(collection.main.experiments) < 2:
        commands["seeds"] = [_experiment("seeds")]
    if "pretrain" in stages and "before" not in first.evaluations:
        commands["before"] = [_experiment("before")]
    if "pretrain" in stages and "triptychs" not in drawn:
        commands["simulated"] = [_evaluate(layout.model("pretrain"), "--out", layout.evaluation("simulated"))]
    if "finetune" in stages and "best" not in drawn:
        commands["after"] = [_evaluate(layout.model("finetune"))]
    if "finetune" in stages and not any("cleaned" in one.methods for one in collection.main.results("honest")):
        commands["honest"] = [
            _evaluate(layout.model("finetune"), "--split", "train", "--out", layout.evaluation("chosen")),
            _evaluate(
                *(layout.model("finetune"), "--threshold", layout.record("chosen")),
                *("--out", layout.evaluation("honest")),
            ),
        ]
    for recipe in ("best", "unet"):
        if all(group.recipe != recipe for group in collection.groups):
            commands[recipe] = [f"{_experiment('reproduce')} --recipe {recipe}"]
    if not collection.ablations:
        commands["ablation"] = [_experiment("ablation")]
    return commands


def _experiment(what):
    return f"cellseg experiment {what} --real FOLDER"


def _evaluate(*words):
    return shlex.join(["cellseg", "evaluate", *map(str, words)])
