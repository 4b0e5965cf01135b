"""The one exception for a user's mistake. Runs on Python 3.9, too: code beside real Caffe raises it."""

#: Name under which this package is distributed; the import stays ``cellseg``.
DISTRIBUTION = "cellseg-caffe"


def install(extra):
    """Name the command that installs an optional extra, for an error message."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def printable(text):
    """A text as one line for the terminal, on which nothing acts: what is not printable is written as Python does."""
    return "".join(c if c.isprintable() or c == "\N{NO-BREAK SPACE}" else ascii(c)[1:-1] for c in text)


class CellsegError(ValueError):
    """Something that the user can put right: a file, a folder, an option.

    The message is one line that says what is wrong, where, and what to do. Tools print it and exit with code 2.
    """

    def __init__(self, message):
        super().__init__(printable(" ".join(str(message).splitlines())))
