"""Train and test Caffe's files on PyTorch, with the words of Caffe's own command.

python -m cellseg.engine.torch train --solver solver.prototxt [--weights a.caffemodel | --snapshot a.solverstate]
python -m cellseg.engine.torch test --model net.prototxt --weights a.caffemodel [--iterations 50]
python -m cellseg.engine.torch time --model net.prototxt [--iterations 50]
torchrun --nproc_per_node 2 -m cellseg.engine.torch train --solver solver.prototxt --gpu all
"""

import os
import statistics
import time

import torch

from cellseg import cli
from cellseg.engine import torch as caffe
from cellseg.engine.fork_option import add_fork, take_fork
from cellseg.engine.torch.context import context
from cellseg.engine.torch.log import number


def parse():
    parser = cli.Parser(prog="python -m cellseg.engine.torch", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", metavar="{train,test,time}")
    verbs.required = True
    train, test, timing = (verbs.add_parser(name) for name in ("train", "test", "time"))
    train.add_argument("--solver", required=True, help="solver prototxt")
    start = train.add_mutually_exclusive_group()
    start.add_argument("--weights", help=".caffemodel files to start from, with commas between")
    start.add_argument("--snapshot", help=".solverstate to go on from")
    test.add_argument("--weights", required=True, help=".caffemodel")
    for options in (test, timing):
        options.add_argument("--model", required=True, help="net prototxt")
        options.add_argument("--iterations", type=cli.number(1), default=50, help="forward passes (%(default)s)")
    for options in (train, test, timing):
        options.add_argument("--gpu", help="number of the GPU, or all: each process of torchrun takes its own")
        add_fork(options)
        options.add_argument("--precision", choices=caffe.PRECISIONS, default="fp32", help="of products (%(default)s)")
    return parser.parse_args()


def train(arguments):
    solver = caffe.get_solver(arguments.solver)
    for weights in (arguments.weights or "").split(","):
        if weights:
            for net in [solver.net, *solver.test_nets]:
                net.copy_from(weights)
    try:
        solver.solve(arguments.snapshot)
    except KeyboardInterrupt:
        solver.snapshot()
        raise


def test(arguments):
    net = caffe.Net(arguments.model, caffe.TEST, weights=arguments.weights)
    sums = {}
    for _ in range(arguments.iterations):
        for name, value in net.forward().items():
            sums[name] = sums.get(name, 0) + value.astype("float64")
    for name, total in sums.items():
        for value in (total / arguments.iterations).ravel():
            print(f"{name} = {number(value)}")


def timing(arguments):
    net = caffe.Net(arguments.model, caffe.TRAIN)
    seconds = {"forward": [], "backward": []}
    for _ in range(arguments.iterations + 1):
        for kind, run in (("forward", net.run_forward), ("backward", net.run_backward)):
            started = time.perf_counter()
            run()
            if context.device.type == "cuda":
                torch.cuda.synchronize()
            seconds[kind].append(time.perf_counter() - started)
    for kind, values in seconds.items():
        print(f"{kind}: median {1000 * statistics.median(values[1:]):.3g} ms of {arguments.iterations}")


def main():
    arguments = parse()
    take_fork(arguments)
    caffe.prepare_process()
    caffe.set_precision(arguments.precision)
    if arguments.gpu == "all":
        caffe.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    elif arguments.gpu is not None:
        if not arguments.gpu.isdigit():
            raise cli.CellsegError(f"--gpu {arguments.gpu}: give the number of a GPU, or all")
        caffe.set_device(int(arguments.gpu))
    {"train": train, "test": test, "time": timing}[arguments.verb](arguments)


if __name__ == "__main__":
    cli.run(main)
