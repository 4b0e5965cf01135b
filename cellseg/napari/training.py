"""The part of the widget that trains: images are kept with their corrected labels, and a model learns from them."""

from pathlib import Path

import napari.layers
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSpinBox,
)

from cellseg.data.annotation import IMAGES, LABELS, keep
from cellseg.data.pairs import pair_folders
from cellseg.errors import CellsegError
from cellseg.fine_tuning import STEPS, TRUTH, FineTuning
from cellseg.models.find import find_model
from cellseg.models.shipped import find_shipped
from cellseg.napari.layers import LayerBox, check_alike, shown_index, shown_plane
from cellseg.napari.loss_plot import LossPlot
from cellseg.napari.trainer import Trainer
from cellseg.recipes import RECIPES

_WHERE = Path.home() / "cellseg-annotations"
_WORDS = dict(zip(STEPS, ("preparing the images", "training", "comparing old and new"), strict=True))


class Training(QGroupBox):
    """Keeps images with their labels, and trains on them.

    Parameters
    ----------
    viewer : napari.Viewer
    segmenting : cellseg.napari.segmenting.Segmenting
        Whose image and model are taken.

    Attributes
    ----------
    trained : Signal
        Emitted with the folder of a new model.
    """

    trained = Signal(str)

    def __init__(self, viewer, segmenting):
        super().__init__("Correct and train")
        self._viewer, self._segmenting = viewer, segmenting
        self.labels = LayerBox(viewer, napari.layers.Labels)
        self.folder, self.browse = QLineEdit(str(_WHERE)), QPushButton("...")
        self.keep_button, self.kept = QPushButton("Keep as training image"), QLabel()
        self.epochs = QSpinBox(minimum=1, maximum=1000, value=RECIPES["cells"].epochs)
        self.train_button, self.cancel_button = QPushButton("Train on these"), QPushButton("Cancel")
        self.bar, self.plot, self.verdict = QProgressBar(), LossPlot(), QLabel(wordWrap=True)
        self.trainer = Trainer()
        self._out = Path()
        self._lay_out()
        segmenting.segmented.connect(self.labels.choose)
        self.browse.clicked.connect(self._browse)
        self.folder.editingFinished.connect(self._count)
        self.keep_button.clicked.connect(self.keep)
        self.train_button.clicked.connect(self.train)
        self.cancel_button.clicked.connect(self.trainer.cancel)
        self.trainer.began.connect(self._began)
        self.trainer.advanced.connect(self._advanced)
        self.trainer.finished.connect(self._finished)
        self.trainer.failed.connect(self._failed)
        self._set_busy(False)
        self._count()

    def _lay_out(self):
        where, buttons = QHBoxLayout(), QHBoxLayout()
        where.addWidget(self.folder)
        where.addWidget(self.browse)
        self.browse.setMaximumWidth(32)
        self.folder.setToolTip("Annotation folder, with images/ and labels/; cellseg train takes it, too")
        self.epochs.setToolTip("How often the network sees each training image with its copies")
        for button in (self.train_button, self.cancel_button):
            buttons.addWidget(button)
        form = QFormLayout(self)
        form.addRow("Labels", self.labels)
        form.addRow("Folder", where)
        form.addRow(self.keep_button)
        form.addRow(self.kept)
        form.addRow("Epochs", self.epochs)
        form.addRow(buttons)
        for widget in (self.bar, self.plot, self.verdict):
            form.addRow(widget)

    @property
    def place(self) -> Path:
        """The annotation folder."""
        return Path(self.folder.text()).expanduser().absolute()

    def keep(self) -> None:
        """Write the shown plane of the image, and its labels, into the annotation folder."""
        image, labels = self._segmenting.image.layer, self.labels.layer
        try:
            shown = shown_plane(self._viewer, image)
            check_alike(image, labels)
            plane = labels.data[shown_index(self._viewer, labels)]
            name = "-".join([image.name, *map(str, shown.where)])
            kept = keep(self.place, name, shown.pixels, plane)
        except (CellsegError, OSError) as error:
            show_error(str(error))
            return
        note = f"; {kept.note}" if kept.note else ""
        show_info(f"kept {kept.cells} cells: {self.place / IMAGES / kept.name}.tif{note}")
        self._count()

    def train(self) -> None:
        """Train on the images of the annotation folder, from the model that is chosen."""
        numbers = (number for number in range(1, 10000) if not (self.place / f"model-{number}").exists())
        name, model = f"model-{next(numbers)}", self._segmenting.model.chosen
        try:
            start = model if find_shipped(model) else str(find_model(Path(model)).absolute())
            pair_folders(self.place / IMAGES, self.place / LABELS, TRUTH["labels"])
            plan = FineTuning(Path(IMAGES), Path(LABELS), "labels", Path(name), start, epochs=self.epochs.value())
            self.trainer.start(plan, self.place)
        except (CellsegError, OSError) as error:
            show_error(str(error))
            return
        self._out = self.place / name
        self.verdict.setText("")
        self._set_busy(True)

    def _began(self, step):
        self.bar.setRange(0, 0)
        self.bar.setFormat(_WORDS[step])
        self.verdict.setText(f"{_WORDS[step]} ...")

    def _advanced(self, done, total, losses):
        if done < total:
            self.bar.setRange(0, total)
            self.bar.setValue(done)
        self.plot.show_losses(losses)

    def _finished(self, comparison):
        self._set_busy(False)
        self.verdict.setText("\n".join(" ".join(line.split()) for line in comparison.lines))
        self.trained.emit(str(self._out))

    def _failed(self, message):
        self._set_busy(False)
        self.verdict.setText(message)
        show_error(f"{self.place}: {message}")

    def _set_busy(self, busy):
        self.train_button.setEnabled(not busy)
        self.cancel_button.setEnabled(busy)
        self.bar.setVisible(busy)
        self.plot.setVisible(busy or bool(self.plot.losses))

    def _browse(self):
        path = QFileDialog.getExistingDirectory(self, "Annotation folder", self.folder.text())
        if path:
            self.folder.setText(path)
            self._count()

    def _count(self):
        try:
            pairs, left_out = pair_folders(self.place / IMAGES, self.place / LABELS, TRUTH["labels"])
        except CellsegError:
            pairs, left_out = [], []
        missing = f"; left out, without a counterpart: {', '.join(path.name for path in left_out)}" if left_out else ""
        self.kept.setText(f"{len(pairs)} training image{'' if len(pairs) == 1 else 's'}{missing}")
        self.train_button.setEnabled(bool(pairs) and not self.trainer.runs)
