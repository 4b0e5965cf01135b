"""Looking at images in a child process: one on which a decoder crashes takes no other image with it."""

from cellseg.engine.process import Child, ChildEnded
from cellseg.errors import CellsegError


class Apart:
    """A child process for calls about one image each, started when it is needed. Use it in a ``with`` statement."""

    def __init__(self):
        self._child = None

    def call(self, function, path, *arguments):
        """Call ``function(path, *arguments)`` there.

        Parameters
        ----------
        function : callable
            Of a module.
        path : str or path
            Of the image.
        *arguments

        Raises
        ------
        CellsegError
            If the function raised one, or has ended the process; the next call gets another one.
        """
        self._child = self._child or Child(threads=1)
        try:
            return self._child.call(function, path, *arguments)
        except ChildEnded as error:
            self._close()
            raise CellsegError(f"{path}: {error}") from error

    def _close(self):
        child, self._child = self._child, None
        if child:
            child.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._close()
