"""Train the network on a data set, or go on with an interrupted training; everything goes into one run folder.

python tools/train.py pretrain
python tools/train.py finetune --data runs/data/real --weights runs/pretrain/pretrain.caffemodel
python tools/train.py resume runs/finetune/finetune_iter_440.solverstate
"""

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cellseg import cli, engine
from cellseg.errors import CellsegError
from cellseg.network.options import add_variant_options, variant_from
from cellseg.recipes import RECIPES


def parse():
    parser = cli.Parser(description=__doc__)
    stages = parser.add_subparsers(dest="stage", metavar="{pretrain,finetune,resume}")
    stages.required = True
    for stage in ("pretrain", "finetune"):
        options = stages.add_parser(stage)
        options.add_argument("--recipe", choices=RECIPES, default="report", help="what to train, and how (%(default)s)")
        options.add_argument("--data", help="data set from tools/make_data.py (the recipe's)")
        options.add_argument("--out", help=f"run folder (runs/{stage}, or runs/RECIPE/{stage})")
        options.add_argument(
            "--weights", help=".caffemodel to start from; fine-tuning needs one if the recipe pretrains"
        )
        options.add_argument("--epochs", type=int, help="length (the recipe's)")
        options.add_argument("--batch", type=int, default=10, help="patches an iteration (%(default)s)")
        options.add_argument("--base-lr", type=float, help="learning rate at the start (the recipe's)")
        options.add_argument("--seed", type=int, default=0, help="of the initial weights (%(default)s)")
        add_variant_options(options)
    stages.add_parser("resume").add_argument("state", help="a .solverstate in a run folder")
    for options in stages.choices.values():
        options.add_argument("--engine", choices=engine.NAMES, default="auto", help="what runs the net (%(default)s)")
    return parser.parse_args()


def plan_from(arguments, plan):
    recipe, stage = RECIPES[arguments.recipe], arguments.stage
    if stage not in recipe.samples and not arguments.data:
        raise CellsegError(f"the recipe {recipe.name} has no pretraining; go on with fine-tuning, or give --data")
    if stage == "finetune" and recipe.pretraining and not arguments.weights:
        raise CellsegError("the recipe fine-tunes a pretrained network; give it with --weights")
    updates = recipe.updates
    if arguments.base_lr is not None:
        updates = replace(updates, base_lr=arguments.base_lr)
    return plan(
        stage=stage,
        data=arguments.data or recipe.samples[stage][0],
        out=arguments.out or f"{recipe.runs}/{stage}",
        recipe=recipe.name,
        epochs=recipe.epochs if arguments.epochs is None else arguments.epochs,
        batch=arguments.batch,
        seed=arguments.seed,
        updates=updates,
        variant=variant_from(arguments, recipe.network),
        orientations=recipe.orientations,
        weights=arguments.weights,
        engine=arguments.engine,
    )


def main():
    arguments = parse()
    cli.need("h5py", "noise", "scipy", "tqdm", engine_name=arguments.engine)
    from cellseg.data.dataset import read_record, warnings_of
    from cellseg.training import run

    if arguments.stage == "resume":
        model = run.resume(arguments.state, arguments.engine)
    else:
        plan = plan_from(arguments, run.Plan)
        for warning in warnings_of(read_record(plan.data)):
            print(f"warning: {plan.data}: {warning}", file=sys.stderr)
        model = run.train(plan)
    print(f"trained: {model}")


if __name__ == "__main__":
    cli.run(main)
