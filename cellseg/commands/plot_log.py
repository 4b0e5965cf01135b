"""Draw the losses and all test outputs of a Caffe training from its log, as in the report's Figure 7.

Reads what `caffe train` writes, from 2013 on and on any system, and the train.log of our own runs. Several logs are
taken for several seeds of one training: a mean and a band.
"""

from pathlib import Path

from cellseg import cli


def add_arguments(parser):
    """Add the verb's options."""
    parser.add_argument("log", nargs="+", help="log of a training")
    parser.add_argument("--epoch-iterations", type=cli.number(1), required=True, help="iterations in an epoch")
    parser.add_argument("--out", default="curves", help="files without their suffix: .png, .svg (default: %(default)s)")


def run(arguments):
    """Draw the curves."""
    cli.need("report", "matplotlib")
    from cellseg.files import make_folder
    from cellseg.report import curves, style
    from cellseg.training.log import history_rows, read_log

    histories = [history_rows(read_log(path), arguments.epoch_iterations) for path in arguments.log]
    known = ("epoch", "iteration", "lr", "train_loss", "test_loss", "test_mcc")
    keys = dict.fromkeys(key for rows in histories for row in rows for key in row if key not in known)
    outputs = [key.removeprefix("test_") for key in keys]
    out = Path(arguments.out)
    name = ", ".join(Path(path).name for path in arguments.log)
    picture = style.save(lambda: curves.draw({name: histories}, outputs), make_folder(out.parent), out.name, dark=False)
    print(f"written: {picture.png}, {picture.svg}")
