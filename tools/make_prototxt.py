"""Write the networks and solvers of the report, of a variant that its section 7.2 proposes, or of another recipe.

Without options this regenerates the committed files in prototxt/ and solvers/.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cellseg import cli
from cellseg.files import write_text
from cellseg.network import Schedule, deploy_net, receptive_field, solver, trainable_parameters, training_net
from cellseg.network.options import add_variant_options, variant_from
from cellseg.recipes import RECIPES


def parse():
    parser = cli.Parser(description=__doc__)
    parser.add_argument("--out", default=".", help="folder in which prototxt/ and solvers/ are written (%(default)s)")
    parser.add_argument("--recipe", choices=RECIPES, default="report", help="what to train, and how (%(default)s)")
    parser.add_argument("--epochs", type=int, help="length of each training (the recipe's)")
    parser.add_argument("--batch", type=int, default=10, help="patches an iteration (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the initial weights (%(default)s)")
    add_variant_options(parser)
    return parser.parse_args()


def main():
    arguments = parse()
    recipe = RECIPES[arguments.recipe]
    variant, out = variant_from(arguments, recipe.network), Path(arguments.out)
    epochs = recipe.epochs if arguments.epochs is None else arguments.epochs
    place = "" if recipe.name == "report" else f"{recipe.name}/"
    files = {f"prototxt/{place}deploy.prototxt": deploy_net(variant, variant.NAME)}
    for stage, (data, train, test) in recipe.samples.items():
        schedule = Schedule(train, test, arguments.batch, epochs, recipe.updates, arguments.seed)
        net = f"prototxt/{place}{stage}.prototxt"
        lists = f"{data}/train.txt", f"{data}/test.txt"
        files[net] = training_net(variant, f"{variant.NAME}_{stage}", *lists, schedule.batch, schedule.test_batch)
        text = solver(schedule, str(out / net), f"{recipe.runs}/caffe_{stage}")
        files[f"solvers/{place}{stage}.prototxt"] = text
    for name, text in files.items():
        write_text(out / name, text)
    print(f"{trainable_parameters(variant)} trainable parameters, ", end="")
    print("receptive field {0}x{0}; wrote {1}".format(receptive_field(variant), ", ".join(files)))


if __name__ == "__main__":
    cli.run(main)
