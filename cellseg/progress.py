"""Progress bars: on a terminal only.

It runs beside real Caffe, too, and so under Python 3.9.
"""

import functools
import os
import sys

from tqdm import tqdm


def bar(unit, **options):
    """Give a function that wraps a loop in a bar on standard error, or does nothing if that is no terminal."""
    shown = sys.stderr.isatty()
    # Some terminals (docker, script) say that they have neither columns nor rows.
    sized = not shown or os.get_terminal_size(sys.stderr.fileno()).columns > 0
    size = {"dynamic_ncols": True} if sized else {"ncols": 80, "nrows": 24}
    return functools.partial(tqdm, unit=f" {unit}", disable=not shown, **size, **options)
