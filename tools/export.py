"""Export a trained model for other programs: an ONNX file, and a package in the format of the BioImage Model Zoo.

Every export is run beside the engine, and refused if it does not give the same. The package (a folder and the same as
a zip file, for bioimageio.core and the programs that read this format) is written where --author is given, since the
format names the authors; it is tested by bioimageio.core, without network.

    python3 tools/export.py runs/finetune/finetune.caffemodel --out exported --author "Ada Lovelace"
"""

import importlib.util
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cellseg import cli
from cellseg.data.constants import NORMALISATIONS
from cellseg.errors import CellsegError, install

_ENGINES = ("auto", "caffe", "torch")  # the faster ones compute less exactly than the comparison asks for


def parse():
    parser = cli.Parser(description=__doc__)
    parser.add_argument("model", help="a .caffemodel or .caffemodel.h5")
    parser.add_argument("--out", required=True, help="folder for the results; an earlier export there is replaced")
    parser.add_argument("--deploy", help="deploy prototxt (default: beside the model, else prototxt/deploy.prototxt)")
    compared = "what the export is compared with (%(default)s)"
    parser.add_argument("--engine", choices=_ENGINES, default="auto", help=compared)
    group = parser.add_argument_group("package")
    group.add_argument("--author", action="append", help="of the model; again for each; without, there is no package")
    group.add_argument("--name", help="of the package and its zip file (default: cellseg_ and the net's)")
    group.add_argument("--license", default="CC0-1.0", help="of the weights: an SPDX identifier (%(default)s)")
    rule = "rule by which the model's images were normalised (default: the run's)"
    group.add_argument("--normalisation", choices=NORMALISATIONS, help=rule)
    threshold = "number, or evaluation.json (default: the one in honest/ or beside the model)"
    group.add_argument("--threshold", help=threshold)
    arguments = parser.parse_args()
    if arguments.author and not all(name.strip() for name in arguments.author):
        parser.error("argument --author: a name is empty")
    return arguments


def main():
    arguments = parse()
    need(arguments)
    from cellseg.export.export import export
    from cellseg.models.find import default_deploy

    deploy = arguments.deploy or default_deploy(arguments.model)
    order, facts = package_of(arguments, deploy) if arguments.author else (None, None)
    done = export(arguments.model, deploy, arguments.out, order, facts, arguments.engine)
    show(arguments, deploy, facts, done)


def need(arguments):
    """Find the modules for this export, in this Python or one that `make` made."""
    extras = ["onnx", "onnxruntime", *(["bioimageio"] if arguments.author else [])]
    try:
        cli.need("h5py", "noise", "PIL", "scipy", "skimage", "tqdm", *extras, engine_name=arguments.engine)
    except CellsegError:
        missing = [name for name in extras if importlib.util.find_spec(name) is None]
        if not missing:
            raise
        lacks = f"this Python ({sys.executable}) lacks {', '.join(missing)}"
        raise CellsegError(f"{lacks}; run: {install('export')}") from None


def package_of(arguments, deploy):
    """What the user and the records beside the model say of the package."""
    from cellseg.engine.prototxt import read_net
    from cellseg.engine.weights import read_weights
    from cellseg.export.facts import gather

    read_weights(arguments.model)
    try:
        from cellseg.export.description import Order
    except ImportError as error:
        raise CellsegError(f"{error.name} cannot be imported; run: {install('export')}") from error
    if not Path(deploy).is_file():
        raise CellsegError(f"{deploy}: no such file; give a deploy prototxt")
    name = arguments.name or f"cellseg_{read_net(deploy).name or 'net'}"
    order = Order(name, arguments.author, arguments.license)
    return order, gather(arguments.model, arguments.normalisation, arguments.threshold)


def show(arguments, deploy, facts, done):
    """Print what was found."""
    print(f"{arguments.model} with {deploy}, engine {done.engine['name']} {done.engine['version']}")
    print(f"model.onnx: largest difference from the engine {done.difference:.2g}, on random images of two sizes")
    if facts:
        print(f"package: largest difference {done.package_difference:.2g}, on its test image")
        print(f"package: normalisation {facts.normalisation}; threshold {facts.threshold:g}, {facts.chosen_on}")
        print(f"package: bioimageio.core's test: {done.verdict}")
    else:
        print("no package: give --author, which its format asks for")
    print(f"written: {', '.join(map(str, done.paths))}")


if __name__ == "__main__":
    cli.run(main)
