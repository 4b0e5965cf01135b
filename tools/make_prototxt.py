"""Write the networks and solvers of the report, or a variant that its section 7.2 proposes.

Without options this regenerates the committed files in prototxt/ and solvers/.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cellseg import cli
from cellseg.data.constants import ORIENTATIONS, REAL_TEST, REAL_TRAIN, TEST_PATCHES, TRAIN_PATCHES
from cellseg.files import write_text
from cellseg.network import (
    Schedule,
    deploy_net,
    receptive_field,
    solver,
    trainable_parameters,
    training_net,
)
from cellseg.network.options import add_variant_options, variant_from

SAMPLES = {
    "pretrain": (TRAIN_PATCHES, TEST_PATCHES, "runs/data/simulated"),
    "finetune": (REAL_TRAIN * ORIENTATIONS, REAL_TEST, "runs/data/real"),
}


def parse():
    parser = cli.Parser(description=__doc__)
    parser.add_argument("--out", default=".", help="folder in which prototxt/ and solvers/ are written (%(default)s)")
    parser.add_argument("--epochs", type=int, default=60, help="length of each training (%(default)s)")
    parser.add_argument("--batch", type=int, default=10, help="patches an iteration (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the initial weights (%(default)s)")
    add_variant_options(parser)
    return parser.parse_args()


def main():
    arguments = parse()
    variant, out = variant_from(arguments), Path(arguments.out)
    files = {"prototxt/deploy.prototxt": deploy_net(variant, "fcrn_a")}
    for stage, (train, test, data) in SAMPLES.items():
        schedule = Schedule(train, test, arguments.batch, arguments.epochs, seed=arguments.seed)
        net = f"prototxt/{stage}.prototxt"
        lists = f"{data}/train.txt", f"{data}/test.txt"
        files[net] = training_net(variant, f"fcrn_a_{stage}", *lists, schedule.batch, schedule.test_batch)
        files[f"solvers/{stage}.prototxt"] = solver(schedule, str(out / net), f"runs/caffe_{stage}")
    for name, text in files.items():
        write_text(out / name, text)
    print(f"{trainable_parameters(variant)} trainable parameters, ", end="")
    print("receptive field {0}x{0}; wrote {1}".format(receptive_field(variant), ", ".join(files)))


if __name__ == "__main__":
    cli.run(main)
