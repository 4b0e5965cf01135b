"""Work in a thread beside napari's window; what goes wrong is one line in napari's own notices."""

from collections.abc import Callable

from napari.qt.threading import thread_worker
from napari.utils.notifications import show_error

from cellseg.errors import CellsegError


def in_background(function: Callable, *arguments, done: Callable, failed: Callable = show_error) -> None:
    """Call ``function(*arguments)`` in a thread.

    Parameters
    ----------
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
            return done, function(*arguments)
        except MemoryError:
            return failed, "more memory is needed than there is; take a smaller image"
        except (CellsegError, OSError) as error:
            return failed, str(error)

    worker = work()
    worker.returned.connect(_hand_on)
    worker.start()


def _hand_on(pair):
    function, value = pair
    function(value)
