"""A training in a child process, watched from napari: its progress, its loss, its end."""

import threading
from pathlib import Path

from qtpy.QtCore import QObject, QTimer, Signal

from cellseg.engine.process import Child, cores
from cellseg.errors import CellsegError
from cellseg.fine_tuning import FineTuning, fine_tune
from cellseg.layout import Layout
from cellseg.training.log import read_log
from cellseg.training.record import read_run

_LOOK = 500  # milliseconds between two looks at the log


class Trainer(QObject):
    """Runs `cellseg.fine_tuning.fine_tune` in a child process, which ends with this one at the latest.

    Attributes
    ----------
    began : Signal
        Emitted with each of `cellseg.fine_tuning.STEPS`.
    advanced : Signal
        Emitted with the number of iterations done, of all of them, and the list of losses.
    finished : Signal
        Emitted with a `cellseg.evaluation.comparison.Comparison`.
    failed : Signal
        Emitted with the message of what ended the training early.
    """

    began = Signal(str)
    advanced = Signal(int, int, list)
    finished = Signal(object)
    failed = Signal(str)

    def __init__(self):
        super().__init__()
        self.child = None
        self._run = Path()
        self._timer = QTimer(self, interval=_LOOK)
        self._timer.timeout.connect(self._look)

    def start(self, plan: FineTuning, folder: Path) -> None:
        """Start a training.

        Parameters
        ----------
        plan : FineTuning
            Its paths are seen from the folder.
        folder : path
            The working folder of the child.
        """
        self._run = folder / Layout(Path(plan.out)).run("finetune")
        logged = {"GLOG_minloglevel": "0"}  # else the engine's log, which tells the loss, would be empty
        self.child = Child(threads=max(cores() - 1, 1), environment=logged, folder=folder)
        self.child.send(fine_tune, plan)
        threading.Thread(target=self._wait, args=(self.child,), daemon=True).start()
        self._timer.start()

    @property
    def runs(self) -> bool:
        """Whether a training runs."""
        return self.child is not None

    def cancel(self) -> None:
        """Ask the training to end. It leaves a snapshot, and `failed` says how to go on with it."""
        if self.child:
            self.child.terminate()

    def _wait(self, child):
        """In a thread: hand on what the child says, until it ends."""
        try:
            kind, value = child.receive()
            while kind == "report":
                self.began.emit(value)
                kind, value = child.receive()
            end, value = self.finished, value
        except (CellsegError, OSError) as error:
            end, value = self.failed, str(error)
        except KeyboardInterrupt:
            end, value = self.failed, "cancelled before the first iteration"
        child.close()
        self.child = None
        end.emit(value)

    def _look(self):
        if not self.child:
            self._timer.stop()
        try:
            total = read_run(self._run).schedule.iterations or 0
            train = read_log(self._run / "train.log").train[:total]  # behind them stands one that is not learned from
        except CellsegError:  # not begun yet
            return
        self.advanced.emit(len(train), total, [row["loss"] for row in train])
