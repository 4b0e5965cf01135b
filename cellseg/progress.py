"""Progress bars: on a terminal only."""

import functools
import sys

from tqdm import tqdm


def bar(unit, **options):
    """Give a function that wraps a loop in a bar on standard error, or does nothing if that is no terminal."""
    return functools.partial(tqdm, unit=f" {unit}", dynamic_ncols=True, disable=not sys.stderr.isatty(), **options)
