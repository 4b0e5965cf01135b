"""Say what files of Caffe's hold, and all in them that the embedded engine does not support.

Takes net and solver prototxts, .caffemodel, .solverstate, .binaryproto, HDF5 files, lists of them, and logs of
trainings; the content says which is which. Weights are compared with the net that is given beside them.

    cellseg inspect deploy.prototxt net.caffemodel
    cellseg inspect train.prototxt --phase TRAIN --shape 32x3x227x227
"""

import argparse
import json
import math
import sys

from cellseg.engine.fork_option import add_fork, take_fork


def add_arguments(parser):
    """Add the verb's options."""
    parser.add_argument("files", nargs="+", metavar="FILE")
    text = "of the net that is shown (default: TRAIN for a net with a loss, else TEST)"
    parser.add_argument("--phase", choices=("TRAIN", "TEST"), help=text)
    text = "of the first input, such as 1x3x224x224 (default: the net's)"
    parser.add_argument("--shape", type=_shape, metavar="NxCxHxW", help=text)
    add_fork(parser)
    parser.add_argument("--json", action="store_true", help="print a list with a record for each file")


def run(arguments):
    """Print what the files hold; bad ones get a line each, and exit code 2."""
    take_fork(arguments)
    from cellseg.errors import CellsegError
    from cellseg.inspection.inspect import add_fits, inspect
    from cellseg.inspection.text import lines

    found, errors = [], {}
    for path in arguments.files:
        try:
            found.append(inspect(path, arguments.phase, arguments.shape))
        except CellsegError as error:
            errors[path] = str(error)
    add_fits(found)
    if arguments.json:
        records = found + [{"file": path, "error": error} for path, error in errors.items()]
        print(json.dumps(_finite(records), indent=2, allow_nan=False))
    else:
        for one in found:
            print("\n".join(lines(one)))
    for message in errors.values():
        print(f"error: {message}", file=sys.stderr)
    return 2 if errors else 0


def _shape(text):
    sides = tuple(map(int, text.lower().split("x")))
    if min(sides) < 1:
        raise argparse.ArgumentTypeError(f"{text}: sides are 1 or more")
    return sides


_shape.__name__ = "shape"  # which argparse shows where it refuses the text


def _finite(value):
    """The same without NaN and infinity, which JSON lacks: null stands for them."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
