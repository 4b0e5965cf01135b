"""The dock widget: segment an image, correct the labels, train on them, and segment again."""

import inspect

from napari.utils.notifications import show_error
from qtpy.QtWidgets import QApplication, QScrollArea, QVBoxLayout, QWidget

from cellseg.errors import CellsegError
from cellseg.napari.segmenting import Segmenting
from cellseg.napari.training import Training

_WIDTH = 320  # pixels


class CellsegWidget(QScrollArea):
    """Everything of cellseg in napari.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Named as napari passes it.
    """

    def __init__(self, napari_viewer):
        super().__init__()
        viewer = inspect.unwrap(napari_viewer)  # layers that come through napari's proxy are not themselves
        self.segmenting = Segmenting(viewer)
        self.training = Training(viewer, self.segmenting)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.addWidget(self.segmenting)
        column.addWidget(self.training)
        column.addStretch(1)
        self.setWidget(inside)
        self.setWidgetResizable(True)
        self.setMinimumWidth(_WIDTH)
        self.training.trained.connect(self._use)
        trainer = self.training.trainer
        self.destroyed.connect(lambda *_: trainer.cancel())  # the viewer is closed
        QApplication.instance().aboutToQuit.connect(trainer.cancel)

    def _use(self, model):
        """Take a new model, and segment the image with it."""
        try:
            self.segmenting.model.add(model)
        except CellsegError as error:
            show_error(str(error))
            return
        if self.segmenting.image.layer is not None:
            self.segmenting.segment()
