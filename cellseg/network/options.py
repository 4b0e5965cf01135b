"""The parameters of the networks as command-line options, and as a record."""

from dataclasses import asdict, fields, replace

from cellseg.errors import CellsegError
from cellseg.network import NETWORKS

_HELP = {
    "poolings": "number of 2x2 poolings",
    "kernel": "side of the convolution kernels",
    "features": "maps of the first convolution",
    "score_kernel": "side of the last convolution's kernel (of the report's network)",
}


def add_variant_options(parser):
    """Add an option for each parameter of a network to an `argparse` parser."""
    group = parser.add_argument_group("network (default: the recipe's)")
    for name, text in _HELP.items():
        group.add_argument(_option(name), type=int, help=text)


def variant_from(arguments, default):
    """The network that parsed arguments describe.

    Parameters
    ----------
    arguments : argparse.Namespace
    default : Fcn or UNet
        Has what the arguments leave open.

    Raises
    ------
    CellsegError
        If a value is out of range or the network has no such parameter.
    """
    given = _given(arguments)
    unknown = set(given) - {field.name for field in fields(default)}
    if unknown:
        raise CellsegError(f"the network {default.NAME} has no {', '.join(sorted(unknown))}; leave it out")
    return replace(default, **given)


def variant_words(arguments):
    """The same arguments as words for another command line."""
    return [f"{_option(name)}={value}" for name, value in _given(arguments).items()]


def variant_name(variant, default):
    """What sets a network apart from another one of its kind, such as ``kernel-5``; empty if nothing does."""
    values, usual = asdict(variant), asdict(default)
    return "_".join(f"{name}-{value}" for name, value in values.items() if value != usual[name])


def variant_record(variant):
    """A network as a dict for a record: its name under ``network``, and its parameters."""
    return {"network": variant.NAME, **asdict(variant)}


def variant_of(record):
    """The network that such a dict describes; one without a name is the report's."""
    parameters = dict(record)
    return NETWORKS[parameters.pop("network", "fcrn_a")](**parameters)


def _option(name):
    return "--" + name.replace("_", "-")


def _given(arguments):
    return {name: getattr(arguments, name) for name in _HELP if getattr(arguments, name) is not None}
