"""Write the networks and solvers of the report, of a variant that its section 7.2 proposes, or of another recipe.

Without options this writes the files that stand in prototxt/ and solvers/ of the sources.
"""

from pathlib import Path

from cellseg.commands import make_variables, options
from cellseg.layout import Layout
from cellseg.network.options import variant_from, variant_name
from cellseg.recipes import RECIPES

#: The variables of `make` that this verb understands.
MAKE_VARIABLES = make_variables.OF_TRAINING


def add_arguments(parser):
    """Add the verb's options."""
    out = "folder in which prototxt/ and solvers/ are written (default: %(default)s)"
    parser.add_argument("--out", default=".", help=out)
    options.add_recipe(parser)
    options.add_training(parser)
    make_variables.add_flag(parser)


def run(arguments):
    """Write the files."""
    from cellseg.engine.geometry import receptive_field, trainable_parameters
    from cellseg.files import write_text
    from cellseg.network import Schedule, deploy_net, solver, training_net

    recipe = RECIPES[arguments.recipe]
    variant, out = variant_from(arguments, recipe.network), Path(arguments.out)
    epochs = recipe.epochs if arguments.epochs is None else arguments.epochs
    place, layout = "" if recipe.name == "report" else f"{recipe.name}/", Layout.of_recipe(recipe.name)
    changes = variant_name(variant, recipe.network)
    files = {f"prototxt/{place}deploy.prototxt": deploy_net(variant, variant.NAME)}
    for stage, (kind, train, test) in recipe.samples.items():
        schedule = Schedule(train, test, arguments.batch, epochs, recipe.updates, arguments.seed)
        net = f"prototxt/{place}{stage}.prototxt"
        lists = [str(layout.data(kind) / f"{split}.txt") for split in ("train", "test")]
        files[net] = training_net(variant, f"{variant.NAME}_{stage}", *lists, schedule.batch, schedule.test_batch)
        snapshots = layout.folder / "_".join(filter(None, ("caffe", changes, stage)))
        text = solver(schedule, str(out / net), str(snapshots))
        files[f"solvers/{place}{stage}.prototxt"] = text
    for name, text in files.items():
        write_text(out / name, text)
    print(f"{trainable_parameters(variant)} trainable parameters, ", end="")
    print("receptive field {0}x{0}; wrote {1}".format(receptive_field(variant), ", ".join(files)))
