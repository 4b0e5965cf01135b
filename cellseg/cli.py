"""What every tool does alike at its edges: one line for a user's mistake, one for Ctrl-C, exit code 2."""

import os
import sys

from cellseg.errors import CellsegError


def run(main):
    """Call ``main()`` and end the process with its exit code.

    A `CellsegError` and a Ctrl-C become one line on standard error and exit code 2; a reader that closed our
    output (``| head``) ends the tool quietly. Any other exception is a defect of ours and keeps its traceback.
    """
    try:
        code = main() or 0
        sys.stdout.flush()
    except CellsegError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("interrupted: nothing was changed", file=sys.stderr)
        code = 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 1
    sys.exit(code)
