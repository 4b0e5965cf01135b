"""Simulate fluorescence microscope images of cells, with their masks and labels."""

import json
import sys

from cellseg import cli
from cellseg.errors import CellsegError
from cellseg.records import read_object


def add_arguments(parser):
    """Add the verb's options."""
    out = "folder for images, masks, labels and options.json; an earlier result there is replaced"
    parser.add_argument("--out", required=True, help=out)
    count = "number of images (default: %(default)s)"
    parser.add_argument("--count", type=cli.number(1, 1000000), default=10, help=count)
    seed = "image i comes from the seed [SEED, i] (default: %(default)s)"
    parser.add_argument("--seed", type=int, default=0, help=seed)
    parser.add_argument("--size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="sets population.template")
    setting = "an option, such as population.N=20 or cell_obj.nucleus.shape=0.1,0.1; may be repeated"
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="changes", help=setting)
    parser.add_argument("--options", metavar="FILE", help="options as JSON, such as an earlier options.json")
    suffix = "format of all three kinds of files (default: %(default)s)"
    parser.add_argument("--format", choices=("png", "tif"), default="png", help=suffix)
    bits = "bits a pixel of the images (default: %(default)s); labels have 16"
    parser.add_argument("--bits", type=int, choices=(8, 16), default=8, help=bits)
    channels = ("nuclei", "cytoplasm", "subcell")
    channel = "what images, masks and labels show (default: %(default)s)"
    parser.add_argument("--channel", choices=channels, default="nuclei", help=channel)


def run(arguments):
    """Simulate and write."""
    from cellseg.data.simulations import write_simulations
    from cellseg.progress import bar

    options = _options(arguments)
    suffix = f".{arguments.format}"
    chosen = (arguments.count, arguments.seed, arguments.channel, arguments.bits, suffix)
    full = write_simulations(arguments.out, options, *chosen, progress=bar("image"))
    if full:
        which = f"{len(full)} of {arguments.count} images are full with fewer than {options.population.N} cells"
        print(f"warning: {which}, {full[0]} the first; allow more population.overlap", file=sys.stderr)
    print(f"{arguments.count} images in {arguments.out}")


def _options(arguments):
    """Put the options together: defaults, then the file, then --size, then --set."""
    from cellseg.simcep import Options

    record = read_object(arguments.options, "correct it") if arguments.options else {}
    if isinstance(record, dict) and "options" in record:
        record = record["options"]
    try:
        options = Options.from_dict(record)
    except CellsegError as error:
        raise CellsegError(f"{arguments.options}: {error}") from error
    changes = {"population.template": arguments.size} if arguments.size else {}
    for change in arguments.changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise CellsegError(f"--set {change}: write NAME=VALUE, such as population.N=20")
        changes[name.strip()] = _value(text)
    return options.replace(changes)


def _value(text):
    """Read a value as JSON, with or without a list's brackets, or else as text, which no option takes."""
    try:
        return json.loads(f"[{text}]" if "," in text and not text.strip().startswith("[") else text)
    except (ValueError, RecursionError):
        return text
