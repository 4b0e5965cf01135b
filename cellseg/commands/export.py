"""Export a trained model for other programs: an ONNX file, and a package in the format of the BioImage Model Zoo.

Every export is run beside the engine, and refused if it does not give the same. The package (a folder and the same as
a zip file, for bioimageio.core and the programs that read this format) is written where --author is given, since the
format names the authors. It is tested by bioimageio.core, without network.

    cellseg export runs/finetune/finetune.caffemodel --out exported --author "Ada Lovelace"
"""

from pathlib import Path

from cellseg import cli
from cellseg.commands import options
from cellseg.engine.fork_option import add_fork, take_fork
from cellseg.errors import CellsegError
from cellseg.models.shipped import LICENCE, is_shipped

_LICENCE = "CC0-1.0"
_ENGINES = ("auto", "caffe", "torch")  # the faster ones compute less exactly than the comparison asks for


def add_arguments(parser):
    """Add the verb's options."""
    options.add_model_argument(parser)
    parser.add_argument("--out", required=True, help="folder for the results; an earlier export there is replaced")
    options.add_deploy(parser)
    options.add_engine(parser, _ENGINES)
    add_fork(parser)
    group = parser.add_argument_group("package")
    group.add_argument("--author", action="append", help="author of the model; may be repeated; no author, no package")
    group.add_argument("--name", help="name of the package and its zip file (default: cellseg_ and the network's)")
    license = f"licence of the weights, an SPDX identifier (default: {_LICENCE}; of a model that ships, {LICENCE})"
    group.add_argument("--license", help=license)
    options.add_normalisation(group, "the run's")
    threshold = "a number, or an evaluation.json (default: the one in honest/ or beside the model)"
    group.add_argument("--threshold", help=threshold)


def run(arguments):
    """Export, and print what was found."""
    if arguments.author and not all(name.strip() for name in arguments.author):
        raise CellsegError("argument --author: a name is empty")
    take_fork(arguments)
    cli.need("export", "onnx", "onnxruntime", *(["bioimageio"] if arguments.author else []))
    from cellseg.export.export import export
    from cellseg.models.find import default_deploy, find_model

    model = find_model(arguments.model)
    deploy = arguments.deploy or default_deploy(model)
    order, card = _package(arguments, model, deploy) if arguments.author else (None, None)
    done = export(model, deploy, arguments.out, order, card, arguments.engine)
    _show(model, deploy, card, done)


def _package(arguments, model, deploy):
    """What the user and the records beside the model say of the package."""
    from cellseg.engine.prototxt import read_net
    from cellseg.engine.weights import read_weights
    from cellseg.export.card import read_card
    from cellseg.export.description import Order

    read_weights(model)
    if not Path(deploy).is_file():
        raise CellsegError(f"{deploy}: no such file; give a deploy prototxt")
    name = arguments.name or f"cellseg_{read_net(deploy).name or 'net'}"
    licence = arguments.license or (LICENCE if is_shipped(model) else _LICENCE)
    order = Order(name, arguments.author, licence)
    return order, read_card(model, arguments.normalisation, arguments.threshold)


def _show(model, deploy, card, done):
    from cellseg.engine import forks
    from cellseg.engine.prototxt import read_net

    print(f"{model} with {deploy}, engine {done.engine['name']} {done.engine['version']}")
    print(f"model.onnx: largest difference from the engine {done.difference:.2g}, on random images")
    for line in forks.in_words(read_net(deploy)):
        print(line)
    if card:
        print(f"package: largest difference {done.package_difference:.2g}, on its test image")
        used = card.settings
        print(f"package: normalisation {used.normalisation}; threshold {used.threshold:g}, {used.chosen_on}")
        print(f"package: bioimageio.core's test: {done.verdict}")
    else:
        print("no package: give --author, which its format asks for")
    print(f"written: {', '.join(map(str, done.paths))}")
