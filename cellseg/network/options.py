"""The network's parameters as command-line options."""

from dataclasses import fields

from cellseg.network.fcn import Variant

_HELP = {
    "poolings": "number of 2x2 poolings",
    "kernel": "side of the convolution kernels",
    "features": "maps of the first convolution",
    "score_kernel": "side of the last convolution's kernel",
}


def add_variant_options(parser):
    """Add one option for each parameter of `Variant` to an `argparse` parser."""
    group = parser.add_argument_group("network (the defaults are the report's)")
    for field in fields(Variant):
        option = "--" + field.name.replace("_", "-")
        group.add_argument(option, type=int, default=field.default, help=f"{_HELP[field.name]} (%(default)s)")


def variant_from(arguments):
    """The `Variant` that parsed arguments describe."""
    return Variant(**{field.name: getattr(arguments, field.name) for field in fields(Variant)})
