"""The one exception for a user's mistake."""


class CellsegError(ValueError):
    """Something that the user can put right: a file, a folder, an option.

    The message is one line that says what is wrong, where, and what to do. Tools print it and exit with code 2.
    """

    def __init__(self, message):
        super().__init__(" ".join(str(message).splitlines()))
