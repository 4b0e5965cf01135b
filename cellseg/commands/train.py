"""Train on your own annotated images, from a model that ships; or train a network on any data set.

    cellseg train --images photos/ --labels labels/ --out runs/mine
    cellseg train --images photos/ --qupath geojson/
    cellseg segment more/ --out results --model runs/mine

With --images it holds one image in five out, trains on the others, and says in three lines whether the new model is
better on the held-out images. A file of truth has the name of its image: x.tif, x_labels.png, x_roi.zip, x.geojson and
so on. With a STAGE it trains on a data set that `cellseg data` has made, or goes on with an interrupted training:

    cellseg train pretrain
    cellseg train finetune --data runs/data/real --weights runs/pretrain/pretrain.caffemodel
    cellseg train resume runs/finetune/finetune_iter_440.solverstate
    torchrun --nproc-per-node 2 -m cellseg train pretrain

A stage has options of its own: `cellseg train finetune --help`.
"""

import shlex
import sys
from dataclasses import replace

from cellseg import cli
from cellseg.commands import options
from cellseg.data.names import RGB_RULES
from cellseg.engine import NAMES
from cellseg.errors import CellsegError
from cellseg.layout import OWN, Layout
from cellseg.models.shipped import DEFAULT
from cellseg.network.options import variant_from
from cellseg.recipes import RECIPES


def add_arguments(parser):
    """Add the verb's options."""
    _add_own(parser)
    stages = parser.add_subparsers(dest="stage", metavar="STAGE", title="stages")
    for stage, about in (("pretrain", "train on simulated cells"), ("finetune", "train on real images")):
        one = stages.add_parser(stage, help=about, description=f"{about.capitalize()}.")
        options.add_recipe(one)
        one.add_argument("--data", help="data set made by `cellseg data` (default: the recipe's)")
        one.add_argument("--out", help=f"run folder (default: runs/{stage}, or runs/RECIPE/{stage})")
        options.add_weights(one, "; fine-tuning needs them if the recipe pretrains")
        rate = "learning rate at the start (default: the recipe's; from a trained model a tenth of it, "
        rate += "if the recipe has no pretraining)"
        one.add_argument("--base-lr", type=float, help=rate)
        options.add_training(one)
        options.add_engine(one)
    resume = stages.add_parser("resume", help="go on with an interrupted training")
    resume.add_argument("state", help="a .solverstate in a run folder")
    options.add_engine(resume)


def _add_own(parser):
    """The options without a stage. They have names of their own, since those of a stage would replace them."""
    group = parser.add_argument_group("your own images (without a STAGE)")
    group.add_argument("--images", dest="own_images", metavar="FOLDER", help="folder of images")
    kinds = {"labels": "label images, or masks", "qupath": "GeoJSON from QuPath", "roi": "selections from ImageJ"}
    for name, what in kinds.items():
        group.add_argument(f"--{name}", dest=f"own_{name}", metavar="FOLDER", help=f"folder of the truth: {what}")
    group.add_argument("--out", dest="own_out", metavar="FOLDER", help=f"folder for all results (default: {OWN})")
    weights = f"model to start from: a shipped one, a file or a run folder (default: {DEFAULT})"
    group.add_argument("--weights", dest="own_weights", metavar="MODEL", help=weights)
    epochs = "length of the training (default: that of the model's recipe)"
    group.add_argument("--epochs", dest="own_epochs", metavar="EPOCHS", type=cli.number(1), help=epochs)
    copies = "copies of each training image, by which it is augmented (default: the recipe's)"
    group.add_argument("--copies", dest="own_copies", metavar="COPIES", type=cli.number(2), help=copies)
    seed = "seed of everything random (default: 0)"
    group.add_argument("--seed", dest="own_seed", metavar="SEED", type=cli.number(0, 2**32 - 1), help=seed)
    rgb = "colour images: refuse them, or take their luminance (default: refuse)"
    group.add_argument("--rgb", dest="own_rgb", choices=RGB_RULES, help=rgb)
    engine = "what runs the network (default: auto)"
    group.add_argument("--engine", dest="own_engine", choices=NAMES, help=engine)


def run(arguments):
    """Train."""
    from cellseg.training import processes

    own = {name[4:]: value for name, value in vars(arguments).items() if name.startswith("own_") and value is not None}
    if not arguments.stage:
        return _train_on_own(own, arguments.command)
    if own:
        raise CellsegError(f"--{next(iter(own))} stands before the stage; put it behind '{arguments.stage}'")
    with processes.first_alone_prints():
        return (_resume if arguments.stage == "resume" else _train_stage)(arguments)


def _train_on_own(own, command):
    from cellseg.fine_tuning import TRUTH, FineTuning, fine_tune
    from cellseg.progress import bar

    kinds = [kind for kind in TRUTH if kind in own]
    if "images" not in own or len(kinds) != 1:
        one = ", ".join(f"--{kind}" for kind in TRUTH)
        raise CellsegError(f"give --images FOLDER and one of {one}; or a STAGE: pretrain, finetune, resume")
    truth = own.pop(kinds[0])
    plan = FineTuning(truth=truth, kind=kinds[0], **{"out": str(OWN), **own}, command=command)
    _tell(fine_tune(plan, bar("images")), plan.out)


def _tell(comparison, out):
    print("\n".join(comparison.lines))
    print(f"use it: cellseg segment IMAGES --out results --model {shlex.quote(str(out))}")


def _train_stage(arguments):
    from cellseg.data.record import read_data, warnings_of
    from cellseg.models.find import find_model
    from cellseg.training import run

    plan = _plan(arguments, run.Plan, find_model(arguments.weights) if arguments.weights else None)
    for warning in warnings_of(read_data(plan.data)):
        print(f"warning: {plan.data}: {warning}", file=sys.stderr)
    print(f"trained: {run.train(plan)}")


def _resume(arguments):
    from cellseg import fine_tuning
    from cellseg.training import processes, run

    if not processes.is_first():
        run.resume(arguments.state, arguments.engine)
        return
    model, comparison = fine_tuning.resume(arguments.state, arguments.engine)
    print(f"trained: {model}")
    if comparison:
        _tell(comparison, model.parent.parent)


def _plan(arguments, plan, weights):
    recipe, stage = RECIPES[arguments.recipe], arguments.stage
    if stage not in recipe.samples and not arguments.data:
        raise CellsegError(f"the recipe {recipe.name} has no pretraining; go on with fine-tuning, or give --data")
    if stage == "finetune" and recipe.pretraining and not weights:
        raise CellsegError("the recipe fine-tunes a pretrained network; give it with --weights")
    layout = Layout.of_recipe(recipe.name)
    updates = recipe.further if weights and not recipe.pretraining else recipe.updates
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
