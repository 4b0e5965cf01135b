"""The part of the widget that segments: image, model, and settings that act at once on the maps of the network."""

from functools import partial
from weakref import WeakKeyDictionary

import napari.layers
import numpy as np
from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
)

from cellseg.errors import CellsegError
from cellseg.napari.background import Progress, in_background
from cellseg.napari.layers import LayerBox, follow, pixels_of, shown_index, shown_plane
from cellseg.napari.models import ModelBox
from cellseg.napari.sliders import Sliders
from cellseg.segmentation.model import load_model
from cellseg.segmentation.segment_array import find_in_maps, map_image

_LOOK = 100  # milliseconds between two looks at the progress
_WIDEST = 10_000  # pixels of a cell's diameter


class Segmenting(QGroupBox):
    """Segments the shown plane of an image, or all of its planes, into a layer of labels.

    Parameters
    ----------
    viewer : napari.Viewer

    Attributes
    ----------
    segmented : Signal
        Emitted with the layer of labels when an image is done.
    """

    segmented = Signal(object)

    def __init__(self, viewer):
        super().__init__("Segment")
        self._viewer = viewer
        self.image, self.model = LayerBox(viewer, napari.layers.Image), ModelBox()
        self.diameter = QDoubleSpinBox(maximum=_WIDEST, decimals=1, specialValueText="not rescaled")
        self.all_planes = QCheckBox("all planes")
        self.button, self.cancel_button = QPushButton("Segment"), QPushButton("Cancel")
        self.bar, self.count = QProgressBar(), QLabel()
        self.sliders = Sliders()
        self._loaded = (None, None)  # a name and its model
        self._set_for = (None, None)  # the model's name and the diameter for which the sliders stand
        self._progress = progress = Progress()
        self._pixels = 1  # of a plane
        self._clock = QTimer(self, interval=_LOOK)
        self._maps = None  # of one plane: layer, index, maps
        self._labels = WeakKeyDictionary()  # of each image: the layer of its labels, and what was found in each plane
        self._todo: list[tuple[int, ...]] = []
        self._finding = False
        self._lay_out()
        self.sliders.moved.connect(self._find_again)
        self._clock.timeout.connect(self._show_progress)
        self.destroyed.connect(lambda *_: setattr(progress, "cancelled", True))  # the viewer is closed
        self.button.clicked.connect(self.segment)
        self.cancel_button.clicked.connect(self.cancel)
        self.image.currentIndexChanged.connect(self._image_changed)
        follow(viewer.dims.events.current_step, self._image_changed, self)
        self._set_busy(False)
        self._image_changed()

    def _lay_out(self):
        tip = "Median diameter of the cells in pixels: the network sees the image at the size that it was trained on"
        self.diameter.setToolTip(tip)
        buttons = QHBoxLayout()
        for button in (self.button, self.cancel_button):
            buttons.addWidget(button)
        form = QFormLayout(self)
        form.addRow("Image", self.image)
        form.addRow("Model", self.model)
        form.addRow("Diameter", self.diameter)
        form.addRow(self.all_planes)
        form.addRow(buttons)
        for row in (self.bar, self.sliders, self.count):
            form.addRow(row)

    def labels_of(self, image):
        """The layer of labels that was made from an image; None if there is none any more."""
        layer, _ = self._labels.get(image, (None, None))
        return layer if layer in self._viewer.layers else None

    def segment(self) -> None:
        """Segment the image with the model."""
        layer = self.image.layer
        try:
            shown = shown_plane(self._viewer, layer)
        except CellsegError as error:
            show_warning(str(error))
            return
        self._todo = [shown.where]
        if self.all_planes.isChecked():
            self._todo = list(np.ndindex(*pixels_of(layer).shape[:-2]))
        chosen = self.model.chosen, self.diameter.value()
        changes = self.sliders.values if self._set_for == chosen else {}
        self._progress.cancelled = False
        self._set_busy(True)
        self._next(layer, chosen, changes)

    def cancel(self) -> None:
        """Stop at the next band of windows. Planes that are done keep their cells."""
        self._progress.cancelled = True
        self.bar.setFormat("cancelling ...")

    def _next(self, layer, chosen, changes):
        index = self._todo[0]
        pixels = np.asarray(pixels_of(layer)[index])
        self._progress.pixels, self._pixels = 0, pixels.size
        self.bar.setFormat(f"plane {list(index)}: %p%" if index else "%p%")
        done = partial(self._mapped, layer, index, chosen, changes)
        in_background(self, self._map, pixels, *chosen, changes, done=done, failed=self._failed)

    def _map(self, pixels, name, diameter, changes):
        """In a thread: load the model, run it, and find the cells."""
        known, model = self._loaded
        model = model if known == name else load_model(name)
        self._progress(0)
        maps = map_image(pixels, model, diameter or None, self._progress)
        return model, maps, find_in_maps(maps, **changes)

    def _mapped(self, layer, index, chosen, changes, result):
        model, maps, (found, notes) = result
        self._loaded = chosen[0], model
        if self._set_for != chosen:
            self._set_for = chosen
            self.sliders.put(maps)
        if layer not in self._viewer.layers:
            self._failed(f"'{layer.name}' was removed; its cells are not shown")
            return
        self._maps = layer, index, maps
        self._show(layer, index, found)
        for note in notes:
            show_warning(f"{layer.name}: {note}")
        self._todo = self._todo[1:]
        if self._todo:
            self._next(layer, chosen, changes)
            return
        self._set_busy(False)
        self._image_changed()
        self.segmented.emit(self._labels[layer][0])

    def _failed(self, message):
        self._todo = []
        self._set_busy(False)
        (show_info if self._progress.cancelled else show_error)(message)

    def _show_progress(self):
        self.bar.setValue(100 * self._progress.pixels // self._pixels)

    def _set_busy(self, busy):
        (self._clock.start if busy else self._clock.stop)()
        self.bar.setValue(0)
        self.button.setEnabled(not busy)
        self.cancel_button.setEnabled(busy)
        self.bar.setVisible(busy)

    def _image_changed(self, event=None):
        """Sliders act where the maps of the shown plane are known."""
        layer = self.image.layer
        shape = () if layer is None else pixels_of(layer).shape
        self.all_planes.setVisible(layer is not None and not layer.rgb and len(shape) > 2)
        known = self._maps is not None and self._maps[0] is layer
        known = known and shown_index(self._viewer, layer) == self._maps[1]
        self.sliders.setEnabled(known)
        self.sliders.setStatusTip("" if known else "segment this plane first")

    def _find_again(self):
        """Find the cells with the settings of now; while that runs, the next settings wait."""
        if self._finding:
            self.sliders.wait()
            return
        layer, index, maps = self._maps
        self._finding = True
        found = partial(self._found_again, layer, index)
        in_background(self, partial(find_in_maps, maps, **self.sliders.values), done=found, failed=self._not_found)

    def _found_again(self, layer, index, result):
        self._finding = False
        if layer in self._viewer.layers:
            self._show(layer, index, result[0])

    def _not_found(self, message):
        self._finding = False
        show_error(message)

    def _show(self, image, index, found):
        """Put labels into their layer; labels that were corrected by hand stay, and the new ones get another layer."""
        layer, known = self._labels.get(image, (None, {}))
        gone = layer not in self._viewer.layers
        corrected = not gone and index in known and not np.array_equal(layer.data[index], known[index])
        if gone or corrected:
            if corrected:
                show_info(f"'{layer.name}' was corrected by hand and stays; the new cells are in another layer")
            shape = pixels_of(image).shape
            names = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
            placed = {name: getattr(image, name) for name in names}
            layer = self._viewer.add_labels(np.zeros(shape, np.int32), name=f"{image.name} cells", **placed)
            known = {}
        layer.data[index] = found.labels
        known[index] = layer.data[index].copy()
        layer.refresh()
        self._labels[image] = layer, known
        count = len(found.objects)
        self.count.setText(f"{count} cell{'' if count == 1 else 's'}")
