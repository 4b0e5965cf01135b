"""Sliders for the settings with which cells are found in the maps of a network."""

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QFormLayout, QWidget
from superqt import QLabeledDoubleSlider, QLabeledSlider

_PAUSE = 150  # milliseconds after the last move
_LARGEST = 2000  # pixels of the smallest cell, at the right end of its slider
_DEEPEST = {1: 5.0, 2: 1.0}  # of a split: in pixels, or in parts of a cell's distance from its edge
_TIPS = {
    "threshold": "A pixel is cell where its probability is at least this",
    "split": "How deep the valley between two touching cells has to be: less makes more cells",
    "smallest_object": "Cells with fewer pixels are left out",
}


class Sliders(QWidget):
    """Threshold, split and smallest cell.

    Attributes
    ----------
    moved : Signal
        Emitted when the user has moved one and stopped.
    """

    moved = Signal()

    def __init__(self):
        super().__init__()
        self.threshold, self.split, self.smallest = QLabeledDoubleSlider(), QLabeledDoubleSlider(), QLabeledSlider()
        self._sliders = dict(zip(_TIPS, (self.threshold, self.split, self.smallest), strict=True))
        self._timer = QTimer(self, singleShot=True, interval=_PAUSE)
        self._timer.timeout.connect(self.moved)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        titles, ranges = ("Threshold", "Split", "Smallest cell"), ((1, 0.01), (1, 0.01), (_LARGEST, 1))
        for (name, slider), title, (most, step) in zip(self._sliders.items(), titles, ranges, strict=True):
            slider.setOrientation(Qt.Orientation.Horizontal)
            slider.setRange(0, most)
            slider.setSingleStep(step)
            slider.setToolTip(_TIPS[name])
            slider.valueChanged.connect(self.wait)
            form.addRow(title, slider)

    @property
    def values(self) -> dict[str, float]:
        """Where they stand, by the names of fields of `cellseg.models.settings.ModelSettings`."""
        return {name: slider.value() for name, slider in self._sliders.items()}

    def put(self, maps) -> None:
        """Put them where the settings of `cellseg.segmentation.segment_array.Maps` are; that is no move."""
        self.split.setMaximum(_DEEPEST[len(maps.maps)])
        for name, slider in self._sliders.items():
            slider.blockSignals(True)
            slider.setValue(getattr(maps.settings, name) or 0)
            slider.blockSignals(False)

    def wait(self, *_) -> None:
        """Say in a moment that one has moved."""
        self._timer.start()
