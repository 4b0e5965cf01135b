"""Train a network on a data set, or go on with an interrupted training; everything goes into one run folder.

cellseg train pretrain
cellseg train finetune --data runs/data/real --weights runs/pretrain/pretrain.caffemodel
cellseg train resume runs/finetune/finetune_iter_440.solverstate
"""

import sys
from dataclasses import replace

from cellseg.commands import options
from cellseg.errors import CellsegError
from cellseg.layout import Layout
from cellseg.network.options import variant_from
from cellseg.recipes import RECIPES


def add_arguments(parser):
    """Add the verb's options."""
    stages = parser.add_subparsers(dest="stage", metavar="STAGE", required=True, title="stages")
    for stage, about in (("pretrain", "train on simulated cells"), ("finetune", "train on real images")):
        one = stages.add_parser(stage, help=about, description=f"{about.capitalize()}.")
        options.add_recipe(one)
        one.add_argument("--data", help="data set made by `cellseg data` (default: the recipe's)")
        one.add_argument("--out", help=f"run folder (default: runs/{stage}, or runs/RECIPE/{stage})")
        options.add_weights(one, "; fine-tuning needs them if the recipe pretrains")
        one.add_argument("--base-lr", type=float, help="learning rate at the start (default: the recipe's)")
        options.add_training(one)
        options.add_engine(one)
    resume = stages.add_parser("resume", help="go on with an interrupted training")
    resume.add_argument("state", help="a .solverstate in a run folder")
    options.add_engine(resume)


def run(arguments):
    """Train."""
    from cellseg.data.record import read_data, warnings_of
    from cellseg.models.find import find_model
    from cellseg.training import run

    if arguments.stage == "resume":
        model = run.resume(arguments.state, arguments.engine)
    else:
        plan = _plan(arguments, run.Plan, find_model(arguments.weights) if arguments.weights else None)
        for warning in warnings_of(read_data(plan.data)):
            print(f"warning: {plan.data}: {warning}", file=sys.stderr)
        model = run.train(plan)
    print(f"trained: {model}")


def _plan(arguments, plan, weights):
    recipe, stage = RECIPES[arguments.recipe], arguments.stage
    if stage not in recipe.samples and not arguments.data:
        raise CellsegError(f"the recipe {recipe.name} has no pretraining; go on with fine-tuning, or give --data")
    if stage == "finetune" and recipe.pretraining and not weights:
        raise CellsegError("the recipe fine-tunes a pretrained network; give it with --weights")
    updates, layout = recipe.updates, Layout.of_recipe(recipe.name)
    if arguments.base_lr is not None:
        updates = replace(updates, base_lr=arguments.base_lr)
    return plan(
        stage=stage,
        data=arguments.data or layout.data(recipe.samples[stage][0]),
        out=arguments.out or layout.run(stage),
        recipe=recipe.name,
        epochs=recipe.epochs if arguments.epochs is None else arguments.epochs,
        batch=arguments.batch,
        seed=arguments.seed,
        updates=updates,
        variant=variant_from(arguments, recipe.network),
        orientations=recipe.orientations,
        weights=weights,
        engine=arguments.engine,
        command=arguments.command,
    )
