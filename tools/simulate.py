"""Simulate fluorescence microscope images of cells, with their masks and labels."""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cellseg import cli
from cellseg.errors import CellsegError
from cellseg.files import read_json


def parse():
    parser = cli.Parser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--out", required=True, help="gets images, masks, labels, options.json; replaces earlier ones")
    parser.add_argument("--count", type=int, default=10, help="number of images")
    parser.add_argument("--seed", type=int, default=0, help="image i comes from the seed [SEED, i]")
    parser.add_argument("--size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="same as population.template")
    setting = "an option, such as population.N=20 or cell_obj.nucleus.shape=0.1,0.1; may be repeated"
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="changes", help=setting)
    parser.add_argument("--options", metavar="FILE", help="options as JSON, such as an earlier options.json")
    parser.add_argument("--format", choices=("png", "tif"), default="png", help="of all three kinds of files")
    parser.add_argument("--bits", type=int, choices=(8, 16), default=8, help="of the images; labels have 16")
    channels = ("nuclei", "cytoplasm", "subcell")
    parser.add_argument("--channel", choices=channels, default="nuclei", help="what is in images, masks and labels")
    arguments = parser.parse_args()
    if not 1 <= arguments.count <= 1000000:
        parser.error(f"--count {arguments.count}: must be from 1 to 1000000")
    return arguments


def read_options(arguments):
    """Put the options together: defaults, then the file, then --size, then --set."""
    from cellseg.simcep import Options

    record = read_json(arguments.options) if arguments.options else {}
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
        changes[name.strip()] = parse_value(text)
    return options.replace(changes)


def parse_value(text):
    """Read a value as JSON, with or without a list's brackets, or else as text, which no option takes."""
    try:
        return json.loads(f"[{text}]" if "," in text and not text.strip().startswith("[") else text)
    except ValueError:
        return text


def main():
    arguments = parse()
    cli.need("numpy", "scipy", "PIL", "tqdm")
    from cellseg.data.simulations import write_simulations
    from cellseg.progress import bar

    options = read_options(arguments)
    suffix = f".{arguments.format}"
    chosen = (arguments.count, arguments.seed, arguments.channel, arguments.bits, suffix)
    full = write_simulations(arguments.out, options, *chosen, progress=bar("image"))
    if full:
        which = f"{len(full)} of {arguments.count} images are full with fewer than {options.population.N} cells"
        print(f"warning: {which}, {full[0]} the first; allow more population.overlap", file=sys.stderr)
    print(f"{arguments.count} images in {arguments.out}")


if __name__ == "__main__":
    cli.run(main)
