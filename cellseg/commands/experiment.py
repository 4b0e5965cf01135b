"""Run an experiment: data, training, evaluation and table; also with several seeds, folds or changes of the network.

    cellseg experiment --real FOLDER                  data, pretrain, before, finetune, after, table
    cellseg experiment reproduce --real FOLDER        the same and the illustrated report
    cellseg experiment seeds --real FOLDER            the same with several seeds
    cellseg experiment crossvalidate --real FOLDER    judge a recipe on the training images alone
    cellseg experiment ablation --real FOLDER         try what the report suggests: other networks
    cellseg experiment finetune --real FOLDER         one step: data, pretrain, before, finetune, after or table

Every step is a command of its own, which is printed. Without --real FOLDER, simulated images stand in for real ones.
"""

import contextlib
import io
import shlex
from pathlib import Path

from cellseg import commands, experiment
from cellseg.commands import make_variables, options
from cellseg.errors import CellsegError
from cellseg.layout import Layout, folds_folder
from cellseg.network.options import variant_words
from cellseg.recipes import RECIPES, SIMULATED_PATCHES

_LOOPS = ("reproduce", "seeds", "crossvalidate", "ablation")
#: The variables of `make` that this verb understands.
MAKE_VARIABLES = (
    *make_variables.OF_TRAINING,
    *(
        "REAL",
        "RGB",
        "PRETRAINING",
        "WEIGHTS",
        "NORMALISATION",
        "AUGMENTATION",
        "ENGINE",
        "RUNS",
        "SEEDS",
        "FOLDS",
        "NAME",
    ),
)


def add_arguments(parser):
    """Add the verb's options."""
    parser.usage = "cellseg experiment [WHAT] [options]"
    choices = ("all", *_LOOPS, *experiment.STEPS)
    parser.add_argument("what", nargs="?", choices=choices, default="all", metavar="WHAT", help=", ".join(choices))
    options.add_real(parser)
    options.add_rgb(parser)
    options.add_recipe(parser)
    pretraining = "data of the first training (default: the recipe's)"
    parser.add_argument("--pretraining", choices=SIMULATED_PATCHES, help=pretraining)
    options.add_weights(parser, ", in place of a pretraining")
    options.add_normalisation(parser, "the recipe's")
    options.add_copies(parser)
    options.add_training(parser)
    options.add_engine(parser)
    parser.add_argument("--runs", metavar="FOLDER", help="folder of the experiment (default: runs, or runs/RECIPE)")
    group = parser.add_argument_group("of some experiments")
    seeds = "for 'seeds' and 'ablation' (default: 0 1 2)"
    group.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="SEED", help=seeds)
    folds = "number of folds, for 'crossvalidate' (default: %(default)s)"
    group.add_argument("--folds", type=int, default=5, help=folds)
    name = "for 'crossvalidate': results go to runs/crossvalidation/NAME (default: the recipe's)"
    group.add_argument("--name", help=name)
    parser.add_argument("--dry-run", action="store_true", help="only print the commands")
    make_variables.add_flag(parser)


def run(arguments):
    """Run the experiment."""
    plan, do = _plan(arguments), _say if arguments.dry_run else _do
    if arguments.what in experiment.STEPS:
        do(plan.steps(arguments.what))
    elif arguments.what == "crossvalidate":
        _crossvalidate(arguments, plan, do)
    else:
        plans = {
            "seeds": experiment.with_seeds(plan, arguments.seeds),
            "ablation": experiment.ablation(plan, arguments.seeds),
        }.get(arguments.what, [plan])
        for one in plans:
            do(one.all_steps())
        if arguments.what != "all":
            do([experiment.report_step(plan)])


def _plan(arguments):
    """The experiment that the arguments describe."""
    recipe = RECIPES[arguments.recipe]
    if arguments.what == "ablation" and recipe.name != "report":
        raise CellsegError(f"--recipe {recipe.name}: ablation changes the report's own network; leave it out")
    if arguments.what in ("seeds", "ablation") and arguments.seed:
        raise CellsegError(f"--seed {arguments.seed}: {arguments.what} takes several, --seeds")
    rule, copies, epochs = arguments.normalisation, arguments.copies, arguments.epochs
    if arguments.weights and arguments.pretraining:
        raise CellsegError("--pretraining and --weights: give one of them; with --weights there is no pretraining")
    if arguments.runs is not None and arguments.what in ("crossvalidate", "ablation"):
        raise CellsegError(f"--runs: {arguments.what} has folders of its own, below runs/; leave it out")
    return experiment.Experiment(
        recipe=recipe,
        layout=Layout.of_recipe(recipe.name) if arguments.runs is None else Layout(Path(arguments.runs)),
        real=arguments.real,
        rgb=arguments.rgb,
        seed=arguments.seed,
        pretraining=None if arguments.weights else arguments.pretraining or recipe.pretraining,
        weights=arguments.weights,
        engine=arguments.engine,
        data_options=("--normalisation", rule) if rule else (),
        target_options=("--copies", str(copies)) if copies else (),
        training_options=(
            *(("--epochs", str(epochs)) if epochs is not None else ()),
            *("--batch", str(arguments.batch)),
            *variant_words(arguments),
        ),
    )


def _crossvalidate(arguments, plan, do):
    if not arguments.real:
        raise CellsegError("crossvalidate deals real training images to folds; give --real FOLDER")
    from cellseg.data.folds import write_folds
    from cellseg.data.public import find_real
    from cellseg.evaluation.record import read_evaluation
    from cellseg.evaluation.sweep import pooled

    out = folds_folder(arguments.folds)
    folds = [out / f"fold-{number}" for number in range(arguments.folds)]
    if not arguments.dry_run:
        folds = write_folds(find_real(arguments.real), out, arguments.folds, arguments.rgb)
        print(f"written: {folds[0]} to {folds[-1].name}")
    plans = list(experiment.crossvalidation(plan, folds, arguments.name or plan.recipe.name))
    for one in plans:
        do(one.all_steps())
    if arguments.dry_run:
        return
    records = [read_evaluation(one.layout.record("after")) for one in plans]
    best = pooled([record.sweep for record in records])
    each = ", ".join(f"{record.best_mcc:.4f}" for record in records)
    print(f"\n{sum(record.images for record in records)} held-out images in {len(records)} folds, pooled: ", end="")
    print(f"MCC {best['mcc']:.4f} at {best['threshold']:.2f} (each fold at its own best threshold: {each})")


def _say(steps):
    for step in steps:
        print(f"cellseg {shlex.join(step.words)}")


def _do(steps):
    for step in steps:
        print(flush=True)
        _say([step])
        with contextlib.redirect_stdout(io.StringIO()) if step.quiet else contextlib.nullcontext():
            commands.main(step.words)
