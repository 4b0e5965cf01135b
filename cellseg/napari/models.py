"""The choice of a model: those that ship, a file, or a run folder."""

from pathlib import Path

from napari.utils.notifications import show_error
from qtpy.QtWidgets import QComboBox, QFileDialog

from cellseg.errors import CellsegError
from cellseg.models.find import find_model
from cellseg.models.shipped import shipped_models

_FILE, _FOLDER = "a file ...", "a run folder ..."


class ModelBox(QComboBox):
    """A choice among models; what is chosen from the disk joins the list."""

    def __init__(self):
        super().__init__()
        for one in shipped_models():
            self.addItem(one.name, one.name)
            self.setItemData(self.count() - 1, one.about, 3)  # Qt.ToolTipRole
        for text in (_FILE, _FOLDER):
            self.addItem(text)
        self._before = self.currentIndex()
        self.activated.connect(self._activated)

    @property
    def chosen(self) -> str:
        """Its name or path; see `cellseg.models.find.find_model`."""
        return self.currentData()

    def add(self, path) -> None:
        """Add a model on the disk and choose it.

        Raises
        ------
        CellsegError
            If it is none.
        """
        find_model(Path(path))
        place = self.count() - 2
        self.insertItem(place, Path(path).name, str(path))
        self.setItemData(place, str(path), 3)
        self.setCurrentIndex(place)
        self._before = place

    def _activated(self, index):
        text = self.itemText(index)
        if self.itemData(index):
            self._before = index
            return
        self.setCurrentIndex(self._before)
        if text == _FILE:
            path, _ = QFileDialog.getOpenFileName(self, "A model", "", "Weights (*.caffemodel *.caffemodel.h5)")
        else:
            path = QFileDialog.getExistingDirectory(self, "A run folder")
        if path:
            try:
                self.add(path)
            except CellsegError as error:
                show_error(str(error))
