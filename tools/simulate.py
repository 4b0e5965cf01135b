"""Simulate fluorescence microscope images of cells, with their masks and labels."""

import argparse
import json
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402
from tqdm import tqdm  # noqa: E402

from cellseg import cli  # noqa: E402
from cellseg.data.images import write_image  # noqa: E402
from cellseg.errors import CellsegError  # noqa: E402
from cellseg.files import read_json, replacing_folder, write_json  # noqa: E402
from cellseg.simcep import Options, simulate  # noqa: E402

RECORD = "options.json"
RESULT = {"images", "masks", "labels", RECORD}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--out", required=True, metavar="FOLDER",
                        help=f"gets images, masks, labels and {RECORD}; an earlier result there is replaced")
    parser.add_argument("--count", type=int, default=10, help="number of images")
    parser.add_argument("--seed", type=int, default=0, help="image i comes from the seed [SEED, i]")
    parser.add_argument("--size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="same as population.template")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="changes",
                        help="an option, such as population.N=20 or cell_obj.nucleus.shape=0.1,0.1; may be repeated")
    parser.add_argument("--options", metavar="FILE", help=f"options as JSON, such as an earlier {RECORD}")
    parser.add_argument("--format", choices=("png", "tif"), default="png", help="of all three kinds of files")
    parser.add_argument("--bits", type=int, choices=(8, 16), default=8, help="of the images; labels have 16")
    parser.add_argument("--channel", choices=("nuclei", "cytoplasm", "subcell"), default="nuclei",
                        help="what is in the images, masks and labels")

    def refuse(message):
        raise CellsegError(f"{message}; --help lists the arguments")

    parser.error = refuse
    return parser.parse_args()


def read_options(arguments):
    """Put the options together: defaults, then the file, then --size, then --set."""
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
    options = options.replace(changes)
    part = {"nuclei": "nucleus"}.get(arguments.channel, arguments.channel)
    if not getattr(options.cell_obj, part).include:
        raise CellsegError(f"--channel {arguments.channel}: not included; add --set cell_obj.{part}.include=1")
    return options


def parse_value(text):
    """Read a value as JSON, with or without a list's brackets, or else as text, which no option takes."""
    try:
        return json.loads(f"[{text}]" if "," in text and not text.strip().startswith("[") else text)
    except ValueError:
        return text


def check_out(path):
    """Refuse a place that holds anything but nothing or an earlier result, since the whole folder is replaced."""
    path = Path(path).resolve()
    if path.exists() and not path.is_dir():
        raise CellsegError(f"{path}: is a file; choose a folder")
    held = {item.name for item in path.iterdir()} if path.exists() else set()
    if held and (RECORD not in held or held - RESULT):
        raise CellsegError(f"{path}: holds files that are no earlier result; choose a new folder")
    return path


def write_simulation(folder, name, result, channel, bits):
    picture = np.rint(result.plane(channel) * (2 ** bits - 1))
    write_image(folder / "images" / name, picture.astype(np.uint8 if bits == 8 else np.uint16))
    write_image(folder / "masks" / name, result.plane_mask(channel).astype(np.uint8) * 255)
    write_image(folder / "labels" / name, result.plane_labels(channel).astype(np.uint16))


def main():
    arguments = parse_arguments()
    if not 1 <= arguments.count <= 1000000:
        raise CellsegError(f"--count {arguments.count}: must be from 1 to 1000000")
    options, full = read_options(arguments), []
    try:
        out = check_out(arguments.out)
        with replacing_folder(out) as folder:
            for index in tqdm(range(arguments.count), unit="image", disable=None):
                name = f"{index:05d}.{arguments.format}"
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always", UserWarning)
                    result = simulate(options, [arguments.seed, index])
                full += [name] if caught else []
                write_simulation(folder, name, result, arguments.channel, arguments.bits)
            chosen = {name: getattr(arguments, name) for name in ("count", "seed", "channel", "bits", "format")}
            write_json(folder / RECORD, {**chosen, "options": options.to_dict()})
    except OSError as error:
        raise CellsegError(f"{error.filename or arguments.out}: cannot be used ({error.strerror})") from error
    if full:
        print(f"warning: {len(full)} of {arguments.count} images are full with fewer than "
              f"{options.population.N} cells, {full[0]} the first; allow more population.overlap", file=sys.stderr)
    print(f"{arguments.count} images in {out}")


if __name__ == "__main__":
    cli.run(main)
