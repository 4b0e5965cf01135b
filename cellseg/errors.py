"""The one exception for a user's mistake. Runs on Python 3.9, too: code beside real Caffe raises it."""

#: Name under which this package is distributed; the import stays ``cellseg``.
DISTRIBUTION = "cellseg-caffe"

_LONGEST = 1000  # characters of a message


def install(extra):
    """Name the command that installs an optional extra, for an error message."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def printable(text, longest=None):
    """A text as one line for the terminal, on which nothing acts: what is not printable is written as Python does.

    Of a text of more than `longest` characters the middle is left out.
    """
    text = "".join(c if c.isprintable() or c == "\N{NO-BREAK SPACE}" else ascii(c)[1:-1] for c in str(text))
    if longest is None or len(text) <= longest:
        return text
    return f"{text[: longest // 2]}...{text[10 - longest // 2 :]}"


class CellsegError(ValueError):
    """Something that the user can put right: a file, a folder, an option.

    The message is one line that says what is wrong, where, and what to do. Tools print it and exit with code 2. What it
    quotes from files may be anything: see `printable`.
    """

    #: What a terminal shows above the line: the traceback of code that is the user's own.
    details = ""

    def __init__(self, message):
        super().__init__(printable(" ".join(str(message).splitlines()), _LONGEST))
