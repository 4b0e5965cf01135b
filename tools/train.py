"""Train the network on a data set, or go on with an interrupted training; everything goes into one run folder.

python tools/train.py pretrain
python tools/train.py finetune --data runs/data/real --weights runs/pretrain/pretrain.caffemodel
python tools/train.py resume runs/finetune/finetune_iter_440.solverstate
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cellseg import cli, engine
from cellseg.network.options import add_variant_options, variant_from

DATA = {"pretrain": "runs/data/simulated", "finetune": "runs/data/real"}


def parse():
    parser = cli.Parser(description=__doc__)
    stages = parser.add_subparsers(dest="stage", metavar="{pretrain,finetune,resume}")
    stages.required = True
    for stage, data in DATA.items():
        options = stages.add_parser(stage)
        options.add_argument("--data", default=data, help="data set from tools/make_data.py (%(default)s)")
        options.add_argument("--out", default=f"runs/{stage}", help="run folder (%(default)s)")
        options.add_argument("--weights", help=".caffemodel to start from", required=stage == "finetune")
        options.add_argument("--epochs", type=int, default=60, help="length (%(default)s)")
        options.add_argument("--batch", type=int, default=10, help="patches an iteration (%(default)s)")
        options.add_argument("--base-lr", type=float, default=0.01, help="learning rate at the start (%(default)s)")
        options.add_argument("--seed", type=int, default=0, help="of the initial weights (%(default)s)")
        add_variant_options(options)
    stages.add_parser("resume").add_argument("state", help="a .solverstate in a run folder")
    for options in stages.choices.values():
        options.add_argument("--engine", choices=engine.NAMES, default="auto", help="what runs the net (%(default)s)")
    return parser.parse_args()


def main():
    arguments = parse()
    cli.need("h5py", "noise", "scipy", "tqdm", engine_name=arguments.engine)
    from cellseg.data.dataset import read_record, warnings_of
    from cellseg.training import run

    if arguments.stage == "resume":
        model = run.resume(arguments.state, arguments.engine)
    else:
        for warning in warnings_of(read_record(arguments.data)):
            print(f"warning: {arguments.data}: {warning}", file=sys.stderr)
        plan = run.Plan(
            stage=arguments.stage,
            data=arguments.data,
            out=arguments.out,
            epochs=arguments.epochs,
            batch=arguments.batch,
            seed=arguments.seed,
            base_lr=arguments.base_lr,
            variant=variant_from(arguments),
            weights=arguments.weights,
            engine=arguments.engine,
        )
        model = run.train(plan)
    print(f"trained: {model}")


if __name__ == "__main__":
    cli.run(main)
