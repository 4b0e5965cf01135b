"""The variables of `make` as options: `make finetune REAL=folder` calls `cellseg experiment finetune --from-make`.

The Makefile hands its variables over in the environment, REAL as CELLSEG_REAL, so that no shell reads their text.
"""

import os
import shlex

from cellseg.errors import CellsegError

FLAG = "--from-make"
OF_TRAINING = ("RECIPE", "EPOCHS", "BATCH", "SEED", "VARIANT")
_PREFIX = "CELLSEG_"
#: Variables that hold options; the values of others belong to the option of the same name.
_OPTIONS = ("VARIANT", "AUGMENTATION")


def add_flag(parser):
    """Add --from-make, which `expand` replaces."""
    text = "take options from the environment as the Makefile sets them: CELLSEG_REAL for --real, and so on"
    parser.add_argument(FLAG, action="store_true", help=text)


def expand(words, names):
    """Put the options that `make` has set after the words of a command line that holds --from-make.

    Parameters
    ----------
    words : list of str
    names : tuple of str
        The variables that the verb understands, such as REAL.

    Returns
    -------
    list of str

    Raises
    ------
    CellsegError
        If the value of a variable that holds options has unbalanced quotes.
    """
    if FLAG not in words:
        return words
    given = {name: os.environ.get(_PREFIX + name, "") for name in names}
    added = []
    for name, value in given.items():
        if name in _OPTIONS:
            added += _split(name, value)
        elif name == "SEEDS":
            added += ["--seeds", *value.split()] if value.strip() else []
        elif value:
            added.append(f"--{name.lower()}={value}")
    return [word for word in words if word != FLAG] + added


def _split(name, value):
    try:
        return shlex.split(value)
    except ValueError as error:
        raise CellsegError(f"{name}={value}: {error}") from error
