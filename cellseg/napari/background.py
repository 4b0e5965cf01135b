"""Work in a thread beside napari's window; what goes wrong is one line in napari's own notices."""

from collections.abc import Callable

from napari.qt.threading import thread_worker
from napari.utils.notifications import show_error
from qtpy.compat import isalive

from cellseg.errors import CellsegError


class Progress:
    """How far a thread is, and whether it is to end. It holds nothing of Qt, so that it outlives every window.

    Attributes
    ----------
    pixels : int
        That are done.
    cancelled : bool
    """

    def __init__(self):
        self.pixels, self.cancelled = 0, False

    def __call__(self, pixels: int) -> None:
        """Count pixels, in the thread.

        Raises
        ------
        CellsegError
            If it is to end.
        """
        if self.cancelled:
            raise CellsegError("cancelled; planes that were done before keep their cells")
        self.pixels += pixels


def in_background(owner, function: Callable, *arguments, done: Callable, failed: Callable = show_error) -> None:
    """Call ``function(*arguments)`` in a thread.

    Parameters
    ----------
    owner : QWidget
        Once it is no more, neither `done` nor `failed` is called.
    function : callable
    *arguments
    done : callable
        Called in napari's thread with the result.
    failed : callable
        Called there with the message of a `CellsegError`, of a file that cannot be read or of lacking memory.
    """

    @thread_worker(start_thread=False)
    def work():
        try:
            return owner, done, function(*arguments)
        except MemoryError:
            return owner, failed, "more memory is needed than there is; take a smaller image"
        except (CellsegError, OSError) as error:
            return owner, failed, str(error)

    worker = work()
    worker.returned.connect(_hand_on)
    worker.start()


def _hand_on(result):
    owner, function, value = result
    if isalive(owner):
        function(value)
